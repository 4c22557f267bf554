// LayerNormalization over the last axes, f32 and u8.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::LayerNormalizationT;

LayerNormalizationT over(int axes, float epsilon = 1e-5F) {
  LayerNormalizationT t;
  t.axes = axes;
  t.epsilon = epsilon;
  return t;
}

TEST_CASE("by hand: 1, 2, 3 about its mean") {
  GraphBuilder g;
  const int x = g.input("x", Type::f32, {1, 3});
  g.node("y", over(1, 0.0F), {x, g.constant<float>("gamma", {3}, {1, 2, 1}), g.constant<float>("beta", {3}, {0, 5, -1})});
  const auto y = run_one<float>(must(g.model()), std::vector<float>{1, 2, 3});
  const float r = std::sqrt(1.5F);
  CHECK(y[0] == doctest::Approx(-r));
  CHECK(y[1] == doctest::Approx(5));
  CHECK(y[2] == doctest::Approx(r - 1));
}

TEST_CASE("several axes, without scale or bias") {
  GraphBuilder g;
  g.node("y", over(2), {g.input("x", Type::f32, {2, 2, 2}, {}, false)});
  const auto y = run_one<float>(must(g.model()), std::vector<float>{1, 2, 3, 4, 0, 0, 0, 0});
  CHECK(y[0] == doctest::Approx(-1.3416).epsilon(1e-4));
  CHECK(y[3] == doctest::Approx(1.3416).epsilon(1e-4));
  for (std::size_t i = 4; i < 8; ++i) CHECK(y[i] == 0);
}

/// The formula of schema/README.md, step by step.
std::vector<std::uint8_t> formula(const std::vector<std::uint8_t>& x, std::size_t n, float s_in, float eps, const std::vector<float>& gamma,
                                  const std::vector<float>& beta, float s_out, std::int32_t z) {
  std::vector<std::uint8_t> y;
  for (std::size_t row = 0; row < x.size(); row += n) {
    std::int64_t sum = 0, squares = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[row + i], squares += x[row + i] * x[row + i];
    const auto count = static_cast<std::int64_t>(n);
    const auto nn = static_cast<double>(n);
    const double root = std::sqrt(static_cast<double>(count * squares - sum * sum) +
                                  nn * nn * static_cast<double>(eps) / (static_cast<double>(s_in) * static_cast<double>(s_in)));
    const float r = root == 0 ? 0.0F : static_cast<float>(1.0 / root);
    for (std::size_t i = 0; i < n; ++i) {
      const float t = static_cast<float>(count * x[row + i] - sum) * r;
      const float g = static_cast<float>(static_cast<double>(gamma[i]) / static_cast<double>(s_out));
      const float b = static_cast<float>(static_cast<double>(beta[i]) / static_cast<double>(s_out));
      const float scaled = t * g;
      const float q = std::nearbyint(scaled + b) + static_cast<float>(z);
      y.push_back(static_cast<std::uint8_t>(std::clamp(q, 0.0F, 255.0F)));
    }
  }
  return y;
}

TEST_CASE("u8: the formula, and close to the float result") {
  Random random(7);
  for (const std::int64_t n : {1, 2, 5, 16, 33, 384}) {
    const std::size_t size = static_cast<std::size_t>(n);
    const auto gamma = random.reals(size, -2, 2);
    const auto beta = random.reals(size, -1, 1);
    GraphBuilder g;
    const int x = g.input("x", Type::u8, {3, n}, affine(0.03F, 90), false);
    g.node("y", over(1), {x, g.constant("gamma", {n}, gamma), g.constant("beta", {n}, beta)}, Type::u8, affine(0.025F, 120));
    const auto values = random.integers<std::uint8_t>(3 * size, 0, 255);
    const auto y = run_every_isa<std::uint8_t>(must(g.model()), values);
    CHECK(y == formula(values, size, 0.03F, 1e-5F, gamma, beta, 0.025F, 120));
    GraphBuilder f;
    const int xf = f.input("x", Type::f32, {3, n}, {}, false);
    f.node("y", over(1), {xf, f.constant("gamma", {n}, gamma), f.constant("beta", {n}, beta)});
    std::vector<float> real;
    for (const std::uint8_t v : values) real.push_back(0.03F * static_cast<float>(v - 90));
    const auto exact = run_one<float>(must(f.model()), real);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float clamped = std::clamp(exact[i], -0.025F * 120, 0.025F * 135);
      CHECK(std::abs(0.025F * static_cast<float>(y[i] - 120) - clamped) <= 0.0126F);
    }
  }
}

TEST_CASE("u8: constant rows, no epsilon, the longest row") {
  GraphBuilder g;
  g.node("y", over(1, 0.0F), {g.input("x", Type::u8, {1, 4}, affine(1, 0), false)}, Type::u8, affine(0.1F, 7));
  CHECK(run_every_isa<std::uint8_t>(must(g.model()), std::vector<std::uint8_t>{9, 9, 9, 9}) == std::vector<std::uint8_t>{7, 7, 7, 7});
  const auto build = [](std::int64_t n) {
    GraphBuilder b;
    b.node("y", over(1), {b.input("x", Type::u8, {1, n}, affine(1, 0), false)}, Type::u8, affine(2.0F, 0));
    return b.model();
  };
  std::vector<std::uint8_t> x(65793, 0);
  x[0] = 255;
  const auto y = run_every_isa<std::uint8_t>(must(build(65793)), x);
  CHECK(y[0] == 128);  // sqrt(n - 1) / 2 = 128.25
  CHECK(y[1] == 0);
  check_invalid(build(65794), {"'y' (LayerNormalization)", "65794"});
}

TEST_CASE("refused") {
  const auto build = [](const LayerNormalizationT& t, const Shape& gamma, Type type = Type::f32) {
    GraphBuilder b;
    const auto q = type == Type::u8 ? affine(0.1F, 3) : Quantization{};
    const int x = b.input("x", type, {2, 3}, q, false);
    b.node("y", t, {x, b.input("gamma", Type::f32, gamma, {}, false)}, type, q);
    return b.model();
  };
  must(build(over(1), {3}));
  must(build(over(2), {2, 3}));
  for (const int axes : {0, 3, -1}) check_invalid(build(over(axes), {3}), {"'y' (LayerNormalization)", "axes"});
  check_invalid(build(over(1), {2}), {"'y' (LayerNormalization)", "3 elements"});
  check_invalid(build(over(1, -1.0F), {3}), {"'y' (LayerNormalization)", "epsilon"});
  check_invalid(build(over(1, std::nanf("")), {3}), {"'y' (LayerNormalization)", "epsilon"});
  check_invalid(build(over(1), {3}, Type::u8), {"'y' (LayerNormalization)", "constant"});
}

}  // namespace
}  // namespace octet_test
