// Conv and FullyConnected with an f32 input and s8 weights: x is quantized at run time, row by row.
#include <cmath>

#include "octet/converter.hpp"
#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::ConvT;
using octet::schema::FullyConnectedT;

TEST_CASE("FullyConnected: values worked out by hand") {
  // Row 1: [-50, 205], s = 1, z = 50. Row 2 is 0. Row 3: [0, 2.55], s = 0.01, z = 0: 1.004 is 100 steps.
  const std::vector<float> x = {-50, 205, 10.4F, 0, 0, 0, 2.55F, 1.004F, 0};
  GraphBuilder b;
  FullyConnectedT t;
  t.clamp_max = 200;
  b.node("y", t,
         {b.input("x", Type::f32, {1, 3, 3}), b.constant<std::int8_t>("w", {2, 3}, {1, 2, -1, 10, 0, 100}, symmetric({0.5F, 0.25F})),
          b.constant<float>("b", {2}, {3, -4})});
  const auto y = run_every_isa<float>(must(b.model()), x);
  const float s = static_cast<float>(static_cast<double>(2.55F) / 255);
  const std::vector<float> expected = {(-50 + 410 - 10) * 0.5F + 3, (-500 + 1000) * 0.25F - 4, 3, -4,
                                       (255.0F + 200.0F) * (s * 0.5F) + 3, 2550.0F * (s * 0.25F) - 4};
  CHECK(y == expected);
}

/// y of a naive convolution of what one image is quantized to.
std::vector<float> naive(const ConvT& t, const Shape& xs, const std::vector<float>& x, const Shape& ws, const std::vector<std::int8_t>& w,
                         const std::vector<float>& scales, const std::vector<float>& bias, const Shape& ys) {
  double lo = 0;
  double hi = 0;
  for (const float v : x) lo = std::min(lo, static_cast<double>(v)), hi = std::max(hi, static_cast<double>(v));
  const float s = static_cast<float>((hi - lo) / 255);
  const double z = std::nearbyint(-lo / static_cast<double>(s));
  std::vector<float> y;
  const std::int64_t group = ws[0] / t.groups;
  for (std::int64_t oh = 0; oh < ys[1]; ++oh)
    for (std::int64_t ow = 0; ow < ys[2]; ++ow)
      for (std::int64_t o = 0; o < ws[0]; ++o) {
        std::int64_t acc = 0;
        for (std::int64_t kh = 0; kh < ws[1]; ++kh)
          for (std::int64_t kw = 0; kw < ws[2]; ++kw)
            for (std::int64_t i = 0; i < ws[3]; ++i) {
              const std::int64_t ih = oh * t.stride_h - t.pad_top + kh * t.dilation_h;
              const std::int64_t iw = ow * t.stride_w - t.pad_left + kw * t.dilation_w;
              if (ih < 0 || ih >= xs[1] || iw < 0 || iw >= xs[2]) continue;
              const float v = x[static_cast<std::size_t>((ih * xs[2] + iw) * xs[3] + o / group * ws[3] + i)];
              const double q = std::min(std::max(std::nearbyint(static_cast<double>(v / s)) + z, 0.0), 255.0) - z;
              acc += static_cast<std::int64_t>(q) * w[static_cast<std::size_t>(((o * ws[1] + kh) * ws[2] + kw) * ws[3] + i)];
            }
        const auto c = static_cast<std::size_t>(o);
        const float product = static_cast<float>(acc) * (s * scales[scales.size() == 1 ? 0 : c]);
        y.push_back(std::min(std::max(product + bias[c], t.clamp_min), t.clamp_max));
      }
  return y;
}

void check_conv(const ConvT& t, const Shape& xs, const Shape& ws, bool per_channel, unsigned seed) {
  Random random(seed);
  const auto w = random.integers<std::int8_t>(static_cast<std::size_t>(octet::element_count(ws)), -128, 127);
  const auto channels = static_cast<std::size_t>(ws[0]);
  const auto scales = random.reals(per_channel ? channels : 1, 0.001F, 0.1F);
  const auto bias = random.reals(channels, -3.0F, 3.0F);
  const auto x = random.reals(static_cast<std::size_t>(octet::element_count(xs)), -1.5F, 2.0F);
  GraphBuilder b;
  b.node("y", t, {b.input("x", Type::f32, xs), b.constant("w", ws, w, symmetric(scales)), b.constant("b", {ws[0]}, bias)});
  const Model model = must(b.model());
  CHECK(run_every_isa<float>(model, x) == naive(t, xs, x, ws, w, scales, bias, model.outputs()[0].shape));
}

TEST_CASE("Conv: against a naive one, padded, strided, dilated, grouped, depthwise, pointwise") {
  ConvT t;
  check_conv(t, {1, 5, 6, 3}, {4, 1, 1, 3}, true, 1);
  check_conv(t, {1, 5, 6, 17}, {20, 3, 2, 17}, false, 2);
  t.pad_top = 1, t.pad_left = 2, t.pad_right = 1, t.clamp_min = 0.0F;
  check_conv(t, {1, 7, 6, 3}, {33, 3, 3, 3}, true, 3);
  t.stride_h = 2, t.stride_w = 3, t.pad_bottom = 2;
  check_conv(t, {1, 9, 8, 5}, {16, 5, 3, 5}, true, 4);
  t.groups = 4, t.dilation_w = 2;
  check_conv(t, {1, 9, 8, 12}, {20, 2, 3, 3}, false, 5);
  t.groups = 24;
  check_conv(t, {1, 9, 8, 24}, {24, 3, 3, 1}, true, 6);
}

TEST_CASE("a sample's result does not depend on its neighbours") {
  GraphBuilder b;
  Random random(4);
  ConvT t;
  t.pad_top = 1;
  const int c = b.node("c", t, {b.input("x", Type::f32, {1, 4, 4, 2}), b.constant("w", {3, 2, 2, 2}, random.integers<std::int8_t>(24, -127, 127), symmetric({0.01F}))});
  b.node("y", FullyConnectedT{}, {c, b.constant("v", {5, 3}, random.integers<std::int8_t>(15, -127, 127), symmetric({0.01F}))});
  const Model model = must(b.model());
  auto three = must(model.session({.threads = 2, .batch = 3}));
  const auto x = random.reals(32, -1.0F, 1.0F);
  const auto alone = run_one<float>(model, x);
  for (std::size_t place = 0; place < 3; ++place) {
    std::vector<float> batch = random.reals(3 * 32, -1000.0F, 1000.0F);
    std::ranges::copy(x, batch.begin() + static_cast<std::ptrdiff_t>(place * 32));
    std::vector<float> y(3 * alone.size());
    must(three.run({batch}, {y}));
    CHECK(std::equal(alone.begin(), alone.end(), y.begin() + static_cast<std::ptrdiff_t>(place * alone.size())));
  }
}

TEST_CASE("a NaN or an infinity is an error of the run that names the node") {
  GraphBuilder b;
  b.node("y", FullyConnectedT{}, {b.input("x", Type::f32, {1, 3}), b.constant<std::int8_t>("w", {1, 3}, {1, 2, 3}, symmetric({1}))});
  const Model model = must(b.model());
  for (const auto isa : octet::kernels::available_isas()) {
    auto session = must(model.session({.isa = octet::kernels::name_of(isa)}));
    std::vector<float> y(1);
    for (const float bad : {std::nanf(""), kInf, -kInf}) {
      const std::vector<float> x = {1, bad, 2};
      check_error(session.run({x}, {y}), ErrorCode::run_failed, {"'y' (FullyConnected)", "NaN or an infinity"});
    }
    must(session.run({std::vector<float>{1, 2, 3}}, {y}));
    CHECK(std::abs(y[0] - 14) < 0.05F);
  }
}

TEST_CASE("refused") {
  const auto build = [](std::vector<float> scales, const std::string& bias, Type out = Type::f32, std::int64_t depth = 3) {
    GraphBuilder b;
    std::vector<int> inputs = {b.input("x", Type::f32, {1, depth}),
                               b.constant("w", {2, depth}, std::vector<std::int8_t>(static_cast<std::size_t>(2 * depth), 127), symmetric(std::move(scales)))};
    if (bias == "s32") inputs.push_back(b.constant<std::int32_t>("b", {2}, {1, 2}));
    if (bias == "nan") inputs.push_back(b.constant<float>("b", {2}, {1, std::nanf("")}));
    b.node("y", FullyConnectedT{}, inputs, out, out == Type::u8 ? affine(1.0F, 0) : Quantization{});
    return b.model();
  };
  must(build({1}, ""));
  must(build({1, 2}, ""));
  check_invalid(build({1}, "s32"), {"'y' (FullyConnected)", "f32 bias"});
  check_invalid(build({1}, "nan"), {"bias", "NaN"});
  check_invalid(build({1}, "", Type::u8), {"f32 bias and output"});
  check_invalid(build({1}, "", Type::f32, 70'000), {"overflow"});
}

TEST_CASE("readers that do not know dynamic products refuse them, and only them") {
  const auto version_of_first = [](bool dynamic) {
    GraphBuilder b;
    const int x = b.input("x", dynamic ? Type::f32 : Type::u8, {1, 3}, dynamic ? Quantization{} : affine(1.0F, 3));
    b.node("y", FullyConnectedT{}, {x, b.constant<std::int8_t>("w", {1, 3}, {1, 2, 3}, symmetric({1}))});
    const auto bytes = must(octet::serialize(must(b.model())));
    return octet::schema::GetModel(bytes.data())->nodes()->Get(0)->version();
  };
  CHECK(version_of_first(true) == 2);
  CHECK(version_of_first(false) == 1);
}

}  // namespace
}  // namespace octet_test
