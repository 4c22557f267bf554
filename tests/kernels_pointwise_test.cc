// Every pointwise kernel against evaluate(), the definition in f64.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/pointwise/pointwise.h"

namespace octet_test {
namespace {

using octet::kernels::Function;
using octet::kernels::Isa;
using octet::kernels::PointwiseF32;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Parameters {
  float a, b;
};

/// What the function is tested with: parameters that make all of it visible.
Parameters parameters_of(Function f) {
  switch (f) {
    case Function::clip: return {-1.5F, 2.25F};
    case Function::hard_sigmoid: return {0.2F, 0.5F};
    case Function::selu: return {1.6732632F, 1.0507010F};
    case Function::swish: return {1.702F, 0};
    case Function::power: return {3, 0};
    case Function::thresholded_relu: return {0.75F, 0};
    default: return {0.25F, 0};
  }
}

std::vector<float> values() {
  std::vector<float> x = {0.0F, -0.0F, 1e-30F, -1e-30F, 1e-40F, 1e30F, -1e30F, kInfinity, -kInfinity, std::nanf(""), 88.0F, -88.0F, 103.9F, -103.9F};
  for (int i = -4000; i <= 4000; ++i) x.push_back(static_cast<float>(i) * 0.00390625F + 0.0001F);
  for (int i = -120; i <= 120; ++i) x.push_back(std::exp2(static_cast<float>(i) * 0.25F));
  return x;
}

/// A few roundings: of the result, and of sums of things as large as 1 (or as x near 0).
bool close(float y, double r, float x) {
  const auto rounded = static_cast<float>(r);
  if (std::isnan(r) || std::isinf(rounded)) return std::isnan(r) ? std::isnan(y) : y == rounded;
  const double size = std::abs(r) + std::fmin(std::abs(static_cast<double>(x)), 1.0);
  return std::abs(static_cast<double>(y) - r) <= 1e-6 * size + std::numeric_limits<float>::min();
}

TEST_CASE("every function on every instruction set") {
  const std::vector<float> x = values();
  for (const Isa isa : octet::kernels::available_isas()) {
    for (int k = 0; k < octet::kernels::kFunctionCount; ++k) {
      const auto f = static_cast<Function>(k);
      const auto [a, b] = parameters_of(f);
      const auto kernel = octet::kernels::find_pointwise_kernel(isa, f);
      INFO(kernel.name);
      CAPTURE(k);
      std::vector<float> y(x.size());
      octet::kernels::pointwise_f32(kernel, {f, a, b, x.data(), static_cast<std::int64_t>(x.size()), y.data()}, 2);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double r = octet::kernels::evaluate(f, static_cast<double>(x[i]), static_cast<double>(a), static_cast<double>(b));
        CHECK_MESSAGE(close(y[i], r, x[i]), x[i] << ": " << y[i] << ", not " << r);
      }
    }
  }
}

TEST_CASE("any length, any alignment, in place, and nothing beyond") {
  const std::vector<float> x = values();
  for (const Isa isa : octet::kernels::available_isas()) {
    const auto kernel = octet::kernels::find_pointwise_kernel(isa, Function::softsign);
    INFO(kernel.name);
    for (std::int64_t n = 0; n < 35; ++n) {
      for (std::size_t offset = 0; offset < 8; ++offset) {
        std::vector<float> y(static_cast<std::size_t>(n) + offset + 1, 7.0F);
        std::copy_n(x.begin() + 20, n, y.begin() + static_cast<std::ptrdiff_t>(offset));
        kernel.run({Function::softsign, 0, 0, y.data() + offset, n, y.data() + offset});
        for (std::size_t i = 0; i < offset; ++i) CHECK(y[i] == 7.0F);
        for (std::int64_t i = 0; i < n; ++i) {
          const float v = x[20 + static_cast<std::size_t>(i)];
          CHECK(y[offset + static_cast<std::size_t>(i)] == doctest::Approx(v / (1 + std::abs(v))));
        }
        CHECK(y.back() == 7.0F);
      }
    }
  }
}

TEST_CASE("the reference cap is the reference") {
  for (int k = 0; k < octet::kernels::kFunctionCount; ++k)
    CHECK(std::string(octet::kernels::find_pointwise_kernel(Isa::reference, static_cast<Function>(k)).name) == "pointwise_f32_reference");
}

}  // namespace
}  // namespace octet_test
