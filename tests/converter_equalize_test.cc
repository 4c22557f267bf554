// Cross-layer equalization: what a graph computes stays the same to the last bit, and ranges of weights come together.
#include <cmath>

#include "converter/quantize.h"
#include "support/equalize_checks.h"

namespace octet_test {
namespace {

using octet::schema::Function;

TEST_CASE("equalize: two convolutions with a ReLU between them") {
  NetBuilder b(1);
  const auto f = b.factors(16, 6);
  const int x = b.input("x", Type::f32, {1, 5, 5, 3});
  b.conv("second", b.conv("first", x, kOnes3, f, {.kernel = 3, .pad = 1, .clamp_min = 0.0F}), f, kOnes3);
  const Equalized e = equalized(b);
  CHECK(e.changed);
  CHECK(spread(e.before, "first.w") > 8);
  CHECK(spread(e.after, "first.w") < 2);
  CHECK(spread(e.before, "second.w", true) > 8);
  CHECK(spread(e.after, "second.w", true) < 2);
  // Every factor is a power of two, the same for the weights and the bias of a row.
  const auto old_w = values(e.before, "first.w");
  const auto new_w = values(e.after, "first.w");
  const auto old_b = values(e.before, "first.b");
  const auto new_b = values(e.after, "first.b");
  for (std::size_t i = 0; i < old_w.size(); ++i) {
    int exponent = 0;
    CHECK(std::frexp(new_w[i] / old_w[i], &exponent) == 0.5F);
    CHECK(new_w[i] / old_w[i] == new_b[i / 27] / old_b[i / 27]);
  }
}

TEST_CASE("equalize: no bias, LeakyRelu, an upper clamp of 0") {
  NetBuilder b(2);
  const auto f = b.factors(8, 6);
  const auto g = b.factors(8, 6);
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  int y = b.conv("first", x, kOnes3, f, {.bias = false});
  y = b.function("leaky", Function::LeakyRelu, y, 0.25F);
  y = b.conv("second", y, f, g, {.clamp_max = 0.0F});
  b.conv("third", y, g, kOnes3);
  const Equalized e = equalized(b);
  for (const char* w : {"first.w", "second.w"}) CHECK(spread(e.after, w) < 3);
  for (const char* w : {"second.w", "third.w"}) CHECK(spread(e.after, w, true) < 3);
}

TEST_CASE("equalize: depthwise between pointwise convolutions, one channel or two a group") {
  for (const std::int64_t multiplier : {1, 2}) {
    NetBuilder b(3);
    const auto f = b.factors(8, 7);
    const auto g = b.factors(8 * multiplier, 7);
    const int x = b.input("x", Type::f32, {1, 6, 6, 3});
    b.conv("project", b.conv("depthwise", b.conv("expand", x, kOnes3, f, kRelu), f, g, kDepthwise8), g, kOnes3);
    const Equalized e = equalized(b);
    CHECK(spread(e.before, "depthwise.w") > 8);
    CHECK(spread(e.after, "expand.w") < 3);
    CHECK(spread(e.after, "depthwise.w") < 4);
    CHECK(spread(e.after, "project.w", true) < 4);
  }
}

TEST_CASE("equalize: grouped convolutions") {
  NetBuilder b(4);
  const auto f = b.factors(12, 6);
  const auto g = b.factors(8, 6);
  const int x = b.input("x", Type::f32, {1, 6, 6, 3});
  b.conv("last", b.conv("grouped", b.conv("first", x, kOnes3, f, kRelu), f, g, {.kernel = 3, .groups = 4}), g, kOnes3);
  const Equalized e = equalized(b);
  CHECK(spread(e.after, "first.w") < 3);
  CHECK(spread(e.after, "grouped.w") < 3);
  CHECK(spread(e.after, "last.w", true) < 3);
}

TEST_CASE("equalize: a residual chain has one factor for each channel, wherever it is written and read") {
  NetBuilder b(5);
  const auto f = b.factors(16, 6);
  const auto g = b.factors(8, 6);
  const auto h = b.factors(8, 6);
  const int x = b.input("x", Type::f32, {1, 6, 6, 3});
  const int y0 = b.conv("stem", x, kOnes3, f);
  const int y1 = b.add("sum1", y0, b.conv("b", b.conv("a", y0, f, g, kRelu), g, f));
  const int y2 = b.add("sum2", b.conv("d", b.conv("c", y1, f, h, kRelu), h, f), y1, 0.0F);
  b.conv("head", y2, f, kOnes3);
  const Equalized e = equalized(b);
  for (const char* w : {"stem.w", "a.w", "b.w", "c.w", "d.w"}) CHECK(spread(e.after, w) < 3);
  for (const char* w : {"a.w", "b.w", "c.w", "d.w", "head.w"}) CHECK(spread(e.after, w, true) < 3);
  const auto ratio = [&](const char* bias, std::size_t c) { return values(e.after, bias)[c] / values(e.before, bias)[c]; };
  for (std::size_t c = 0; c < f.size(); ++c) {
    CHECK(ratio("stem.b", c) == ratio("b.b", c));
    CHECK(ratio("stem.b", c) == ratio("d.b", c));
  }
}

TEST_CASE("equalize: through pools, a flattening and matrix products") {
  NetBuilder b(6);
  const auto f = b.factors(6, 7);
  const auto g = b.factors(10, 7);
  const int x = b.input("x", Type::f32, {1, 8, 8, 3});
  int y = b.conv("conv", x, kOnes3, f, kRelu);
  octet::schema::MaxPoolT max;
  max.kernel_h = max.kernel_w = max.stride_h = max.stride_w = 2;
  octet::schema::AveragePoolT mean;
  mean.kernel_h = mean.kernel_w = mean.stride_h = mean.stride_w = 2;
  y = b.node("mean", mean, {b.node("max", max, {y})});
  y = b.dense("hidden", b.reshape("flat", y, {0, -1}), 24, f, g, 0.0F);
  b.dense("logits", y, 10, g, kOnes3);
  const Equalized e = equalized(b);
  CHECK(spread(e.before, "hidden.w", true) > 8);
  CHECK(spread(e.after, "conv.w") < 3);
  CHECK(spread(e.after, "hidden.w") < 3);
  CHECK(spread(e.after, "logits.w", true) < 3);
}

TEST_CASE("equalize: through a concat, a gate and a transposition that keeps channels last") {
  NetBuilder b(7);
  auto f = b.factors(6, 6);
  const auto g = b.factors(4, 6);
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  octet::schema::ConcatT concat;
  concat.axis = 3;
  int y = b.node("joined", concat, {b.conv("a", x, kOnes3, f, kRelu), b.conv("b", x, kOnes3, g, kRelu)});
  octet::schema::AveragePoolT mean;
  mean.kernel_h = mean.kernel_w = 4;
  f.insert(f.end(), g.begin(), g.end());
  const std::vector<float> ones(10, 1.0F);
  const int gate = b.function("gate", Function::Sigmoid, b.conv("squeeze", b.node("mean", mean, {y}), f, ones));
  y = b.node("gated", octet::schema::MulT{}, {gate, y});
  octet::schema::TransposeT swap;
  swap.perm = {0, 2, 1, 3};
  b.conv("last", b.node("swapped", swap, {y}), f, kOnes3);
  const Equalized e = equalized(b);
  for (const char* w : {"a.w", "b.w"}) CHECK(spread(e.after, w) < 3);
  for (const char* w : {"squeeze.w", "last.w"}) CHECK(spread(e.after, w, true) < 3);
  CHECK(std::ranges::equal(values(e.before, "squeeze.b"), values(e.after, "squeeze.b")));  // the gate's own range counts
}

TEST_CASE("equalize: through ReLU6 with a bound for each channel, where asked for, to the last bit") {
  NetBuilder b(9);
  auto f = b.factors(8, 6);
  const auto g = b.factors(8, 6);
  f[0] = 64;  // reaches 6
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  NetBuilder::Options six = kDepthwise8;
  six.clamp_max = 6.0F;
  const int first = b.conv("first", x, kOnes3, f, {.clamp_min = 0.0F, .clamp_max = 6.0F});
  b.conv("last", b.conv("depthwise", first, f, g, six), g, kOnes3);
  const Graph before = must(b.model()).impl().graph;
  Graph after = before;
  CHECK(must(octet::equalize(after, true)));
  CHECK(outputs_of(before) == outputs_of(after));
  for (const char* w : {"first.w", "depthwise.w"}) CHECK(spread(after, w) < 4);
  CHECK(after.nodes.size() == before.nodes.size() + 2);
  CHECK(after.nodes[1].op() == octet::schema::Operator::Binary);
  const auto bounds = after.tensors[at(after.nodes[1].inputs[1])].data.as<float>();
  CHECK(std::ranges::max(bounds) == after.nodes[0].as<octet::schema::ConvT>().clamp_max);
  for (std::size_t c = 0; c < 8; ++c) CHECK(bounds[c] == 6 * values(after, "first.b")[c] / values(before, "first.b")[c]);
  Graph plain = before;
  CHECK_FALSE(must(octet::equalize(plain)));
}

double output_sqnr(const Model& real, const Model& quantized, std::size_t size) {
  double signal = 0;
  double noise = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto x = Random(seed).reals(size, -1, 1);
    const auto exact = run_one<float>(real, x);
    const auto y = run_one<float>(quantized, x);
    for (std::size_t i = 0; i < y.size(); ++i) {
      signal += static_cast<double>(exact[i]) * static_cast<double>(exact[i]);
      noise += std::pow(static_cast<double>(exact[i]) - static_cast<double>(y[i]), 2);
    }
  }
  return 10 * std::log10(signal / noise);
}

TEST_CASE("an unbalanced net keeps its accuracy when it is quantized, per channel and per tensor, and says how") {
  NetBuilder b(18);
  const auto f = b.factors(32, 7);
  const auto g = b.factors(32, 7);
  const int x = b.input("x", Type::f32, {1, 6, 6, 3});
  const int y = b.conv("expand", x, kOnes3, f, kRelu);
  b.conv("project", b.conv("depthwise", y, f, g, {.kernel = 3, .pad = 1, .groups = 32, .clamp_min = 0.0F}), g, kOnes3);
  const Model model = must(b.model());
  const VectorSamples samples(64, {Random(1).reals(64 * 108, -1, 1)});
  for (const bool per_channel : {true, false}) {
    octet::QuantizeOptions options;
    options.per_channel_weights = per_channel;
    const Model repaired = must(octet::quantize(model, samples, options));
    CHECK(repaired.impl().graph.provenance.repair.find(octet::kEqualized) != std::string::npos);
    options.equalize = false;
    const Model plain = must(octet::quantize(model, samples, options));
    CHECK(plain.impl().graph.provenance.repair.find(octet::kEqualized) == std::string::npos);
    CHECK(output_sqnr(model, repaired, 108) > 28);
    CHECK(output_sqnr(model, repaired, 108) > output_sqnr(model, plain, 108) + 8);
  }
}

}  // namespace
}  // namespace octet_test
