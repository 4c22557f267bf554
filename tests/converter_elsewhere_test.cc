// What NNCF and PyTorch write that ONNX Runtime's quantizer does not: operators without a pair behind them, scales for each channel of
// activations, biases in f32, products scaled afterwards.
#include <functional>

#include "quantized_builder.h"

namespace octet_test {
namespace {

using Strings = std::vector<std::string>;
using Values = std::vector<float>;

std::ptrdiff_t count(const Model& model, Operator op) { return std::ranges::count(operators(model), op); }

/// No node that computes is in float.
void check_all_int8(const Model& model) {
  for (const auto& node : model.impl().graph.nodes) CHECK_MESSAGE(node.float_reason.empty(), node.name << ": " << node.float_reason);
}

/// What the passes and int8 make of a model is what its nodes say one by one, within a step.
void check_agrees_with_source(const ModelBuilder& m, float step, float tolerance = 1e-5F) {
  const Graph source = must(m.import());
  const auto inputs = random_inputs(source, 3);
  const auto expected = run(source, inputs, 3)[0];
  const auto passed = run(imported(m).impl().graph, inputs, 3)[0];
  const auto got = run(quantized(m).impl().graph, inputs, 3)[0];
  std::size_t differ = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::abs(passed[i] - expected[i]) <= step * 1.001F);
    CHECK(std::abs(got[i] - expected[i]) <= step * 1.001F);
    if (std::abs(got[i] - expected[i]) > tolerance) ++differ;
  }
  CHECK(differ * 20 <= expected.size());
}

TEST_CASE("what only chooses among its input's values needs no pair behind it") {
  const auto behind = [](const std::function<void(QuantizedBuilder&)>& add, int zero_point = 100) {
    QuantizedBuilder m;
    m.input("x", {kOpen, 4, 8, 8}).output("y");
    m.pair("x", "x_d", 2.0F / 255, zero_point);
    add(m);
    m.weights("w", {6, 4, 3, 3}, {0.01F}, {0}, kS8, 0, 11);
    m.node("Conv", {"m", "w"}, {"c"});
    m.pair("c", "y", 0.05F, 128);
    check_all_int8(quantized(m));
    CHECK(count(quantized(m), Operator::Dequantize) == 1);
    check_agrees_with_source(m, 0.05F);
    return m;
  };
  behind([](auto& m) { m.node("MaxPool", {"x_d"}, {"m"}).with("kernel_shape", Ints{2, 2}).with("strides", Ints{2, 2}); });
  behind([](auto& m) { m.node("Relu", {"x_d"}, {"m"}); });
  behind([](auto& m) { m.s64("pads", {0, 0, 1, 1, 0, 0, 1, 1}).node("Pad", {"x_d", "pads"}, {"m"}); });
  behind([](auto& m) { m.f32("scales", {4}, {1, 1, 2, 2}).node("Resize", {"x_d", "", "scales"}, {"m"}).with("mode", "nearest"); });
  behind([](auto& m) {
    m.s64("a", {0}).s64("b", {2}).s64("c4", {4}).s64("axis", {1});
    m.node("Slice", {"x_d", "a", "b", "axis"}, {"front"});
    m.node("Slice", {"x_d", "b", "c4", "axis"}, {"back"});
    m.node("Concat", {"back", "front"}, {"m"}).with("axis", 1);
  });
}

TEST_CASE("what makes other values stays in float without one") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 4}).output("y").s64("pads", {0, 1, 0, 1}).f32("value", {}, {0.3F});
  m.pair("x", "x_d", 2.0F / 255, 100).pair("x", "other", 3.0F / 255, 100);
  m.node("Pad", {"x_d", "pads", "value"}, {"p"}).named("pad");
  m.node("Concat", {"p", "other"}, {"y"}).named("cat").with("axis", 1);
  const Model model = quantized(m);
  CHECK(model.impl().graph.nodes.back().float_reason.find("is not quantized in the source") != std::string::npos);
  for (const auto& node : model.impl().graph.nodes)
    if (node.op() == Operator::Pad) CHECK_FALSE(node.float_reason.empty());
}

/// x -> pair -> conv -> ReLU6 -> a pair with a scale for each channel -> depthwise conv -> pair -> y.
QuantizedBuilder depthwise_net(const Values& scales, int type, const std::vector<int>& zero_points, std::int64_t multiplier = 1) {
  QuantizedBuilder m;
  m.input("x", {kOpen, 4, 7, 7}).output("y").f32("zero", {}, {0}).f32("six", {}, {6});
  m.pair("x", "x_d", 2.0F / 255, 127);
  m.weights("w", {6, 4, 1, 1}, {0.05F, 0.04F, 0.06F, 0.05F, 0.08F, 0.03F}, std::vector<int>(6, 0), kS8, 0, 11);
  m.f32("b", {6}, {1, 2, 3, 2, 1.5F, 0.5F});
  m.node("Conv", {"x_d", "w", "b"}, {"c"});
  m.node("Clip", {"c", "zero", "six"}, {"r"});
  m.bytes("z", {6}, zero_points, type).f32("s", {6}, scales);
  m.node("QuantizeLinear", {"r", "s", "z"}, {"q"}).named("by channel").with("axis", 1);
  m.node("DequantizeLinear", {"q", "s", "z"}, {"d"}).with("axis", 1);
  m.weights("v", {6 * multiplier, 1, 3, 3}, {0.01F}, {0}, kS8, 0, 12);
  m.node("Conv", {"d", "v"}, {"e"}).with("group", 6).with("pads", Ints{1, 1, 1, 1});
  return m.pair("e", "y", 0.08F, 128);
}

const Values kScales = {6.0F / 255, 4.0F / 255, 5.5F / 255, 0.5F / 255, 6.0F / 255, 3.0F / 255};

TEST_CASE("activations with a scale for each channel, before a depthwise convolution: in the weights beside them") {
  for (const std::int64_t multiplier : {1, 2})
    for (const int type : {kU8, kS8}) {
      const auto m = depthwise_net(kScales, type, std::vector<int>(6, type == kU8 ? 0 : -128), multiplier);
      const Model model = quantized(m);
      check_all_int8(model);
      CHECK(count(model, Operator::Quantize) == 1);
      CHECK(count(model, Operator::Mul) + count(model, Operator::Binary) + count(model, Operator::Lookup) == 0);
      check_agrees_with_source(m, 0.08F, 0.02F);
    }
}

TEST_CASE("they stay in float where the bound or the zero-points are not the same for all") {
  auto scales = kScales;
  scales[1] = 7.0F / 255;  // 6 is not its last step
  const auto bounded = depthwise_net(scales, kU8, std::vector<int>(6, 0));
  CHECK(count(quantized(bounded), Operator::Binary) == 1);
  check_agrees_with_source(bounded, 0.08F, 0.02F);
  const auto shifted = depthwise_net(kScales, kS8, {-128, -128, 0, -128, -128, -128});
  CHECK(count(quantized(shifted), Operator::Binary) == 1);
  check_agrees_with_source(shifted, 0.08F, 0.02F);
}

TEST_CASE("a product that is scaled afterwards takes the factors into its scales, and keeps its integers") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 4, 7, 7}).output("y").f32("f", {1, 6, 1, 1}, {0.5F, 0.7F, 1.1F, 3, 0.25F, 1}).f32("b", {1, 6, 1, 1}, {0.5F, -0.25F, 0, 0.125F, 1, -1});
  m.pair("x", "x_d", 2.0F / 255, 127).weights("w", {6, 4, 3, 3}, {0.01F}, {0}, kS8, 0, 11);
  m.node("Conv", {"x_d", "w"}, {"c"});
  m.node("Div", {"c", "f"}, {"scaled"});
  m.node("Add", {"scaled", "b"}, {"a"});
  m.node("Relu", {"a"}, {"r"});
  m.pair("r", "y", 0.05F, 0);
  const Model model = quantized(m);
  check_all_int8(model);
  CHECK(count(model, Operator::Conv) == 1);
  CHECK(count(model, Operator::Mul) + count(model, Operator::Add) == 0);
  check_agrees_with_source(m, 0.05F);
  QuantizedBuilder negative = m;
  negative.f32("g", {}, {-1});
  negative.proto.mutable_graph()->mutable_node(4)->set_input(1, "g");
  REQUIRE(negative.proto.graph().node(4).op_type() == "Div");
  CHECK(count(quantized(negative), Operator::Mul) == 1);
  check_agrees_with_source(negative, 0.05F);
}

/// A product of weights of these integers, all in steps of 1, into steps of `out`; 0 is a real output.
Model coarse(int integer, float bias, float out) {
  QuantizedBuilder m;
  m.input("x", {kOpen, 2}).output("y").f32("b", {2}, {bias, bias});
  m.pair("x", "x_d", 1, 0).bytes("w_q", {2, 2}, {integer, integer, 0, integer}, kS8).parameters("w", 1, 0, kS8);
  m.node("DequantizeLinear", {"w_q", "w_s", "w_z"}, {"w"});
  m.node("Gemm", {"x_d", "w", "b"}, {out == 0 ? "y" : "p"}).named("product");
  if (out != 0) m.pair("p", "y", out, 0);
  return quantized(m);
}

TEST_CASE("a bias between the steps of coarse sums: smaller steps, with the integers larger by as much") {
  const auto product = [](const Model& model) -> const Graph& {
    CHECK(operators(model)[1] == Operator::FullyConnected);
    return model.impl().graph;
  };
  const Model fine = coarse(1, 2.40625F, 0.5F);
  const octet::Tensor& w = input_of(product(fine), 1, 1);
  CHECK(w.quant.scales == Values{1.0F / 32, 1.0F / 32});
  CHECK(std::ranges::equal(w.data.as<std::int8_t>(), std::vector<std::int8_t>{32, 0, 32, 32}));
  CHECK(input_of(product(fine), 1, 2).data.as<std::int32_t>()[0] == 77);
  CHECK(run(fine.impl().graph, {{3, 4}})[0] == Values{5.5F, 9.5F});
  const Model real_output = coarse(1, 2.40625F, 0);
  CHECK(input_of(product(real_output), 1, 1).quant.scales == Values{1.0F / 32, 1.0F / 32});
  CHECK(run(real_output.impl().graph, {{3, 4}})[0] == Values{5.40625F, 9.40625F});
  // An s32 bias is what it was, and so are integers that leave no room.
  CHECK(input_of(product(coarse(1, 2, 0.5F)), 1, 1).quant.scales == Values{1});
  CHECK(input_of(product(coarse(100, 2.4F, 1)), 1, 1).quant.scales == Values{1});
  const Model lost = coarse(100, 2.4F, 0.5F);
  CHECK(lost.impl().graph.nodes[2].float_reason == "its bias lies between the steps of its sums, which are too coarse");
}

TEST_CASE("a transposed convolution with a scale for each output") {
  for (const std::int64_t groups : {1, 2}) {
    QuantizedBuilder m;
    m.input("x", {kOpen, 4, 5, 5}).output("y").random("b", {6});
    const auto of_group = static_cast<std::size_t>(6 / groups);
    Values scales = {0.01F, 0.008F, 0.012F, 0.01F, 0.005F, 0.02F};
    scales.resize(of_group);
    m.pair("x", "x_d", 2.0F / 255, 127).weights("w", {4, 6 / groups, 3, 3}, scales, std::vector<int>(of_group, 0), kS8, 1, 11);
    m.node("ConvTranspose", {"x_d", "w", "b"}, {"c"}).named("up").with("strides", Ints{2, 2}).with("group", groups);
    m.pair("c", "y", 0.03F, 128);
    check_all_int8(quantized(m));
    check_agrees_with_source(m, 0.03F);
  }
}

}  // namespace
}  // namespace octet_test
