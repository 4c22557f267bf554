// Rows quantized at run time: the formula, and every kernel against the reference.
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/dynamic/dynamic.h"
#include "kernels/parallel.h"
#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::kernels::RowKernel;
using octet::kernels::RowParameters;

constexpr float kMost = std::numeric_limits<float>::max();
constexpr float kLeast = std::numeric_limits<float>::min();

std::vector<const RowKernel*> kernels_here() {
  std::vector<const RowKernel*> kernels;
  for (const RowKernel& k : octet::kernels::row_kernels())
    if (octet::kernels::cpu_has(k.isa)) kernels.push_back(&k);
  return kernels;
}

void check_row(float lo, float hi, float scale, std::int32_t zero_point) {
  CAPTURE(lo);
  CAPTURE(hi);
  const RowParameters p = octet::kernels::row_parameters(lo, hi);
  CHECK(p.scale == scale);
  CHECK(p.zero_point == zero_point);
}

TEST_CASE("scale and zero-point of a range") {
  check_row(0, 0, 1, 0);
  check_row(-0.0F, 0, 1, 0);
  check_row(0, 255, 1, 0);
  check_row(-255, 0, 1, 255);
  check_row(-50, 205, 1, 50);
  check_row(-50.23F, 150.62F, static_cast<float>((static_cast<double>(150.62F) + static_cast<double>(50.23F)) / 255), 64);
  // -2.5 / 1 and -3.5 / 1: ties go to the even one.
  check_row(-2.5F, 252.5F, 1, 2);
  check_row(-3.5F, 251.5F, 1, 4);
  // Neither end of f32's range overflows, and scales stay normal.
  check_row(-kMost, kMost, static_cast<float>(2.0 * static_cast<double>(kMost) / 255), 128);
  check_row(0, kLeast, kLeast, 0);
  check_row(-1e-45F, 1e-45F, kLeast, 0);
  check_row(-kLeast, 0, kLeast, 1);
}

TEST_CASE("the golden example of asymmetric quantization") {
  const std::vector<float> x = {150.62F, -50.23F, 0, -19.75F, 149.62F, -49.23F, 63.98F, -22.26F, -48.74F, -32.55F,
                                43.99F, 45.24F, 52.48F, 143.28F, 143.56F, 26.49F, 46.81F, -17.5F, -16.16F, 133.69F};
  const std::vector<std::uint8_t> expected = {255, 0, 64, 39, 254, 1, 145, 36, 2, 23, 120, 121, 131, 246, 246, 98, 123, 42, 43, 234};
  octet::kernels::PaddedImage rows;
  rows.channels = static_cast<std::int64_t>(x.size());
  for (const RowKernel* kernel : kernels_here()) {
    std::vector<std::uint8_t> q(x.size());
    RowParameters p;
    REQUIRE(octet::kernels::quantize_rows(*kernel, rows, x.data(), q.data(), &p, 1));
    CHECK(q == expected);
    CHECK(p.zero_point == 64);
  }
}

/// Values of a magnitude that differs from row to row, with ties and zeros among them.
std::vector<float> values(Random& random, std::size_t count) {
  const float most = std::exp2(random.real(-20, 20));
  const float least = random.integer(0, 2) == 0 ? 0.0F : -most * random.real(0, 2);
  std::vector<float> x = random.reals(count, least, most);
  for (float& v : x)
    if (random.integer(0, 9) == 0) v = random.integer(0, 1) == 0 ? 0.0F : -0.0F;
  return x;
}

TEST_CASE("every kernel finds the range and quantizes as the reference does") {
  Random random(5);
  const RowKernel& reference = octet::kernels::row_kernels()[0];
  for (std::size_t n = 1; n < 70; ++n) {
    const auto x = values(random, n);
    float lo = 0;
    float hi = 0;
    REQUIRE(reference.find_range(x.data(), static_cast<std::int64_t>(n), &lo, &hi));
    std::vector<std::uint8_t> expected(n);
    const RowParameters p = octet::kernels::row_parameters(lo, hi);
    reference.quantize(x.data(), static_cast<std::int64_t>(n), p, expected.data());
    for (const RowKernel* kernel : kernels_here()) {
      CAPTURE(n);
      float least = 1;
      float most = -1;
      REQUIRE(kernel->find_range(x.data(), static_cast<std::int64_t>(n), &least, &most));
      CHECK(least == lo);
      CHECK(most == hi);
      std::vector<std::uint8_t> q(n + 1, 77);
      kernel->quantize(x.data(), static_cast<std::int64_t>(n), p, q.data());
      CHECK(q.back() == 77);
      q.pop_back();
      CHECK(q == expected);
    }
  }
}

TEST_CASE("a NaN or an infinity is found wherever it is") {
  for (const RowKernel* kernel : kernels_here()) {
    for (const std::int64_t n : {1, 7, 8, 16, 37}) {
      for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInf, -kInf, std::bit_cast<float>(0x7F800001U)}) {
        for (std::int64_t i = 0; i < n; ++i) {
          std::vector<float> x(static_cast<std::size_t>(n), kMost);
          float lo = 0;
          float hi = 0;
          CHECK(kernel->find_range(x.data(), n, &lo, &hi));
          x[static_cast<std::size_t>(i)] = bad;
          CHECK_FALSE(kernel->find_range(x.data(), n, &lo, &hi));
        }
      }
    }
  }
}

TEST_CASE("images are surrounded by their own zero-point") {
  Random random(9);
  octet::kernels::PaddedImage rows{3, 4, 5, 2, 1, 2, 3, 0, 0};
  for (const RowKernel* kernel : kernels_here()) {
    for (const bool padded : {false, true}) {
      if (!padded) rows.top = rows.left = rows.bottom = rows.right = 0;
      const auto x = random.reals(3 * 4 * 5 * 2, -1.0F, 3.0F);
      std::vector<std::uint8_t> q(static_cast<std::size_t>(rows.elements()), 77);
      std::vector<RowParameters> p(3);
      REQUIRE(octet::kernels::quantize_rows(*kernel, rows, x.data(), q.data(), p.data(), 2));
      std::size_t at = 0;
      for (std::int64_t n = 0; n < rows.batch; ++n)
        for (std::int64_t h = -rows.top; h < rows.h + rows.bottom; ++h)
          for (std::int64_t w = -rows.left; w < rows.w + rows.right; ++w)
            for (std::int64_t c = 0; c < rows.channels; ++c, ++at) {
              const RowParameters& row = p[static_cast<std::size_t>(n)];
              const bool inside = h >= 0 && h < rows.h && w >= 0 && w < rows.w;
              const float v = inside ? x[static_cast<std::size_t>(((n * rows.h + h) * rows.w + w) * rows.channels + c)] : 0.0F;
              CHECK(static_cast<float>(q[at]) == std::nearbyint(v / row.scale) + static_cast<float>(row.zero_point));
            }
    }
    rows = {3, 4, 5, 2, 1, 2, 3, 0, 0};
  }
}

TEST_CASE("every kernel finishes sums as the reference does, in place too") {
  Random random(6);
  for (const std::int64_t channels : {1, 3, 7, 8, 9, 16, 20, 33}) {
    const auto n = static_cast<std::size_t>(channels);
    for (const std::int64_t pixels : {std::int64_t{1}, std::int64_t{2}, 5000 / channels}) {
      constexpr std::int64_t kRows = 3;
      const auto count = static_cast<std::size_t>(kRows * pixels * channels);
      const auto sums = random.integers<std::int32_t>(count, -1'000'000'000, 1'000'000'000);
      const auto weight_sums = random.integers<std::int32_t>(n, -2'000'000, 2'000'000);
      const auto scales = random.reals(n, 1e-8F, 1e-6F);
      const auto bias = random.reals(n, -30.0F, 30.0F);
      const std::vector<RowParameters> rows = {{0.5F, 0}, {0.01F, 255}, {3e-39F, 99}};
      const octet::kernels::RowEpilogue e{channels, weight_sums.data(), scales.data(), bias.data(), -20.0F, 25.5F};
      std::vector<float> expected(count);
      octet::kernels::finish_rows(octet::kernels::row_kernels()[0], e, sums.data(), rows.data(), kRows, pixels, expected.data(), 1);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t c = i % n;
        const RowParameters& p = rows[i / n / static_cast<std::size_t>(pixels)];
        const float t = static_cast<float>(sums[i] - p.zero_point * weight_sums[c]) * (p.scale * scales[c]) + bias[c];
        REQUIRE(expected[i] == std::min(std::max(t, -20.0F), 25.5F));
      }
      for (const RowKernel* kernel : kernels_here()) {
        for (const int threads : {1, 2}) {
          std::vector<float> y(count);
          octet::kernels::finish_rows(*kernel, e, sums.data(), rows.data(), kRows, pixels, y.data(), threads);
          CHECK(bytes_of(y) == bytes_of(expected));
        }
        std::vector<std::int32_t> place = sums;
        octet::kernels::finish_rows(*kernel, e, place.data(), rows.data(), kRows, pixels, reinterpret_cast<float*>(place.data()), 1);
        CHECK(bytes_of(place) == bytes_of(expected));
      }
    }
  }
}

}  // namespace
}  // namespace octet_test
