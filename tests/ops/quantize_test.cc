// Quantize, f32 to u8: q = clamp(rne(x / s) + z, 0, 255). A NaN is a run-time error.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::QuantizeT;

Result<Model> build(Type in, Type out, const Quantization& q, std::int64_t size = 8) {
  GraphBuilder b;
  b.node("y", QuantizeT{}, {b.input("x", in, {1, size})}, out, q);
  return b.model();
}

TEST_CASE("values: ties to even before the zero-point, saturation, infinities") {
  const std::vector<float> x = {0, 0.25F, 0.75F, 1.25F, -0.25F, 1e30F, -kInf, kInf};
  const auto y = run_every_isa<std::uint8_t>(must(build(Type::f32, Type::u8, affine(0.5F, 7))), x);
  CHECK(y == std::vector<std::uint8_t>{7, 7, 9, 9, 7, 255, 0, 255});
}

TEST_CASE("random values") {
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    const float s = random.real(0.001F, 0.1F);
    const auto z = static_cast<std::int32_t>(random.integer(0, 255));
    const auto x = random.reals(1000, -10, 10);
    const auto y = run_every_isa<std::uint8_t>(must(build(Type::f32, Type::u8, affine(s, z), 1000)), x);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float q = std::nearbyint(x[i] / s) + static_cast<float>(z);
      CHECK(y[i] == static_cast<std::uint8_t>(std::min(std::max(q, 0.0F), 255.0F)));
    }
  }
}

TEST_CASE("a NaN anywhere is a run-time error that names the node") {
  const auto model = must(build(Type::f32, Type::u8, affine(0.5F, 7), 100));
  for (const auto isa : octet::kernels::available_isas()) {
    for (const int threads : {1, 2}) {
      octet::SessionOptions options;
      options.isa = octet::kernels::name_of(isa);
      options.threads = threads;
      auto session = must(model.session(options));
      std::vector<std::uint8_t> y(100);
      for (std::size_t i = 0; i < 100; ++i) {
        std::vector<float> x(100);
        x[i] = i % 2 == 0 ? std::nanf("") : -std::nanf("");
        check_error(session.run({x}, {y}), ErrorCode::run_failed, {"'y' (Quantize)", "NaN"});
      }
    }
  }
}

TEST_CASE("refused") {
  const auto q = affine(0.5F, 7);
  check_invalid(build(Type::u8, Type::u8, q), {"'y' (Quantize)", "u8 of f32"});
  check_invalid(build(Type::f32, Type::f32, {}), {"'y' (Quantize)", "u8 of f32"});
  check_invalid(build(Type::f32, Type::u8, {}), {"'y' (Quantize)", "u8 of f32"});
  check_invalid(build(Type::f32, Type::u8, {std::vector<float>(8, 1.0F), std::vector<std::int32_t>(8), 1}), {"'y'"});
}

}  // namespace
}  // namespace octet_test
