// Models that come quantized: QuantizeLinear and DequantizeLinear around operators, imported with the numbers they have.
#include <algorithm>
#include <functional>

#include "quantized_builder.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using Strings = std::vector<std::string>;

/// x -> pair -> conv (ReLU) -> pair -> max pool -> y.
QuantizedBuilder conv_net(int activations, int weight_type, const std::vector<float>& scales, const std::vector<int>& zero_points, std::int64_t groups = 1) {
  QuantizedBuilder m;
  const int shift = activations == kS8 ? -128 : 0;
  m.input("x", {kOpen, 4, 7, 7}).output("y");
  m.pair("x", "x_d", 2.0F / 255, 127 + shift, activations);
  m.weights("w", {6, 4 / groups, 3, 3}, scales, zero_points, weight_type, 0, 11);
  m.f32("b", {6}, {0.5F, -0.25F, 0, 0.125F, 1, -1});
  m.node("Conv", {"x_d", "w", "b"}, {"c"}).named("conv").with("pads", Ints{1, 1, 1, 1}).with("group", groups);
  m.node("Relu", {"c"}, {"r"});
  m.pair("r", "r_d", 0.02F, shift, activations);
  m.node("MaxPool", {"r_d"}, {"y"}).with("kernel_shape", Ints{2, 2}).with("strides", Ints{2, 2});
  return m;
}

const std::vector<float> kSix = {0.01F, 0.008F, 0.012F, 0.01F, 0.005F, 0.02F};

TEST_CASE("pairs around a convolution: one int8 convolution with the source's scales") {
  for (const int activations : {kU8, kS8}) {
    const auto m = conv_net(activations, kS8, kSix, std::vector<int>(6, 0));
    const Model model = quantized(m);
    auto ops = ops_of(model.impl().graph);
    std::ranges::sort(ops);
    CHECK(ops == Strings{"Conv", "Dequantize", "MaxPool", "Quantize", "Transpose", "Transpose"});
    const auto& graph = model.impl().graph;
    const auto& conv = *std::ranges::find_if(graph.nodes, [](const auto& n) { return n.op() == Operator::Conv; });
    CHECK(input_of(graph, static_cast<std::size_t>(&conv - graph.nodes.data()), 0).quant == octet::Quantization{{2.0F / 255}, {127}, -1});
    CHECK(input_of(graph, static_cast<std::size_t>(&conv - graph.nodes.data()), 1).quant.scales == kSix);
    CHECK(output_of(graph, static_cast<std::size_t>(&conv - graph.nodes.data())).quant == octet::Quantization{{0.02F}, {0}, -1});
    CHECK(graph.provenance.calibrator == "imported");
    check_agrees(m, 0.02F);
  }
}

TEST_CASE("weights with zero-points are exact, be they s8 without them or not") {
  const auto near = conv_net(kU8, kU8, {0.01F}, {128});
  CHECK(std::ranges::count(operators(quantized(near)), Operator::Tile) == 0);
  check_agrees(near, 0.02F);
  for (const std::int64_t groups : {1, 2}) {
    const auto far = conv_net(kU8, kU8, kSix, {90, 128, 160, 0, 255, 17}, groups);
    CHECK(std::ranges::count(operators(quantized(far)), Operator::Tile) == 1);
    check_agrees(far, 0.02F);
  }
}

TEST_CASE("matrix products: weights per column, a bias added afterwards, real results from accumulators") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 8}).output("y").f32("b", {3}, {0.5F, -1, 2});
  m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 3}, {0.01F, 0.02F, 0.03F}, {0, 0, 0}, kS8, 1, 5);
  m.node("MatMul", {"x_d", "w"}, {"p"}).named("product");
  m.node("Add", {"p", "b"}, {"y"});
  CHECK(operators(quantized(m)) == std::vector{Operator::Quantize, Operator::FullyConnected});
  check_agrees(m, 1e-5F);
}

TEST_CASE("a constant of one number is a byte, whatever it is: arithmetic with it runs in int8") {
  for (const float number : {0.3F, -1.7F, 0.0F})
    for (const char* op : {"Mul", "Add", "Sub"}) {
      QuantizedBuilder m;
      m.input("x", {kOpen, 8}).output("y").f32("c", {}, {number});
      m.pair("x", "x_d", 2.0F / 255, 120);
      m.node(op, {"c", "x_d"}, {"p"});
      m.pair("p", "y", 0.02F, 128);
      const auto ops = operators(quantized(m));
      CHECK(ops.size() == 3);
      CHECK(std::ranges::count(ops, Operator::Quantize) == 1);
      if (number != 0) check_agrees(m, 0.02F);
    }
}

TEST_CASE("a dead channel, whose bias is as large as s32 can be, leaves its layer in int8") {
  for (const std::int32_t bias : {2147483647, -2147483647 - 1}) {
    QuantizedBuilder m;
    m.input("x", {kOpen, 8}).output("y");
    m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 3}, {0.01F, 1e-32F, 0.03F}, {0, 0, 0}, kS8, 1, 5);
    m.bytes("b_q", {3}, {500, bias, -700}, onnx::TensorProto::INT32).f32("b_s", {3}, {0.02F / 255, 2e-32F / 255, 0.06F / 255});
    m.node("DequantizeLinear", {"b_q", "b_s"}, {"b"}).with("axis", 0);
    m.node("Gemm", {"x_d", "w", "b"}, {"p"});
    m.pair("p", "y", 0.02F, 128);
    CHECK(operators(quantized(m)) == std::vector{Operator::Quantize, Operator::FullyConnected, Operator::Dequantize});
    check_agrees(m, 0.02F);
  }
}

TEST_CASE("a Gemm's alpha goes into the scales of its weights") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 8}).output("y");
  m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 3}, {0.01F, 0.02F, 0.03F}, {0, 0, 0}, kS8, 1, 5);
  m.node("Gemm", {"x_d", "w"}, {"p"}).with("alpha", 0.5F);
  m.pair("p", "y", 0.02F, 128);
  CHECK(operators(quantized(m)) == std::vector{Operator::Quantize, Operator::FullyConnected, Operator::Dequantize});
  check_agrees(m, 0.02F);
}

TEST_CASE("weights that are transposed or quantized on the way are the integers they were") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 8}).output("y").random("v", {8, 8});
  m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 8}, std::vector<float>(8, 0.01F), std::vector<int>(8, 0), kS8, 0, 5);
  m.node("Transpose", {"w"}, {"wt"});
  m.node("MatMul", {"x_d", "wt"}, {"p"});
  m.pair("p", "p_d", 0.02F, 128).pair("v", "v_d", 0.01F, 0, kS8);  // constant -> QuantizeLinear -> DequantizeLinear
  m.node("MatMul", {"p_d", "v_d"}, {"y"});
  CHECK(operators(quantized(m)) == std::vector{Operator::Quantize, Operator::FullyConnected, Operator::FullyConnected});
  check_agrees(m, 0.1F);
}

TEST_CASE("what the source leaves in float stays there, with a reason") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 8}).output("y").random("w2", {8, 4});
  m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 8}, {0.01F}, {0}, kS8, 1, 5);
  m.node("MatMul", {"x_d", "w"}, {"p"}).named("first");
  m.pair("p", "p_d", 0.02F, 128);
  m.node("MatMul", {"p_d", "w2"}, {"r"}).named("second");
  m.node("Tanh", {"r"}, {"y"}).named("tanh");
  const Model model = quantized(m);
  CHECK(operators(model) == std::vector{Operator::Quantize, Operator::FullyConnected, Operator::Dequantize, Operator::FullyConnected, Operator::Pointwise});
  CHECK(model.impl().graph.nodes[1].float_reason.empty());
  CHECK(model.impl().graph.nodes[3].float_reason == "its weights 'w2' are not quantized in the source");
  CHECK(model.impl().graph.nodes[4].float_reason == "its input 'r' is not quantized in the source");
  check_agrees(m, 1e-2F);
}

TEST_CASE("--float means every node of that name") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 8}).output("y");
  m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 8}, {0.01F}, {0}, kS8, 1, 5);
  m.node("MatMul", {"x_d", "w"}, {"p"}).named("same");
  m.pair("p", "p_d", 0.02F, 128);
  m.node("MatMul", {"p_d", "w"}, {"q"}).named("same");
  m.pair("q", "q_d", 0.02F, 128);
  m.node("MatMul", {"q_d", "w"}, {"y"}).named("other");
  octet::QuantizeOptions options;
  options.float_nodes = {"same"};
  const Model model = must(octet::quantize_imported(imported(m), options));
  std::vector<std::string> reasons;
  for (const auto& node : model.impl().graph.nodes)
    if (node.op() == Operator::FullyConnected) reasons.push_back(node.float_reason);
  CHECK(reasons == Strings{"kept in float on request", "kept in float on request", ""});
}

TEST_CASE("a residual: branches meet in an Add; the scales of a Concat's inputs become its own") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 8}).output("y");
  m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 8}, {0.01F}, {0}, kS8, 1, 5);
  m.node("MatMul", {"x_d", "w"}, {"p"});
  m.pair("p", "p_d", 0.02F, 128);
  m.node("Add", {"x_d", "p_d"}, {"a"});
  m.pair("a", "a_d", 0.025F, 128);
  m.node("Sigmoid", {"p_d"}, {"s"});
  m.pair("s", "s_d", 1.0F / 255, 0);
  m.node("Concat", {"a_d", "s_d"}, {"c"}).with("axis", 1);
  m.pair("c", "y", 0.03F, 128);
  const auto ops = operators(quantized(m));
  for (const Operator op : {Operator::Add, Operator::Lookup, Operator::Concat}) CHECK(std::ranges::count(ops, op) >= 1);
  CHECK(std::ranges::count(ops, Operator::Dequantize) == 1);
  check_agrees(m, 0.03F + 0.025F);  // a byte of the Add off by one may move the Concat's
}

TEST_CASE("bytes are padded with a byte") {
  for (const int type : {onnx::TensorProto::UINT8, onnx::TensorProto::INT8}) {
    const int zero_point = type == onnx::TensorProto::UINT8 ? 100 : -20;
    QuantizedBuilder m;
    m.input("x", {kOpen, 2}).output("y").s64("pads", {0, 1, 0, 1});
    m.parameters("p", 0.5F, zero_point, type).bytes("value", {}, {7}, type);
    m.node("QuantizeLinear", {"x", "p_s", "p_z"}, {"q"});
    m.node("Pad", {"q", "pads", "value"}, {"wide"});
    m.node("DequantizeLinear", {"wide", "p_s", "p_z"}, {"y"});
    const float pad = 0.5F * static_cast<float>(7 - zero_point);
    const std::vector<float> expected = {pad, 1.5F, -2, pad};
    CHECK(run(imported(m).impl().graph, {{1.5F, -2}}, 1)[0] == expected);
    CHECK(run(quantized(m).impl().graph, {{1.5F, -2}}, 1)[0] == expected);
  }
}

TEST_CASE("float models have nothing to import") {
  ModelBuilder m;
  m.input("x", {kOpen, 8}).output("y").node("Relu", {"x"}, {"y"});
  CHECK(!octet::came_quantized(imported(m)));
  CHECK(octet::quantize_imported(imported(m), {}).error().code == ErrorCode::unsupported);
}

TEST_CASE("a model of integers alone has nothing to calibrate") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 4}, kU8).output("y").s64("axis", {1});
  m.node("Unsqueeze", {"x", "axis"}, {"u"});
  m.node("Transpose", {"u"}, {"y"}).with("perm", Ints{0, 2, 1});
  CHECK(octet::came_quantized(imported(m)));
  CHECK(operators(quantized(m)) == operators(imported(m)));
}

TEST_CASE("outputs that are integers have their names, and one tensor each") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 8}).input("bytes", {kOpen, 4}, kU8).output("p_q").output("y").output("again").output("same");
  m.pair("x", "x_d", 2.0F / 255, 120).weights("w", {8, 4}, {0.01F}, {0}, kS8, 1, 5);
  m.node("MatMul", {"x_d", "w"}, {"p"});
  m.pair("p", "y", 0.02F, 128);
  m.node("QuantizeLinear", {"p", "y_s", "y_z"}, {"again"});
  m.proto.mutable_graph()->mutable_output(0)->set_name("y_q");
  m.node("DequantizeLinear", {"bytes", "y_s", "y_z"}, {"real"});
  m.node("QuantizeLinear", {"real", "y_s", "y_z"}, {"same"});
  const Model model = quantized(m);
  Strings names;
  for (const auto& output : model.outputs()) names.push_back(output.name);
  CHECK(names == Strings{"y_q", "y", "again", "same"});
  octet::Session session = must(model.session());
  const std::vector<float> x(8, 0.5F);
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 255};
  std::vector<std::uint8_t> q(4), again(4), same(4);
  std::vector<float> y(4);
  must(session.run({x, std::span(bytes)}, {std::span(q), y, std::span(again), std::span(same)}));
  CHECK(same == bytes);
  CHECK(again == q);
  for (std::size_t i = 0; i < 4; ++i) CHECK(y[i] == 0.02F * static_cast<float>(q[i] - 128));
}

TEST_CASE("s8 outputs are s8") {
  QuantizedBuilder m;
  m.parameters("y", 0.5F, -3, kS8).input("x", {1, 4}).output("y");
  m.node("QuantizeLinear", {"x", "y_s", "y_z"}, {"y"});
  octet::Session session = must(imported(m).session({}));
  REQUIRE(session.outputs()[0].type == octet::Type::s8);
  std::vector<float> x = {0, 1, -100, 100};
  std::vector<std::int8_t> y(4);
  must(session.run({x}, {std::span(y)}));
  CHECK(y == std::vector<std::int8_t>{-3, -1, -128, 127});
}

TEST_CASE("DynamicQuantizeLinear: the range of all values and 0 in 255 steps; zeros alone have scale 1") {
  ModelBuilder m;
  m.input("x", {2, 3}).output("q").output("s").output("z").output("y");
  m.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  m.node("DequantizeLinear", {"q", "s", "z"}, {"y"});
  const Model model = imported(m);
  CHECK(!octet::came_quantized(model));  // no scale is known before it runs
  octet::Session session = must(model.session({}));
  std::vector<float> x = {0, 2, -3, -2.5F, 1.34F, 0.5F};
  std::vector<std::uint8_t> q(6), z(1);
  std::vector<float> s(1), y(6);
  must(session.run({x}, {std::span(q), s, std::span(z), y}));
  CHECK(q == std::vector<std::uint8_t>{153, 255, 0, 26, 221, 179});
  CHECK(s[0] == 5.0F / 255);
  CHECK(z[0] == 153);
  for (std::size_t i = 0; i < 6; ++i) CHECK(y[i] == (static_cast<float>(q[i]) - 153) * s[0]);
  x.assign(6, 0.0F);
  must(session.run({x}, {std::span(q), s, std::span(z), y}));
  CHECK(q == std::vector<std::uint8_t>(6, 0));
  CHECK(s[0] == 1);
  CHECK(z[0] == 0);
  x.assign(6, 4.0F);
  must(session.run({x}, {std::span(q), s, std::span(z), y}));
  CHECK(q == std::vector<std::uint8_t>(6, 255));
  ModelBuilder open;  // one range for all samples: so that none depends on the others, there is one
  open.input("x", {kOpen, 3}).output("q").node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  CHECK(!imported(open).inputs()[0].batched);
}

TEST_CASE("scales and zero-points that are computed: one, along an axis, s8, with a constant beside them") {
  QuantizedBuilder m;
  m.input("x", {2, 3}).input("s", {3}).input("z", {3}, kS8).output("y").output("d").output("e");
  m.bytes("z0", {}, {3}, kU8).bytes("b", {2, 3}, {0, 3, 4, 5, 6, 255}, kU8);
  m.node("ReduceMax", {"s"}, {"largest"}).with("keepdims", 0);
  m.node("QuantizeLinear", {"x", "s", "z"}, {"y"}).with("axis", -1);
  m.node("DequantizeLinear", {"y", "s", "z"}, {"d"});
  m.node("DequantizeLinear", {"b", "largest", "z0"}, {"e"});  // constants with a computed scale
  octet::Session session = must(imported(m).session({}));
  REQUIRE(session.outputs()[0].type == octet::Type::s8);
  std::vector<float> x = {0.5F, 1.5F, -100, 1, 100, 7}, s = {0.5F, 1, 2};
  std::vector<std::int8_t> z = {0, -1, 10}, y(6);
  std::vector<float> d(6), e(6);
  must(session.run({x, s, std::span(z)}, {std::span(y), d, e}));
  CHECK(y == std::vector<std::int8_t>{1, 1, -40, 2, 99, 14});  // halves to even
  CHECK(d == std::vector<float>{0.5F, 2, -100, 1, 100, 8});
  CHECK(e == std::vector<float>{-6, 0, 2, 4, 6, 504});
  x = {1000, -1000, 0, 0, 0, 0};
  s = {0, 1e-42F, 2};  // not a scale, and nothing to fall over
  must(session.run({x, s, std::span(z)}, {std::span(y), d, e}));
  CHECK(y[0] == 127);
  CHECK(y[1] == -128);
}

/// x W + b as quantize_dynamic writes it.
QuantizedBuilder dynamic_product(int type, const Ints& columns, const std::vector<int>& zero_points) {
  QuantizedBuilder m;
  m.input("x", {kOpen, 4}).output("y").f32("b", {3}, {0.5F, -1, 2}).f32("ws", columns, columns.empty() ? std::vector<float>{0.25F} : std::vector<float>{0.01F, 0.02F, 0.03F});
  m.bytes("w", {4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 127}, type).bytes("wz", columns, zero_points, type);
  m.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"}).named("quantize");
  m.node("MatMulInteger", {"q", "w", "z", "wz"}, {"a"}).named("product");
  m.node("Cast", {"a"}, {"r"}).with("to", onnx::TensorProto::FLOAT);
  m.node("Mul", {"s", "ws"}, {"scale"}).named("scales");
  m.node("Mul", {"r", "scale"}, {"p"});
  m.node("Add", {"p", "b"}, {"y"});
  return m;
}

Model without_dynamic(const ModelBuilder& m) {
  octet::ImportOptions options;
  options.undo_dynamic_quantization = true;
  Graph graph = must(m.import(options));
  must(octet::optimize(graph));
  return must(octet::make_model(std::move(graph)));
}

TEST_CASE("quantize_dynamic undone: a product of real values, whose weights stay the integers they were") {
  for (const bool columns : {false, true}) {
    const auto m = dynamic_product(kS8, columns ? Ints{3} : Ints{}, std::vector<int>(columns ? 3 : 1, 0));
    const Model real = without_dynamic(m);
    CHECK(operators(real) == std::vector{Operator::FullyConnected});
    CHECK(real.inputs()[0].batched);  // no range over all samples any more
    const Model model = must(octet::quantize_dynamic(real, {}));
    const octet::Tensor& w = input_of(model.impl().graph, 0, 1);
    const auto bytes = w.data.as<std::int8_t>();
    CHECK(std::vector<int>(bytes.begin(), bytes.end()) == std::vector<int>{1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 127});
    CHECK(w.quant.scales == (columns ? std::vector<float>{0.01F, 0.02F, 0.03F} : std::vector<float>{0.25F}));
    // One row is quantized as the source does it.
    const auto inputs = random_inputs(real.impl().graph, 1);
    const auto expected = run(imported(m).impl().graph, inputs)[0];
    const auto got = run(model.impl().graph, inputs)[0];
    for (std::size_t i = 0; i < 3; ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-5));
  }
  // w - wz is not s8: quantized anew.
  const Model model = must(octet::quantize_dynamic(without_dynamic(dynamic_product(kU8, {}, {255})), {}));
  CHECK(input_of(model.impl().graph, 0, 1).type == octet::Type::s8);
  CHECK(input_of(model.impl().graph, 0, 1).quant.scales.size() == 3);
}

TEST_CASE("quantize_dynamic is not undone where something else sees what it makes") {
  const auto stays = [](const std::function<void(QuantizedBuilder&)>& change) {
    auto m = dynamic_product(kS8, {}, {0});
    change(m);
    CHECK(operators(without_dynamic(m)) == operators(imported(m)));
  };
  const auto node = [](QuantizedBuilder& m, const std::string& name) -> onnx::NodeProto& {
    for (auto& n : *m.proto.mutable_graph()->mutable_node())
      if (n.name() == name) return n;
    FAIL(name);
    return *m.proto.mutable_graph()->mutable_node(0);
  };
  for (const char* value : {"q", "s", "z", "a", "r", "scale"}) stays([&](auto& m) { m.output(value); });
  stays([](auto& m) { m.output("f").node("Cast", {"q"}, {"f"}).with("to", 1); });
  stays([](auto& m) { m.output("f").node("Sqrt", {"s"}, {"f"}); });
  stays([](auto& m) { m.output("f").node("Neg", {"r"}, {"f"}); });
  stays([&](auto& m) { node(m, "product").set_input(2, "other"), m.bytes("other", {}, {3}, kU8); });
  stays([&](auto& m) { node(m, "scales").set_input(1, "given"), m.input("given", {}); });
  stays([&](auto& m) { node(m, "scales").set_input(1, "s"); });
  stays([&](auto& m) { node(m, "product").set_input(1, "w2"), m.input("w2", {4, 3}, kS8); });
}

}  // namespace
}  // namespace octet_test
