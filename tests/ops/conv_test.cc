// Conv: y[n,oh,ow,o] = clamp(bias[o] + sum x[n, oh*s - p + kh*d, ow*s - p + kw*d, g*I + i] w[o,kh,kw,i]); padding is
// the real value 0.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::ConvT;

struct Sizes {
  std::int64_t n, h, w, c;        ///< x
  std::int64_t o, kh, kw, depth;  ///< weights
};

/// The sum above in f64 over real values; outside x they are 0.
std::vector<double> expected_sums(const ConvT& t, const Sizes& s, const std::vector<double>& x,
                                  const std::vector<double>& w, const std::vector<double>& bias, std::int64_t oh,
                                  std::int64_t ow) {
  std::vector<double> y;
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t i = 0; i < oh; ++i)
      for (std::int64_t j = 0; j < ow; ++j)
        for (std::int64_t o = 0; o < s.o; ++o) {
          double sum = bias.empty() ? 0.0 : bias[static_cast<std::size_t>(o)];
          const std::int64_t group = o / (s.o / t.groups);
          for (std::int64_t kh = 0; kh < s.kh; ++kh)
            for (std::int64_t kw = 0; kw < s.kw; ++kw)
              for (std::int64_t d = 0; d < s.depth; ++d) {
                const std::int64_t row = i * t.stride_h - t.pad_top + kh * t.dilation_h;
                const std::int64_t column = j * t.stride_w - t.pad_left + kw * t.dilation_w;
                if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
                const auto at = static_cast<std::size_t>(((n * s.h + row) * s.w + column) * s.c + group * s.depth + d);
                sum += x[at] * w[static_cast<std::size_t>(((o * s.kh + kh) * s.kw + kw) * s.depth + d)];
              }
          y.push_back(sum);
        }
  return y;
}

struct Case {
  ConvT t;
  Sizes s;
  Shape y;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const Sizes& s, const Shape& y, auto set) {
    all.push_back({{}, s, y});
    set(all.back().t);
  };
  add({1, 3, 4, 2, 3, 1, 1, 2}, {1, 3, 4, 3}, [](ConvT&) {});
  add({1, 5, 5, 3, 4, 3, 3, 3}, {1, 5, 5, 4},
      [](ConvT& t) { t.pad_top = t.pad_left = t.pad_bottom = t.pad_right = 1; });
  add({1, 6, 5, 2, 5, 2, 3, 2}, {1, 3, 2, 5}, [](ConvT& t) { t.stride_h = 2, t.stride_w = 3, t.pad_left = 2; });
  add({1, 7, 7, 1, 2, 3, 2, 1}, {1, 5, 4, 2}, [](ConvT& t) { t.dilation_h = 2, t.dilation_w = 3, t.pad_bottom = 2; });
  add({1, 4, 4, 6, 4, 2, 2, 3}, {1, 3, 3, 4}, [](ConvT& t) { t.groups = 2; });
  add({1, 4, 5, 17, 17, 3, 3, 1}, {1, 4, 5, 17}, [](ConvT& t) {
    t.groups = 17;
    t.pad_top = t.pad_left = t.pad_bottom = t.pad_right = 1;
  });
  add({1, 3, 3, 3, 9, 3, 3, 1}, {1, 2, 1, 9}, [](ConvT& t) { t.groups = 3, t.pad_top = 1; });
  add({2, 1, 1, 40, 33, 1, 1, 40}, {2, 1, 1, 33}, [](ConvT&) {});
  return all;
}

TEST_CASE("f32: values and shapes") {
  Random random(1);
  for (Case& c : cases()) {
    for (const bool clamped : {false, true}) {
      if (clamped) c.t.clamp_min = -0.5F, c.t.clamp_max = 1.0F;
      const auto x = random.reals(static_cast<std::size_t>(c.s.n * c.s.h * c.s.w * c.s.c), -1, 1);
      const auto w = random.reals(static_cast<std::size_t>(c.s.o * c.s.kh * c.s.kw * c.s.depth), -1, 1);
      const auto bias = random.reals(static_cast<std::size_t>(c.s.o), -1, 1);
      GraphBuilder b;
      const int in = b.input("x", Type::f32, {c.s.n, c.s.h, c.s.w, c.s.c}, {}, false);
      b.node("y", c.t, {in, b.constant("w", {c.s.o, c.s.kh, c.s.kw, c.s.depth}, w), b.constant("b", {c.s.o}, bias)});
      const auto model = must(b.model());
      CHECK(model.outputs()[0].shape == c.y);
      auto expected = expected_sums(c.t, c.s, {x.begin(), x.end()}, {w.begin(), w.end()}, {bias.begin(), bias.end()},
                                    c.y[1], c.y[2]);
      for (double& v : expected)
        v = std::min(std::max(v, static_cast<double>(c.t.clamp_min)), static_cast<double>(c.t.clamp_max));
      for (const auto isa : octet::kernels::available_isas()) {
        const auto y = run_one<float>(model, x, octet::kernels::name_of(isa));
        for (std::size_t i = 0; i < y.size(); ++i)
          CHECK(static_cast<double>(y[i]) == doctest::Approx(expected[i]).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("u8: rne(f32(acc) * f32(s_in s_w[c] / s_out)) + z, or f32(acc) * f32(s_in s_w[c]), on every ISA") {
  Random random(2);
  for (const Case& c : cases()) {
    for (const std::int32_t z : {0, 100, 255}) {
      const auto x = random.integers<std::uint8_t>(static_cast<std::size_t>(c.s.n * c.s.h * c.s.w * c.s.c), 0, 255);
      const auto w =
          random.integers<std::int8_t>(static_cast<std::size_t>(c.s.o * c.s.kh * c.s.kw * c.s.depth), -128, 127);
      const auto bias = random.integers<std::int32_t>(static_cast<std::size_t>(c.s.o), -9000, 9000);
      std::vector<float> scales;
      for (std::int64_t o = 0; o < c.s.o; ++o) scales.push_back(random.real(0.001F, 0.01F));
      if (z == 100) scales = {0.004F};
      std::vector<double> centred;
      for (const auto q : x) centred.push_back(q - z);
      const auto sums =
          expected_sums(c.t, c.s, centred, {w.begin(), w.end()}, {bias.begin(), bias.end()}, c.y[1], c.y[2]);
      constexpr float kIn = 0.03F;
      constexpr float kOut = 0.09F;
      constexpr std::int32_t kZero = 60;
      for (const bool real : {false, true}) {
        ConvT t = c.t;
        t.clamp_min = -3.0F;  // rne(-3 / 0.09) + 60 = 27
        t.clamp_max = 9.0F;   // 160
        GraphBuilder b;
        const int in = b.input("x", Type::u8, {c.s.n, c.s.h, c.s.w, c.s.c}, affine(kIn, z), false);
        const std::vector<int> inputs = {in, b.constant("w", {c.s.o, c.s.kh, c.s.kw, c.s.depth}, w, symmetric(scales)),
                                         b.constant("b", {c.s.o}, bias)};
        if (real) {
          b.node("y", t, inputs);
        } else {
          b.node("y", t, inputs, Type::u8, affine(kOut, kZero));
        }
        const auto model = must(b.model());
        CHECK(model.outputs()[0].shape == c.y);
        const auto scale_of = [&](std::size_t i) {
          return static_cast<double>(scales[scales.size() == 1 ? 0 : i % scales.size()]);
        };
        if (real) {
          const auto y = run_every_isa<float>(model, x);
          for (std::size_t i = 0; i < y.size(); ++i) {
            const auto m = static_cast<float>(static_cast<double>(kIn) * scale_of(i));
            CHECK(y[i] == std::min(std::max(static_cast<float>(sums[i]) * m, t.clamp_min), t.clamp_max));
          }
        } else {
          const auto y = run_every_isa<std::uint8_t>(model, x);
          for (std::size_t i = 0; i < y.size(); ++i) {
            const auto m = static_cast<float>(static_cast<double>(kIn) * scale_of(i) / static_cast<double>(kOut));
            const float q = std::nearbyint(static_cast<float>(sums[i]) * m) + kZero;
            CHECK(y[i] == static_cast<std::uint8_t>(std::min(std::max(q, 27.0F), 160.0F)));
          }
        }
      }
    }
  }
}

struct Parts {
  ConvT t;
  Tensor x{"x", Type::u8, {1, 4, 4, 4}, true, affine(0.1F, 3), {}};
  Tensor w{"w", Type::s8, {4, 2, 2, 4}, false, symmetric({0.1F}), Constant::of(std::vector<std::int8_t>(64, 1))};
  Tensor b{"b", Type::s32, {4}, false, {}, Constant::of(std::vector<std::int32_t>(4, 1))};
  Tensor y{"y", Type::u8, {}, false, affine(0.1F, 3), {}};
};

Result<Model> build(const Parts& p) {
  GraphBuilder g;
  const int x = g.input("x", p.x.type, p.x.shape, p.x.quant);
  const int w = g.add(p.w);
  const int b = g.add(p.b);
  if (!p.w.constant()) g.graph.inputs.push_back(w), g.graph.preprocessing.emplace_back();
  g.node("y", p.t, {x, w, b}, p.y.type, p.y.quant);
  return g.model();
}

template <class F>
void refuses(F change, const std::vector<std::string>& words) {
  Parts p;
  change(p);
  auto all = words;
  all.emplace_back("'y' (Conv)");
  check_invalid(build(p), all);
}

TEST_CASE("refused: shapes and attributes") {
  must(build({}));
  refuses([](Parts& p) { p.x.shape = {1, 4, 4}; }, {"rank 4, not 3"});
  refuses([](Parts& p) { p.w.shape = {4, 4, 4}; }, {"rank 4, not 3"});
  refuses([](Parts& p) { p.w.shape = {4, 2, 1, 8}; }, {"8 input channels"});
  for (const int bad : {0, -1, 3, 5, 2147483647}) refuses([&](Parts& p) { p.t.groups = bad; }, {"groups"});
  refuses([](Parts& p) { p.t.groups = 2; }, {"4 input channels a group"});
  for (const int bad : {0, -1, -2147483647 - 1}) {
    refuses([&](Parts& p) { p.t.stride_h = bad; }, {"stride"});
    refuses([&](Parts& p) { p.t.stride_w = bad; }, {"stride"});
    refuses([&](Parts& p) { p.t.dilation_h = bad; }, {"dilation"});
    refuses([&](Parts& p) { p.t.dilation_w = bad; }, {"dilation"});
  }
  refuses([](Parts& p) { p.t.pad_top = -1; }, {"padding"});
  refuses([](Parts& p) { p.t.pad_left = -1; }, {"padding"});
  refuses([](Parts& p) { p.t.pad_bottom = -1; }, {"padding"});
  refuses([](Parts& p) { p.t.pad_right = -1; }, {"padding"});
  refuses([](Parts& p) { p.t.dilation_h = 4; }, {"window of 5", "size of 4"});
  refuses([](Parts& p) { p.t.dilation_w = 2147483647; }, {"window"});
  refuses([](Parts& p) { p.t.clamp_min = 2, p.t.clamp_max = 1; }, {"clamp_min"});
  refuses([](Parts& p) { p.t.clamp_min = std::nanf(""); }, {"clamp_min"});
  refuses([](Parts& p) { p.t.clamp_max = std::nanf(""); }, {"clamp_min"});
}

TEST_CASE("refused: types, quantization, constants, bias") {
  refuses([](Parts& p) { p.x.type = Type::s32, p.x.quant = {}; }, {"s32"});
  refuses([](Parts& p) { p.x.quant = {}; }, {"quantized u8"});
  refuses([](Parts& p) { p.x.quant = {{1, 1, 1, 1}, {0, 0, 0, 0}, 3}; }, {"quantized u8"});
  refuses([](Parts& p) { p.x.type = Type::f32, p.x.quant = {}; }, {"f32 bias"});
  refuses([](Parts& p) { p.w.type = Type::u8, p.w.quant = affine(0.1F, 0); }, {"s8 weights"});
  refuses([](Parts& p) { p.w.quant = {}; }, {"s8 weights"});
  refuses([](Parts& p) { p.w.quant = {{1, 1}, {}, 1}; }, {"s8 weights"});
  refuses([](Parts& p) { p.w.data = {}; }, {"constants"});
  refuses([](Parts& p) { p.b.shape = {2, 2}; }, {"bias", "2x2"});
  refuses([](Parts& p) { p.b.shape = {3}, p.b.data = Constant::of(std::vector<std::int32_t>(3)); }, {"bias"});
  refuses([](Parts& p) { p.b.type = Type::f32; }, {"s32 bias"});
  refuses([](Parts& p) { p.y.quant = {}; }, {"output"});
  refuses(
      [](Parts& p) {
        p.y.type = Type::s8;
        p.y.quant = {};
      },
      {"output"});
  refuses([](Parts& p) { p.y.quant = affine(2e-38F, 0), p.w.quant = symmetric({1e20F}); }, {"multiplier"});
  refuses(
      [](Parts& p) {
        p.b.data = Constant::of(std::vector<std::int32_t>{0, 0, 2147483647, 0});
      },
      {"channel 2", "overflow"});
}

TEST_CASE("macs are outputs times window") {
  Parts p;
  const auto model = must(build(p));
  const auto session = must(model.session());
  const auto& impl = session.impl();
  const octet::NodeView view(impl.graph(), impl.graph().nodes[0], impl.shapes);
  CHECK(octet::find_operator(octet::schema::Operator::Conv)->macs(view) == 3 * 3 * 4 * 16);
}

}  // namespace
}  // namespace octet_test
