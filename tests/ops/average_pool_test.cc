// AveragePool: the mean of each window's elements of x, or of its positions of the padded extent, where pads are 0. u8:
// q = clamp(rne(f32(sum(q - z_in)) m[n]) + z_out), m[n] = f32(s_in / (s_out n)).
#include <cmath>

#include "tests/support/pool_checks.h"

namespace octet_test {
namespace {

using octet::schema::AveragePoolT;

TEST_CASE("f32 and u8: values and shapes") {
  Random random(2);
  for (auto c : pool_cases<AveragePoolT>()) {
    for (const bool include : {false, true}) {
      c.t.count_include_pad = include;
      const auto x = random.reals(c.elements(), -1, 1);
      std::vector<double> expected;
      c.for_each_window([&](const std::vector<std::size_t>& window, std::int64_t extent) {
        double sum = 0;
        for (const std::size_t i : window) sum += static_cast<double>(x[i]);
        expected.push_back(sum / static_cast<double>(include ? extent : static_cast<std::int64_t>(window.size())));
      });
      GraphBuilder f;
      f.node("y", c.t, {f.input("x", Type::f32, c.x, {}, false)});
      const auto model = must(f.model());
      CHECK(model.outputs()[0].shape == c.y);
      const auto y = run_one<float>(model, x);
      for (std::size_t i = 0; i < y.size(); ++i)
        CHECK(static_cast<double>(y[i]) == doctest::Approx(expected[i]).epsilon(1e-6));

      struct Case {
        Quantization in, out;
      };
      for (const Case& quant :
           {Case{affine(0.05F, 30), affine(0.02F, 200)}, Case{affine(0.05F, 255), affine(0.04F, 255)},
            Case{affine(1.0F, 0), affine(1.0F, 0)}}) {
        const auto bytes = random.integers<std::uint8_t>(c.elements(), 0, 255);
        std::vector<std::uint8_t> q;
        c.for_each_window([&](const std::vector<std::size_t>& window, std::int64_t extent) {
          int sum = 0;
          for (const std::size_t i : window) sum += bytes[i] - quant.in.zero_point();
          const double n = static_cast<double>(include ? extent : static_cast<std::int64_t>(window.size()));
          const auto m = static_cast<float>(static_cast<double>(quant.in.scale()) / (static_cast<double>(quant.out.scale()) * n));
          const float t = std::nearbyint(static_cast<float>(sum) * m) + static_cast<float>(quant.out.zero_point());
          q.push_back(static_cast<std::uint8_t>(std::min(std::max(t, 0.0F), 255.0F)));
        });
        GraphBuilder u;
        u.node("y", c.t, {u.input("x", Type::u8, c.x, quant.in, false)}, Type::u8, quant.out);
        CHECK(run_every_isa<std::uint8_t>(must(u.model()), bytes) == q);
      }
    }
  }
}

TEST_CASE("the padded extent ends where the padding ends") {
  // Size 2, kernel 3, padding 2 before and 0 after: the window at 0 covers two pads and one element, the one at 1 a pad
  // and two.
  AveragePoolT t;
  t.kernel_w = 3, t.pad_left = 2, t.count_include_pad = true;
  GraphBuilder b;
  b.node("y", t, {b.input("x", Type::f32, {1, 1, 2, 1}, {}, false)});
  const auto y = run_one<float>(must(b.model()), std::vector<float>{3, 6});
  CHECK(y == std::vector<float>{1, 3});
}

TEST_CASE("refused") {
  check_pool_refusals<AveragePoolT>("AveragePool");
  GraphBuilder mixed;
  mixed.node("y", AveragePoolT{}, {mixed.input("x", Type::u8, {1, 2, 2, 1}, affine(0.1F, 3))});
  check_invalid(mixed.model(), {"'y' (AveragePool)", "f32 of u8"});
  GraphBuilder bare;
  bare.node("y", AveragePoolT{}, {bare.input("x", Type::u8, {1, 2, 2, 1})}, Type::u8, affine(0.1F, 4));
  check_invalid(bare.model(), {"'y' (AveragePool)", "without scales"});
  GraphBuilder apart;
  apart.node("y", AveragePoolT{}, {apart.input("x", Type::u8, {1, 2, 2, 1}, affine(1e30F, 0))}, Type::u8,
             affine(1e-30F, 4));
  check_invalid(apart.model(), {"'y' (AveragePool)", "multiplier"});
  GraphBuilder large;
  AveragePoolT window;
  window.kernel_h = window.kernel_w = 3000;  // 9e6 bytes could pass 2^31
  large.node("y", window, {large.input("x", Type::u8, {1, 3000, 3000, 1}, affine(0.1F, 0))}, Type::u8, affine(0.1F, 0));
  check_invalid(large.model(), {"'y' (AveragePool)", "too large"});
}

}  // namespace
}  // namespace octet_test
