// Mul: clamp(a * b), broadcast; u8: q = clamp(rne(f32((a - za)(b - zb)) m) + z, lo, hi), m = f32(sa sb / s_out).
#include <cmath>

#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::MulT;

TEST_CASE("f32: values, broadcasting and clamp") {
  check_broadcasts<MulT>([](float a, float b) { return a * b; });
}

TEST_CASE("u8: all 65,536 pairs") {
  const Quantization qa = affine(0.031F, 77);
  const Quantization qb = affine(0.02F, 200);
  const Quantization qy = affine(0.04F, 91);
  MulT t;
  t.clamp_min = -3.0F;  // 16
  t.clamp_max = 5.0F;   // 216
  const auto y = run_all_pairs(t, qa, qb, qy);
  const auto m =
      static_cast<float>(static_cast<double>(0.031F) * static_cast<double>(0.02F) / static_cast<double>(0.04F));
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const float q = std::nearbyint(static_cast<float>((a - 77) * (b - 200)) * m) + 91;
      CHECK(y[static_cast<std::size_t>(a * 256 + b)] ==
            static_cast<std::uint8_t>(std::min(std::max(q, 16.0F), 216.0F)));
    }
  }
}

TEST_CASE("u8: broadcasting moves bytes as f32 does") { check_u8_broadcasts<MulT>(); }

TEST_CASE("refused") { check_binary_refusals<MulT>("Mul"); }

TEST_CASE("refused: scales so far apart that no multiplier exists") {
  GraphBuilder b;
  const int x = b.input("x", Type::u8, {1, 2}, affine(1e30F, 0));
  b.node("y", MulT{}, {x, x}, Type::u8, affine(1.0F, 0));
  check_invalid(b.model(), {"'y' (Mul)", "multiplier"});
}

}  // namespace
}  // namespace octet_test
