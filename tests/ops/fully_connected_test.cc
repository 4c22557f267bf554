// FullyConnected: y = clamp(x W^T + bias).
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::FullyConnectedT;

TEST_CASE("f32: values, with and without bias, leading axes are rows") {
  const std::vector<float> w = {1, 2, 3, -1, 0.5F, 0};
  const std::vector<float> x = {1, 0, 0, 2, 1, 1};
  GraphBuilder b;
  const int in = b.input("x", Type::f32, {1, 2, 3});
  const int weights = b.constant("w", {2, 3}, w);
  FullyConnectedT clamped;
  clamped.clamp_min = -1.0F, clamped.clamp_max = 6.5F;
  const int plain = b.node("plain", FullyConnectedT{}, {in, weights});
  const int biased = b.node("biased", FullyConnectedT{}, {in, weights, b.constant<float>("b", {2}, {10, -10})});
  const int cut = b.node("cut", clamped, {in, weights});
  const auto model = must(b.model({plain, biased, cut}));
  CHECK(model.outputs()[0].shape == Shape{1, 2, 2});
  for (const auto isa : octet::kernels::available_isas()) {
    octet::SessionOptions options;
    options.isa = octet::kernels::name_of(isa);
    auto session = must(model.session(options));
    std::vector<float> p(4);
    std::vector<float> q(4);
    std::vector<float> c(4);
    must(session.run({x}, {p, q, c}));
    CHECK(p == std::vector<float>{1, -1, 7, -1.5F});
    CHECK(q == std::vector<float>{11, -11, 17, -11.5F});
    CHECK(c == std::vector<float>{1, -1, 6.5F, -1});
  }
}

TEST_CASE("u8: every row, depth tail and channel tail, on every ISA") {
  Random random(3);
  for (const std::int64_t depth : {1, 2, 3, 16, 33, 100}) {
    for (const std::int64_t out : {1, 4, 15, 16, 17, 33}) {
      for (const std::int64_t rows : {1, 3, 4, 5, 9}) {
        const std::int32_t z = static_cast<std::int32_t>(random.integer(0, 2)) * 127 + (rows == 3 ? 1 : 0);
        const auto x = random.integers<std::uint8_t>(static_cast<std::size_t>(rows * depth), 0, 255);
        const auto w = random.integers<std::int8_t>(static_cast<std::size_t>(out * depth), -128, 127);
        const auto bias = random.integers<std::int32_t>(static_cast<std::size_t>(out), -5000, 5000);
        GraphBuilder b;
        const int in = b.input("x", Type::u8, {rows, depth}, affine(0.02F, z), false);
        const std::vector<int> inputs = {in, b.constant("w", {out, depth}, w, symmetric({0.01F})),
                                         b.constant("b", {out}, bias)};
        FullyConnectedT relu;
        relu.clamp_min = 0.0F;
        const int real = b.node("real", FullyConnectedT{}, inputs);
        const int q = b.node("q", relu, inputs, Type::u8, affine(0.05F, 11));
        const auto model = must(b.model({real, q}));
        for (const auto isa : octet::kernels::available_isas()) {
          octet::SessionOptions options;
          options.isa = octet::kernels::name_of(isa);
          auto session = must(model.session(options));
          std::vector<float> f(static_cast<std::size_t>(rows * out));
          std::vector<std::uint8_t> u(f.size());
          must(session.run({x}, {f, u}));
          for (std::int64_t r = 0; r < rows; ++r) {
            for (std::int64_t o = 0; o < out; ++o) {
              std::int64_t acc = bias[static_cast<std::size_t>(o)];
              for (std::int64_t k = 0; k < depth; ++k)
                acc += (x[static_cast<std::size_t>(r * depth + k)] - z) * w[static_cast<std::size_t>(o * depth + k)];
              const double product = static_cast<double>(0.02F) * static_cast<double>(0.01F);
              const auto i = static_cast<std::size_t>(r * out + o);
              CHECK(f[i] == static_cast<float>(acc) * static_cast<float>(product));
              const float t =
                  std::nearbyint(static_cast<float>(acc) * static_cast<float>(product / static_cast<double>(0.05F))) +
                  11;
              CHECK(u[i] == static_cast<std::uint8_t>(std::min(std::max(t, 11.0F), 255.0F)));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("extremes: 255 * -128 and 255 * 127 at zero-points 0 and 255") {
  for (const std::int32_t z : {0, 255}) {
    for (const int x : {0, 255}) {
      GraphBuilder b;
      std::vector<std::int8_t> w(std::size_t{2} * 999, -128);
      std::fill(w.begin() + 999, w.end(), std::int8_t{127});
      b.node("y", FullyConnectedT{},
             {b.input("x", Type::u8, {1, 999}, affine(1.0F, z)), b.constant("w", {2, 999}, w, symmetric({1.0F}))});
      const auto y =
          run_every_isa<float>(must(b.model()), std::vector<std::uint8_t>(999, static_cast<std::uint8_t>(x)));
      CHECK(y[0] == static_cast<float>((x - z) * -128 * 999));
      CHECK(y[1] == static_cast<float>((x - z) * 127 * 999));
    }
  }
}

TEST_CASE("refused") {
  const auto build = [](const Shape& x, Type type, const Quantization& q, const Shape& w, FullyConnectedT t = {},
                        Quantization wq = symmetric({1.0F}), Type out = Type::f32, Quantization yq = {}) {
    GraphBuilder b;
    const auto count = static_cast<std::size_t>(octet::element_count(w));
    b.node("y", t,
           {b.input("x", type, x, q, false), b.constant("w", w, std::vector<std::int8_t>(count, 1), std::move(wq))},
           out, std::move(yq));
    return b.model();
  };
  const auto u8 = affine(0.1F, 1);
  must(build({2, 3}, Type::u8, u8, {4, 3}));
  check_invalid(build({}, Type::u8, u8, {4, 3}), {"'y' (FullyConnected)", "scalar"});
  check_invalid(build({2, 3}, Type::u8, u8, {4, 3, 1}), {"rank 2, not 3"});
  check_invalid(build({2, 3}, Type::u8, u8, {4, 2}), {"2 inputs", "3"});
  check_invalid(build({2, 3}, Type::f32, {}, {4, 3}, {}, {}), {"f32 weights"});
  check_invalid(build({2, 3}, Type::u8, {}, {4, 3}), {"quantized u8"});
  check_invalid(build({2, 3}, Type::s8, {}, {4, 3}), {"s8"});
  check_invalid(build({2, 3}, Type::u8, u8, {4, 3}, {}, {}), {"scale"});
  check_invalid(build({2, 3}, Type::u8, u8, {4, 3}, {}, symmetric({1, 1, 1, 1}), Type::s32), {"output"});
  check_invalid(build({2, 3}, Type::u8, u8, {4, 3}, {}, {{1, 1, 1}, {}, 1}), {"output channel"});
  FullyConnectedT t;
  t.clamp_min = 1, t.clamp_max = 0;
  check_invalid(build({2, 3}, Type::u8, u8, {4, 3}, t), {"clamp"});
}

}  // namespace
}  // namespace octet_test
