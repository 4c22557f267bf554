// Sub: clamp(a - b), broadcast; u8: q = clamp(rne(f32(a - za) ma - f32(b - zb) mb) + z, lo, hi), m = f32(s / s_out).
#include <cmath>

#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::SubT;

TEST_CASE("f32: values, broadcasting and clamp") {
  check_broadcasts<SubT>([](float a, float b) { return a - b; });
}

TEST_CASE("u8: all 65,536 pairs") {
  const Quantization qa = affine(0.031F, 77);
  const Quantization qb = affine(0.02F, 200);
  const Quantization qy = affine(0.04F, 90);
  SubT t;
  t.clamp_min = -3.0F;  // rne(-75) + 90 = 15
  t.clamp_max = 5.0F;   // 215
  const auto y = run_all_pairs(t, qa, qb, qy);
  const auto m = [&](const Quantization& q) { return static_cast<float>(static_cast<double>(q.scale()) / static_cast<double>(qy.scale())); };
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const float first = static_cast<float>(a - 77) * m(qa);
      const float second = static_cast<float>(b - 200) * m(qb);
      const float q = std::nearbyint(first - second) + 90;
      CHECK(y[static_cast<std::size_t>(a * 256 + b)] == static_cast<std::uint8_t>(std::min(std::max(q, 15.0F), 215.0F)));
    }
  }
}

TEST_CASE("u8: broadcasting moves bytes as f32 does") { check_u8_broadcasts<SubT>(); }

TEST_CASE("refused") { check_binary_refusals<SubT>("Sub"); }

TEST_CASE("refused: scales so far apart that no multiplier exists") {
  GraphBuilder b;
  const int x = b.input("x", Type::u8, {1, 2}, affine(1e30F, 0));
  b.node("y", SubT{}, {x, x}, Type::u8, affine(1e-9F, 0));
  check_invalid(b.model(), {"'y' (Sub)", "multiplier"});
}

}  // namespace
}  // namespace octet_test
