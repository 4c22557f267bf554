// ONNX layers made of several operators: transposed convolutions, resized images, sequences, recurrent layers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "support/import_checks.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;

struct Deconv {
  std::int64_t in, out, h, w, kh, kw, groups;
  Ints strides, pads, dilations, extra;
};

/// Every element of x adds its weights to the output.
Values by_definition(const Deconv& d, const Values& x, const Values& weights, const Values& bias, std::int64_t oh, std::int64_t ow) {
  Values y(static_cast<std::size_t>(d.out * d.groups * oh * ow));
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = bias[i / static_cast<std::size_t>(oh * ow)];
  for (std::int64_t c = 0; c < d.in; ++c) {
    for (std::int64_t ih = 0; ih < d.h; ++ih) {
      for (std::int64_t iw = 0; iw < d.w; ++iw) {
        for (std::int64_t o = 0; o < d.out; ++o) {
          for (std::int64_t kh = 0; kh < d.kh; ++kh) {
            for (std::int64_t kw = 0; kw < d.kw; ++kw) {
              const std::int64_t r = ih * d.strides[0] + kh * d.dilations[0] - d.pads[0];
              const std::int64_t k = iw * d.strides[1] + kw * d.dilations[1] - d.pads[1];
              if (r < 0 || r >= oh || k < 0 || k >= ow) continue;
              const std::int64_t channel = c / (d.in / d.groups) * d.out + o;
              y[static_cast<std::size_t>((channel * oh + r) * ow + k)] += x[static_cast<std::size_t>((c * d.h + ih) * d.w + iw)] *
                                                                          weights[static_cast<std::size_t>(((c * d.out + o) * d.kh + kh) * d.kw + kw)];
            }
          }
        }
      }
    }
  }
  return y;
}

void check_deconv(const Deconv& d) {
  ModelBuilder m;
  const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  const Values w = random_values(count(d.in * d.out * d.kh * d.kw), 1);
  const Values b = random_values(count(d.out * d.groups), 2);
  const Values x = random_values(count(d.in * d.h * d.w), 3);
  m.input("x", {kOpen, d.in, d.h, d.w}).output("y").f32("w", {d.in, d.out, d.kh, d.kw}, w).f32("b", {d.out * d.groups}, b);
  m.node("ConvTranspose", {"x", "w", "b"}, {"y"}).with("strides", d.strides).with("pads", d.pads).with("dilations", d.dilations).with("group", d.groups)
      .with("output_padding", d.extra);
  const std::int64_t oh = (d.h - 1) * d.strides[0] + (d.kh - 1) * d.dilations[0] + 1 - d.pads[0] - d.pads[2] + d.extra[0];
  const std::int64_t ow = (d.w - 1) * d.strides[1] + (d.kw - 1) * d.dilations[1] + 1 - d.pads[1] - d.pads[3] + d.extra[1];
  const Graph g = optimized(m);
  REQUIRE(g.tensors[static_cast<std::size_t>(g.outputs[0])].shape == Shape{1, d.out * d.groups, oh, ow});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
  check_close(run(g, {x})[0], by_definition(d, x, w, b, oh, ow), 1e-5F);
}

TEST_CASE("transposed convolutions: strides, pads, dilations, groups, output padding") {
  for (const std::int64_t k : {1, 2, 3, 4, 5}) {
    for (const std::int64_t s : {1, 2, 3}) {
      check_deconv({2, 3, 4, 5, k, k, 1, {s, s}, {0, 0, 0, 0}, {1, 1}, {0, 0}});
      if (k > 2) check_deconv({2, 3, 4, 5, k, k, 1, {s, s}, {1, 1, 1, 1}, {1, 1}, {0, 0}});
      if (s > 1) check_deconv({2, 3, 4, 5, k, k, 1, {s, s}, {0, 0, 0, 0}, {1, 1}, {1, s - 1}});
    }
  }
  check_deconv({4, 2, 3, 3, 3, 2, 2, {2, 1}, {1, 0, 0, 1}, {1, 1}, {1, 0}});
  check_deconv({3, 1, 3, 4, 2, 3, 3, {2, 3}, {0, 2, 1, 0}, {1, 1}, {0, 2}});
  check_deconv({2, 2, 4, 4, 3, 3, 1, {2, 2}, {1, 1, 1, 1}, {2, 3}, {1, 0}});
  check_deconv({2, 2, 4, 4, 3, 3, 1, {1, 1}, {2, 2, 2, 2}, {2, 2}, {1, 1}});
}

TEST_CASE("transposed convolutions: output_shape, SAME, a sequence, what is refused") {
  const auto model = [] {
    ModelBuilder m;
    m.input("x", {1, 1, 3, 3}).output("y").random("w", {1, 1, 3, 3}).node("ConvTranspose", {"x", "w"}, {"y"}).with("strides", {2, 2});
    return m;
  };
  ModelBuilder same = model();
  last_node(same).with("auto_pad", "SAME_UPPER");
  CHECK(must(same.import()).tensors[static_cast<std::size_t>(must(same.import()).outputs[0])].shape == Shape{1, 1, 6, 6});
  ModelBuilder shape = model();
  last_node(shape).with("output_shape", {7, 6});
  const Graph g = must(shape.import());
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].shape == Shape{1, 1, 7, 6});
  ModelBuilder large = model();
  last_node(large).with("output_shape", {7, 9});
  check_refused(large, ErrorCode::unsupported, "an output of 9 where there are 7");
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(), std::int64_t{1} << 31}) {
    ModelBuilder bad = model();
    last_node(bad).with("output_shape", Ints{7, size});
    check_refused(bad, ErrorCode::invalid_file, "output");
  }
  ModelBuilder extra = model();
  last_node(extra).with("output_padding", {2, 0});
  check_refused(extra, ErrorCode::invalid_file, "output_padding");
  ModelBuilder groups = model();
  last_node(groups).with("group", 2);
  check_refused(groups, ErrorCode::invalid_file, "groups");
  ModelBuilder huge = model();
  last_node(huge).with("dilations", {2147483647, 2147483647});
  CHECK_FALSE(huge.import().has_value());
  ModelBuilder sequence;
  sequence.input("x", {1, 1, 2}).output("y").f32("w", {1, 1, 2}, {1, 10}).node("ConvTranspose", {"x", "w"}, {"y"}).with("strides", Ints{2});
  CHECK(compute_optimized(sequence, {{3, 5}}) == Values{3, 30, 5, 50});
}

TEST_CASE("transposed convolutions: what output_shape wants beyond the full result is the bias") {
  const Values x = random_values(9, 3), w = random_values(9, 4);
  const auto model = [&](const Ints& shape, bool computed) {
    ModelBuilder m;
    m.input("x", {1, 1, 3, 3}).output("y").f32("b", {1}, {0.5F});
    if (computed) m.input("w", {1, 1, 3, 3});
    else m.f32("w", {1, 1, 3, 3}, w);
    m.node("ConvTranspose", {"x", "w", "b"}, {"y"}).with("strides", {3, 2}).with("output_shape", shape);
    return m;
  };
  const Values full = compute_optimized(model({9, 7}, false), {x});
  for (const bool computed : {false, true}) {
    const Values y = compute_optimized(model({11, 8}, computed), computed ? std::vector<Values>{x, w} : std::vector<Values>{x});
    REQUIRE(y.size() == 11 * 8);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t row = i / 8, column = i % 8;
      CHECK(y[i] == doctest::Approx(row < 9 && column < 7 ? full[row * 7 + column] : 0.5F));
    }
  }
}

TEST_CASE("sequences: convolutions and pools as images of one row") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 5}).output("y").f32("w", {2, 2, 2}, {1, 1, 0, 0, 0, 0, 1, -1}).f32("b", {2}, {0, 10});
  m.node("Conv", {"x", "w", "b"}, {"a"}).with("pads", Ints{0, 1}).with("strides", Ints{2});
  m.node("MaxPool", {"a"}, {"p"}).with("kernel_shape", Ints{2}).with("strides", Ints{1});
  m.node("GlobalAveragePool", {"p"}, {"y"});
  const Graph g = optimized(m);
  CHECK(std::ranges::count(ops_of(g), "Transpose") <= 1);
  // Channel 0: 1+2, 3+4, 5+0 -> 7, 7 -> 7. Channel 1: (6-7, 8-9, 10-0) + 10 -> 9, 20 -> 14.5.
  CHECK(run(g, {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}})[0] == Values{7, 14.5F});
  ModelBuilder same;
  same.input("x", {1, 1, 5}).output("y").f32("w", {1, 1, 2}, {1, 1}).node("Conv", {"x", "w"}, {"y"}).with("auto_pad", "SAME_LOWER");
  CHECK(compute_optimized(same, {{1, 2, 3, 4, 5}}) == Values{1, 3, 5, 7, 9});
  ModelBuilder rank;
  rank.input("x", {1, 2, 5}).output("y").random("w", {2, 2, 2, 1}).node("Conv", {"x", "w"}, {"y"});
  check_refused(rank, ErrorCode::invalid_file, "rank 4, not 3");
}

ModelBuilder resize_model(const Shape& x, const Values& scales, const char* mode, const char* coordinates, const char* nearest = nullptr) {
  ModelBuilder m;
  m.input("x", x).output("y").f32("scales", {static_cast<std::int64_t>(scales.size())}, scales);
  auto node = m.node("Resize", {"x", "", "scales"}, {"y"}).with("mode", mode).with("coordinate_transformation_mode", coordinates);
  if (nearest != nullptr) node.with("nearest_mode", nearest);
  return m;
}

TEST_CASE("Resize: coordinates and roundings, by hand") {
  const auto one = [](float scale, const char* mode, const char* coordinates, const char* nearest = nullptr) {
    return compute_optimized(resize_model({1, 1, 4}, {1, 1, scale}, mode, coordinates, nearest), {{1, 2, 3, 4}});
  };
  CHECK(one(2, "linear", "half_pixel") == Values{1, 1.25F, 1.75F, 2.25F, 2.75F, 3.25F, 3.75F, 4});
  CHECK(one(2, "linear", "asymmetric") == Values{1, 1.5F, 2, 2.5F, 3, 3.5F, 4, 4});
  CHECK(one(1.75F, "linear", "align_corners") == Values{1, 1.5F, 2, 2.5F, 3, 3.5F, 4});
  CHECK(one(0.5F, "linear", "half_pixel") == Values{1.5F, 3.5F});
  CHECK(one(0.25F, "linear", "pytorch_half_pixel") == Values{1});
  CHECK(one(0.5F, "nearest", "asymmetric", "floor") == Values{1, 3});
  CHECK(one(2, "nearest", "half_pixel", "round_prefer_floor") == Values{1, 1, 2, 2, 3, 3, 4, 4});
  CHECK(one(2, "nearest", "asymmetric", "ceil") == Values{1, 2, 2, 3, 3, 4, 4, 4});
  CHECK(one(2, "nearest", "asymmetric", "round_prefer_floor") == Values{1, 1, 2, 2, 3, 3, 4, 4});
  CHECK(one(2, "nearest", "asymmetric", "round_prefer_ceil") == Values{1, 2, 2, 3, 3, 4, 4, 4});
  CHECK(one(0.5F, "nearest", "tf_half_pixel_for_nn", "floor") == Values{2, 4});
}

TEST_CASE("Resize: sizes, axes, policies, old opsets, images between convolutions") {
  ModelBuilder sizes(18);
  sizes.input("x", {kOpen, 2, 2, 3}).output("y").s64("sizes", {4, 6}).node("Resize", {"x", "", "", "sizes"}, {"y"}).with("axes", Ints{2, 3});
  CHECK(must(sizes.import()).tensors.back().shape == Shape{1, 2, 4, 6});
  ModelBuilder smaller = sizes;
  last_node(smaller).with("keep_aspect_ratio_policy", "not_larger");
  smaller.proto.mutable_graph()->mutable_initializer(0)->set_int64_data(1, 3);
  CHECK(must(smaller.import()).tensors.back().shape == Shape{1, 2, 2, 3});
  ModelBuilder old(9);
  old.input("x", {1, 1, 1, 2}).output("y").f32("s", {4}, {1, 1, 2, 2}).node("Upsample", {"x", "s"}, {"y"});
  CHECK(compute_optimized(old, {{5, 7}}) == Values{5, 5, 7, 7, 5, 5, 7, 7});
  ModelBuilder ten(10);
  ten.input("x", {1, 1, 1, 2}).output("y").f32("s", {4}, {1, 1, 1, 2}).node("Resize", {"x", "s"}, {"y"}).with("mode", "linear");
  CHECK(compute_optimized(ten, {{5, 7}}) == Values{5, 6, 7, 7});
  ModelBuilder m;
  m.input("x", {kOpen, 2, 3, 3}).output("y").random("w", {4, 2, 1, 1}).random("v", {2, 4, 1, 1}).f32("s", {4}, {1, 1, 2, 2});
  m.node("Conv", {"x", "w"}, {"a"});
  m.node("Resize", {"a", "", "s"}, {"b"}).with("mode", "linear");
  m.node("Conv", {"b", "v"}, {"y"});
  CHECK(ops_of(optimized(m)) == Strings{"Transpose", "Conv", "Resize", "Conv", "Transpose"});
}

TEST_CASE("Resize: sizes and places are those f32 arithmetic gives") {
  CHECK(must(resize_model({1, 1, 20}, {1, 1, 1.3F}, "nearest", "asymmetric").import()).tensors.back().shape == Shape{1, 1, 26});  // 25.999999 in f64
  Values x(28);
  std::iota(x.begin(), x.end(), 0.0F);
  CHECK(compute(resize_model({1, 1, 28}, {1, 1, 1.1F}, "nearest", "asymmetric", "floor"), {x})[11] == 10);  // 9.9999998 in f64
  ModelBuilder half(18);
  half.input("x", {1, 1, 5, 10}).output("y").s64("sizes", {5, 5}).node("Resize", {"x", "", "", "sizes"}, {"y"}).with("axes", Ints{2, 3});
  last_node(half).with("keep_aspect_ratio_policy", "not_larger");
  CHECK(must(half.import()).tensors.back().shape == Shape{1, 1, 3, 5});  // 2.5 is rounded up
}

TEST_CASE("Resize: opset 10 takes the next element where it shrinks, else the one before") {
  const auto ten = [](const Values& scales, const Values& x) {
    ModelBuilder m(10);
    m.input("x", {1, 1, 1, static_cast<std::int64_t>(x.size())}).output("y").f32("s", {4}, scales).node("Resize", {"x", "s"}, {"y"});
    return compute(m, {x});
  };
  CHECK(ten({1, 1, 1, 0.6F}, {1, 2, 3, 4}) == Values{1, 3});
  CHECK(ten({1, 1, 1, 1.5F}, {1, 2, 3, 4}) == Values{1, 1, 2, 3, 3, 4});
}

TEST_CASE("Resize: refused") {
  check_refused(resize_model({1, 1, 4, 4}, {1, 1, 2, 2}, "quintic", "half_pixel"), ErrorCode::invalid_file, "quintic");
  check_refused(resize_model({1, 1, 4, 4}, {1, 1, 2, 2}, "linear", "tf_crop_and_resize"), ErrorCode::unsupported, "roi");
  check_refused(resize_model({1, 1, 4, 4}, {1, 1, 2, 2}, "linear", "sideways"), ErrorCode::invalid_file, "sideways");
  check_refused(resize_model({1, 1, 4, 4}, {1, 1, 2}, "linear", "half_pixel"), ErrorCode::invalid_file, "scales");
  check_refused(resize_model({1, 1, 4, 4}, {1, 1, 0.1F, 2}, "linear", "half_pixel"), ErrorCode::invalid_file, "scale");
  check_refused(resize_model({1, 1, 4, 4}, {1, 1, -1, 2}, "linear", "half_pixel"), ErrorCode::invalid_file, "scale");
  ModelBuilder both;
  both.input("x", {1, 1, 4, 4}).output("y").f32("scales", {4}, {1, 1, 2, 2}).s64("sizes", {1, 1, 8, 8});
  both.node("Resize", {"x", "", "scales", "sizes"}, {"y"});
  check_refused(both, ErrorCode::invalid_file, "both scales and sizes");
}

TEST_CASE("Resize: of integers, only the nearest elements") {
  ModelBuilder m;
  m.input("x", {1, 1, 2, 2}, onnx::TensorProto::INT32).output("y").f32("s", {4}, {1, 1, 2, 2}).node("Resize", {"x", "", "s"}, {"y"}).with("mode", "linear");
  check_refused(m, ErrorCode::unsupported, "of s32, only the nearest elements are supported");
}

TEST_CASE("Resize: one axis alone") {
  CHECK(compute(resize_model({2}, {2}, "linear", "asymmetric"), {{5, 7}}) == Values{5, 6, 7, 7});
}

TEST_CASE("Resize: antialiased, along other axes, cubic") {
  ModelBuilder anti = resize_model({1, 1, 1, 4}, {1, 1, 1, 0.5F}, "linear", "half_pixel");
  last_node(anti).with("antialias", 1);
  CHECK(compute_optimized(anti, {{1, 2, 3, 4}}) == Values{1.625F, 3.375F});
  CHECK(compute_optimized(resize_model({1, 2, 1, 2}, {1, 2, 1, 1}, "nearest", "asymmetric"), {{1, 2, 3, 4}}) == Values{1, 2, 1, 2, 3, 4, 3, 4});
  const Values y = compute_optimized(resize_model({1, 1, 1, 4}, {1, 1, 1, 2}, "cubic", "half_pixel"), {{0, 0, 64, 64}});
  CHECK(y[3] + y[4] == doctest::Approx(64.0F));
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// ONNX's own definition, one direction, [T, N, I] to [T, N, H].
Values onnx_lstm(const Values& x, const Values& w, const Values& r, const Values& b, std::size_t steps, std::size_t rows, std::size_t in, std::size_t size,
                 std::size_t direction, bool reverse) {
  Values y(steps * rows * size);
  std::vector<double> h(rows * size), c(rows * size);
  for (std::size_t k = 0; k < steps; ++k) {
    const std::size_t t = reverse ? steps - 1 - k : k;
    const auto before = h;
    for (std::size_t n = 0; n < rows; ++n) {
      for (std::size_t i = 0; i < size; ++i) {
        const auto gate = [&](std::size_t g) {
          const std::size_t row = g * size + i;
          double sum = static_cast<double>(b[direction * 8 * size + row]) + static_cast<double>(b[direction * 8 * size + 4 * size + row]);
          for (std::size_t j = 0; j < in; ++j) sum += static_cast<double>(x[(t * rows + n) * in + j] * w[(direction * 4 * size + row) * in + j]);
          for (std::size_t j = 0; j < size; ++j) sum += before[n * size + j] * static_cast<double>(r[(direction * 4 * size + row) * size + j]);
          return sum;
        };
        c[n * size + i] = sigmoid(gate(2)) * c[n * size + i] + sigmoid(gate(0)) * std::tanh(gate(3));
        h[n * size + i] = sigmoid(gate(1)) * std::tanh(c[n * size + i]);
        y[(t * rows + n) * size + i] = static_cast<float>(h[n * size + i]);
      }
    }
  }
  return y;
}

TEST_CASE("LSTM in both directions, as ONNX defines it") {
  constexpr std::size_t kSteps = 4, kIn = 3, kSize = 2;
  const Values w = random_values(2 * 8 * kIn, 1), r = random_values(2 * 8 * kSize, 2), b = random_values(2 * 16, 3), x = random_values(kSteps * kIn, 4);
  ModelBuilder m;
  m.input("x", {kSteps, 1, kIn}).output("y").output("yh");
  m.f32("w", {2, 8, kIn}, w).f32("r", {2, 8, kSize}, r).f32("b", {2, 16}, b);
  m.node("LSTM", {"x", "w", "r", "b"}, {"y", "yh"}).with("direction", "bidirectional").with("hidden_size", 2);
  const Graph g = optimized(m);
  const auto results = run(g, {x});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].shape == Shape{kSteps, 2, 1, kSize});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[1])].shape == Shape{2, 1, kSize});
  for (const std::size_t d : {0U, 1U}) {
    const Values wanted = onnx_lstm(x, w, r, b, kSteps, 1, kIn, kSize, d, d == 1);
    for (std::size_t t = 0; t < kSteps; ++t)
      for (std::size_t i = 0; i < kSize; ++i) CHECK(results[0][(t * 2 + d) * kSize + i] == doctest::Approx(wanted[t * kSize + i]).epsilon(1e-5));
    const std::size_t last = d == 0 ? kSteps - 1 : 0;
    for (std::size_t i = 0; i < kSize; ++i) CHECK(results[1][d * kSize + i] == doctest::Approx(wanted[last * kSize + i]).epsilon(1e-5));
  }
}

TEST_CASE("LSTM: sequences that end earlier give zeros from there on, and keep their last state") {
  constexpr std::size_t kSteps = 4, kIn = 3, kSize = 2;
  const Values w = random_values(2 * 8 * kIn, 1), r = random_values(2 * 8 * kSize, 2), b = random_values(2 * 16, 3), x = random_values(2 * kSteps * kIn, 4);
  ModelBuilder m(14);
  m.input("x", {kOpen, kSteps, kIn}).input("n", {kOpen}, onnx::TensorProto::INT32).output("y").output("yh");
  m.f32("w", {2, 8, kIn}, w).f32("r", {2, 8, kSize}, r).f32("b", {2, 16}, b);
  m.node("LSTM", {"x", "w", "r", "b", "n"}, {"y", "yh"}).with("direction", "bidirectional").with("layout", 1);
  octet::Session session = must(must(octet::make_model(optimized(m))).session({.batch = 2}));
  Values y(2 * kSteps * 2 * kSize), last(2 * 2 * kSize);
  std::vector<std::int32_t> lengths = {3, 99};  // more than there are: all
  must(session.run({x, lengths}, {y, last}));
  for (const std::size_t n : {0U, 1U}) {
    const std::size_t steps = n == 0 ? 3 : kSteps;
    const Values sequence(x.begin() + static_cast<std::ptrdiff_t>(n * kSteps * kIn), x.begin() + static_cast<std::ptrdiff_t>((n * kSteps + steps) * kIn));
    for (const std::size_t d : {0U, 1U}) {
      Values wanted = onnx_lstm(sequence, w, r, b, steps, 1, kIn, kSize, d, d == 1);
      for (std::size_t i = 0; i < kSize; ++i) CHECK(last[(n * 2 + d) * kSize + i] == doctest::Approx(wanted[(d == 0 ? steps - 1 : 0) * kSize + i]).epsilon(1e-5));
      wanted.resize(kSteps * kSize, 0.0F);
      for (std::size_t t = 0; t < kSteps; ++t)
        for (std::size_t i = 0; i < kSize; ++i) CHECK(y[((n * kSteps + t) * 2 + d) * kSize + i] == doctest::Approx(wanted[t * kSize + i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("recurrent layers of batch-first models keep the batch free, as exporters write them") {
  for (const std::string op : {"LSTM", "GRU"}) {
    const std::int64_t gates = op == "LSTM" ? 4 : 3;
    ModelBuilder m(14);
    m.input("x", {kOpen, 5, 3}).output("y").random("w", {1, gates * 2, 3}).random("r", {1, gates * 2, 2}).random("b", {1, gates * 4});
    m.s64("one", {1}).s64("two", {2}).s64("zero", {0}).tensor("first", {}, onnx::TensorProto::INT64)->add_int64_data(0);
    // An initial state of zeros, of the batch's size.
    m.node("Shape", {"x"}, {"shape"});
    m.node("Gather", {"shape", "first"}, {"n"});
    m.node("Unsqueeze", {"n", "zero"}, {"n1"});
    m.node("Concat", {"one", "n1", "two"}, {"state"}).with("axis", 0);
    m.node("ConstantOfShape", {"state"}, {"h0"});
    m.node("Transpose", {"x"}, {"t"}).with("perm", Ints{1, 0, 2});
    m.node(op, {"t", "w", "r", "b", "", "h0"}, {"ys"}).with("hidden_size", 2);
    m.node("Squeeze", {"ys", "one"}, {"s"});
    m.node("Transpose", {"s"}, {"y"}).with("perm", Ints{1, 0, 2});
    const Graph g = optimized(m);
    CHECK(ops_of(g) == Strings{"FullyConnected", op});
    CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
    // The same with layout 1.
    ModelBuilder direct(14);
    direct.input("x", {kOpen, 5, 3}).output("y").random("w", {1, gates * 2, 3}).random("r", {1, gates * 2, 2}).random("b", {1, gates * 4});
    direct.node(op, {"x", "w", "r", "b"}, {"y"}).with("layout", 1);
    const auto x = random_values(30, 9);
    check_close(compute_optimized(direct, {x}, 2), run(g, {x}, 2)[0], 1e-6F);
  }
}

TEST_CASE("GRU: linear_before_reset, an initial state") {
  const auto model = [](int before) {
    ModelBuilder m(14);
    m.input("x", {1, 1, 1}).input("h", {1, 1, 1}).output("y");
    m.f32("w", {1, 3, 1}, {0, 0, 1}).f32("r", {1, 3, 1}, {0, 1, 2}).f32("b", {1, 6}, {0, 0, 0.5F, 0, 0, 0.25F});
    m.node("GRU", {"x", "w", "r", "b", "", "h"}, {"", "y"}).with("linear_before_reset", before);
    return m;
  };
  const double r = sigmoid(0.5);
  const double before = std::tanh(1 + r * (2 * 0.5 + 0.25) + 0.5);
  const double after = std::tanh(1 + 2 * (r * 0.5) + 0.25 + 0.5);
  CHECK(compute_optimized(model(1), {{1}, {0.5F}})[0] == doctest::Approx(0.5 * before + 0.25));
  CHECK(compute_optimized(model(0), {{1}, {0.5F}})[0] == doctest::Approx(0.5 * after + 0.25));
}

TEST_CASE("recurrent layers: refused") {
  const auto model = [](const Shape& w) {
    ModelBuilder m(14);
    m.input("x", {3, 1, 2}).output("y").random("w", w).random("r", {1, 4, 1}).node("LSTM", {"x", "w", "r"}, {"y"});
    return m;
  };
  REQUIRE(model({1, 4, 2}).import().has_value());
  check_refused(model({1, 4, 3}), ErrorCode::invalid_file, "weights");
  ModelBuilder activations = model({1, 4, 2});
  onnx::AttributeProto* list = last_node(activations).add("activations", onnx::AttributeProto::STRINGS);
  for (const char* name : {"Sigmoid", "Relu", "Tanh"}) list->add_strings(name);
  check_refused(activations, ErrorCode::unsupported, "Relu");
  ModelBuilder clip = model({1, 4, 2});
  last_node(clip).with("clip", 3.0F);
  check_refused(clip, ErrorCode::unsupported, "clip");
  ModelBuilder direction = model({1, 4, 2});
  last_node(direction).with("direction", "sideways");
  check_refused(direction, ErrorCode::invalid_file, "sideways");
  ModelBuilder size = model({1, 4, 2});
  last_node(size).with("hidden_size", 7);
  check_refused(size, ErrorCode::invalid_file, "hidden_size");
  for (const int type : {onnx::TensorProto::INT64, onnx::TensorProto::INT32}) {
    ModelBuilder lengths(14);
    lengths.input("x", {3, 1, 2}).input("n", {type == onnx::TensorProto::INT64 ? 1 : 2}, type).output("y").random("w", {1, 4, 2}).random("r", {1, 4, 1});
    lengths.node("LSTM", {"x", "w", "r", "", "n"}, {"y"});
    check_refused(lengths, ErrorCode::invalid_file, type == onnx::TensorProto::INT64 ? "its sequence_lens are s64 of shape 1, not s32 of 1" : "its sequence_lens are s32 of shape 2, not s32 of 1");
  }
}

}  // namespace
}  // namespace octet_test
