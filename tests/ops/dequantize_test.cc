// Dequantize, u8 to f32: s (q - z).
#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::DequantizeT;

Result<Model> build(Type in, const Quantization& q, Type out) {
  GraphBuilder b;
  b.node("y", DequantizeT{}, {b.input("x", in, {1, 256}, q)}, out);
  return b.model();
}

TEST_CASE("every byte at every kind of zero-point") {
  std::vector<std::uint8_t> x(256);
  for (std::size_t i = 0; i < 256; ++i) x[i] = static_cast<std::uint8_t>(i);
  for (const std::int32_t z : {0, 1, 100, 255}) {
    for (const float s : {0.1F, 1.0F, 1e-37F, 1e36F}) {
      const auto y = run_every_isa<float>(must(build(Type::u8, affine(s, z), Type::f32)), x);
      for (int i = 0; i < 256; ++i) CHECK(y[static_cast<std::size_t>(i)] == s * static_cast<float>(i - z));
    }
  }
}

TEST_CASE("refused") {
  check_invalid(build(Type::u8, {}, Type::f32), {"'y' (Dequantize)", "f32 of quantized u8"});
  check_invalid(build(Type::f32, {}, Type::f32), {"'y' (Dequantize)"});
  check_invalid(build(Type::u8, affine(0.1F, 0), Type::s32), {"'y' (Dequantize)"});
  check_invalid(build(Type::u8, {std::vector<float>(256, 1.0F), std::vector<std::int32_t>(256), 1}, Type::f32),
                {"'y' (Dequantize)"});
}

}  // namespace
}  // namespace octet_test
