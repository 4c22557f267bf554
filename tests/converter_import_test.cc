// ONNX models -> float graphs: what each operator becomes, and that nothing malformed or unsupported gets through.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

#include "converter/passes/passes.h"
#include "converter_models.h"
#include "tests/support/temp_dir.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;
using Strings = std::vector<std::string>;
using Values = std::vector<float>;

/// One node, from x to y.
ModelBuilder single(const std::string& op, const Shape& shape, int opset = 13) {
  ModelBuilder m(opset);
  m.input("x", shape).output("y").node(op, {"x"}, {"y"});
  return m;
}

NodeBuilder last_node(ModelBuilder& m) {
  return NodeBuilder(m.proto.mutable_graph()->mutable_node(m.proto.graph().node_size() - 1));
}

Values compute(const ModelBuilder& m, const std::vector<Values>& inputs) { return run(must(m.import()), inputs)[0]; }

void check_refused(const ModelBuilder& m, ErrorCode code, const std::string& part,
                   const octet::ImportOptions& options = {}) {
  const auto graph = m.import(options);
  REQUIRE_FALSE(graph.has_value());
  INFO(graph.error().text());
  CHECK(graph.error().code == code);
  CHECK(graph.error().text().find(part) != std::string::npos);
}

TEST_CASE("a convolution stands between two transposes that carry no source, its weights are OHWI") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 3, 3}).output("y").f32("w", {1, 2, 2, 1}, {1, 2, 10, 20}).f32("b", {1}, {0.5F});
  m.node("Conv", {"x", "w", "b"}, {"y"}).named("conv").with("pads", {0, 0, 1, 0}).with("kernel_shape", {2, 1});
  const Graph g = must(m.import());
  CHECK(ops_of(g) == Strings{"Transpose", "Conv", "Transpose"});
  CHECK(g.nodes[0].sources.empty());
  CHECK(g.nodes[1].sources == std::vector<int>{0});
  CHECK(g.nodes[2].sources.empty());
  CHECK(g.nodes[1].name == "conv");
  CHECK(g.source_nodes[0].op_type == "Conv");
  CHECK(input_of(g, 1, 1).shape == Shape{1, 2, 1, 2});
  CHECK(input_of(g, 1, 1).data.as<float>()[1] == 10);
  CHECK(output_of(g, 2).batched);
  CHECK(output_of(g, 2).name == "y");
  // Channel 0 is 1..9, channel 1 is 0; rows below the image are 0.
  Values x(18, 0.0F);
  for (int i = 0; i < 9; ++i) x[static_cast<std::size_t>(i)] = static_cast<float>(i + 1);
  CHECK(run(g, {x})[0] == Values{9.5F, 12.5F, 15.5F, 18.5F, 21.5F, 24.5F, 7.5F, 8.5F, 9.5F});
}

TEST_CASE("auto_pad puts the odd element where it says") {
  for (const std::string pad : {"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"}) {
    CAPTURE(pad);
    ModelBuilder m = single("MaxPool", {1, 1, 1, 4});
    last_node(m).with("kernel_shape", {1, 2}).with("auto_pad", pad.c_str());
    const Values y = compute(m, {{1, 2, 3, 4}});
    if (pad == "SAME_UPPER")
      CHECK(y == Values{2, 3, 4, 4});
    else if (pad == "SAME_LOWER")
      CHECK(y == Values{1, 2, 3, 4});
    else
      CHECK(y == Values{2, 3, 4});
  }
}

TEST_CASE("ceil_mode adds the window that sticks out, except where it would start outside") {
  ModelBuilder m = single("MaxPool", {1, 1, 1, 5});
  last_node(m).with("kernel_shape", {1, 2}).with("strides", {1, 2}).with("ceil_mode", 1);
  CHECK(compute(m, {{1, 2, 3, 4, 5}}) == Values{2, 4, 5});
  ModelBuilder a = single("AveragePool", {1, 1, 1, 5});
  last_node(a).with("kernel_shape", {1, 2}).with("strides", {1, 2}).with("ceil_mode", 1);
  CHECK(compute(a, {{1, 2, 3, 4, 5}}) == Values{1.5F, 3.5F, 5});
  last_node(a).with("count_include_pad", 1);
  CHECK(compute(a, {{1, 2, 3, 4, 5}}) == Values{1.5F, 3.5F, 5});  // what rounding up adds is no padding
  ModelBuilder out = single("MaxPool", {1, 1, 1, 4});
  last_node(out).with("kernel_shape", {1, 1}).with("strides", {1, 2}).with("ceil_mode", 1);
  CHECK(compute(out, {{1, 2, 3, 4}}) == Values{1, 3});
}

TEST_CASE("GlobalAveragePool is the mean of each channel") {
  CHECK(compute(single("GlobalAveragePool", {1, 2, 1, 2}), {{1, 3, 10, 20}}) == Values{2, 15});
}

TEST_CASE("functions of one value") {
  const Values x = {-4, -1, 0, 1, 4};
  const auto y = [&](ModelBuilder m) { return compute(m, {x}); };
  CHECK(y(single("Relu", {5})) == Values{0, 0, 0, 1, 4});
  CHECK(y(single("HardSwish", {5}, 14)) == Values{-0.0F, -1.0F / 3, 0, 2.0F / 3, 4});
  ModelBuilder leaky = single("LeakyRelu", {5});
  last_node(leaky).with("alpha", 0.5F);
  CHECK(y(leaky) == Values{-2, -0.5F, 0, 1, 4});
  ModelBuilder hard = single("HardSigmoid", {5});
  last_node(hard).with("alpha", 0.25F);
  CHECK(y(hard) == Values{0, 0.25F, 0.5F, 0.75F, 1});
  CHECK(y(single("Sigmoid", {5}))[2] == 0.5F);
  CHECK(y(single("Tanh", {5}))[3] == doctest::Approx(std::tanh(1.0)));
  CHECK(y(single("Abs", {5})) == Values{4, 1, 0, 1, 4});
  CHECK(y(single("Neg", {5})) == Values{4, 1, 0, -1, -4});
  CHECK(y(single("Sign", {5})) == Values{-1, -1, 0, 1, 1});
  CHECK(y(single("ThresholdedRelu", {5})) == Values{0, 0, 0, 0, 4});
  CHECK(y(single("Softsign", {5})) == Values{-0.8F, -0.5F, 0, 0.5F, 0.8F});
  CHECK(compute(single("Sqrt", {3}), {{0, 4, 9}}) == Values{0, 2, 3});
  CHECK(compute(single("Reciprocal", {3}), {{1, -4, 0.5F}}) == Values{1, -0.25F, 2});
  CHECK(compute(single("Floor", {3}), {{-1.5F, 2, 2.75F}}) == Values{-2, 2, 2});
  CHECK(compute(single("Ceil", {3}), {{-1.5F, 2, 2.75F}}) == Values{-1, 2, 3});
  CHECK(compute(single("Round", {3}), {{-1.5F, 2.5F, 2.75F}}) == Values{-2, 2, 3});
}

TEST_CASE("functions of one value at 1 and -1, their parameters absent and given") {
  struct Case {
    const char* op;
    float at_one, at_minus_one;
    const char* attribute = nullptr;
    float value = 0;
  };
  const Case cases[] = {{"Elu", 1, -0.63212056F},
                        {"Elu", 1, -1.2642411F, "alpha", 2.0F},
                        {"Selu", 1.050701F, -1.1113307F},
                        {"Selu", 3, -3.1731098F, "gamma", 3.0F},
                        {"Celu", 1, -0.63212056F},
                        {"Celu", 1, -0.78693868F, "alpha", 2.0F},
                        {"Swish", 0.73105858F, -0.26894142F},
                        {"Swish", 0.88079708F, -0.11920292F, "alpha", 2.0F},
                        {"Mish", 0.86509839F, -0.30340146F},
                        {"Gelu", 0.84134475F, -0.15865525F},
                        {"Erf", 0.84270079F, -0.84270079F},
                        {"Softplus", 1.3132617F, 0.31326169F},
                        {"Exp", 2.7182818F, 0.36787944F},
                        {"Sin", 0.84147098F, -0.84147098F},
                        {"Cos", 0.54030231F, 0.54030231F},
                        {"Sigmoid", 0.73105858F, 0.26894142F}};
  for (const Case& c : cases) {
    INFO(c.op);
    ModelBuilder m = single(c.op, {2}, 22);
    if (c.attribute != nullptr) last_node(m).with(c.attribute, c.value);
    const Values y = compute(m, {{1, -1}});
    CHECK(y[0] == doctest::Approx(c.at_one).epsilon(1e-6));
    CHECK(y[1] == doctest::Approx(c.at_minus_one).epsilon(1e-6));
  }
  CHECK(compute(single("Log", {2}), {{1, 2.7182818F}})[1] == doctest::Approx(1));
  ModelBuilder gelu = single("Gelu", {1}, 20);
  last_node(gelu).with("approximate", "tanh");
  CHECK(compute(gelu, {{1}})[0] == doctest::Approx(0.84119199F).epsilon(1e-6));
}

TEST_CASE("functions of one value: what is refused") {
  ModelBuilder gelu = single("Gelu", {1}, 20);
  last_node(gelu).with("approximate", "fast");
  check_refused(gelu, ErrorCode::invalid_file, "approximate");
  ModelBuilder celu = single("Celu", {1});
  last_node(celu).with("alpha", 0.0F);
  check_refused(celu, ErrorCode::invalid_file, "'y' (Celu)");
  ModelBuilder elu = single("Elu", {1});
  last_node(elu).with("alpha", std::numeric_limits<float>::infinity());
  check_refused(elu, ErrorCode::invalid_file, "alpha is inf");
  ModelBuilder unknown = single("Erf", {1});
  last_node(unknown).with("alpha", 1.0F);
  check_refused(unknown, ErrorCode::unsupported, "attribute 'alpha'");
  for (const char* op : {"Tanh", "Gelu", "Softplus"}) {
    ModelBuilder whole;
    whole.input("x", {1}, onnx::TensorProto::INT32).output("y").node(op, {"x"}, {"y"});
    check_refused(whole, ErrorCode::unsupported, "s32, not f32");
  }
}

TEST_CASE("functions of one value of integers are their arithmetic") {
  const auto of_bytes = [](const char* op) {
    ModelBuilder m;
    m.input("x", {4}).output("y");
    m.node("Cast", {"x"}, {"a"}).with("to", onnx::TensorProto::INT8);
    m.node(op, {"a"}, {"b"});
    m.node("Cast", {"b"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
    return compute(m, {{-128, -3, 0, 7}});
  };
  CHECK(of_bytes("Relu") == Values{0, 0, 0, 7});
  CHECK(of_bytes("Sign") == Values{-1, -1, 0, 1});
  CHECK(of_bytes("Abs") == Values{-128, 3, 0, 7});  // 128 is none of s8
  CHECK(of_bytes("Neg") == Values{-128, 3, 0, -7});
}

TEST_CASE("Clip takes its bounds from attributes, and from inputs since opset 11") {
  ModelBuilder old = single("Clip", {3}, 10);
  last_node(old).with("max", 6.0F);
  CHECK(compute(old, {{-5, 1, 7}}) == Values{-5, 1, 6});
  ModelBuilder m;
  m.input("x", {3}).output("y").f32("top", {}, {6});
  m.node("Clip", {"x", "", "top"}, {"y"});
  CHECK(compute(m, {{-5, 1, 7}}) == Values{-5, 1, 6});
  ModelBuilder mixed = single("Clip", {3}, 13);
  last_node(mixed).with("max", 6.0F);
  check_refused(mixed, ErrorCode::unsupported, "attribute 'max'");
  ModelBuilder computed;
  computed.input("x", {3}).input("low", {}).output("y").node("Clip", {"x", "low"}, {"y"});
  check_refused(computed, ErrorCode::unsupported, "must be constant");
}

TEST_CASE("Gemm: alpha, beta, transA, transB and the shapes of C") {
  for (const bool trans_b : {false, true}) {
    ModelBuilder m;
    m.input("x", {1, 2}).output("y");
    if (trans_b)
      m.f32("w", {3, 2}, {1, 2, 3, 4, 5, 6});
    else
      m.f32("w", {2, 3}, {1, 3, 5, 2, 4, 6});
    m.f32("c", {1, 3}, {1, 2, 3});
    m.node("Gemm", {"x", "w", "c"}, {"y"}).with("alpha", 2.0F).with("beta", 10.0F).with("transB", trans_b ? 1 : 0);
    CHECK(compute(m, {{1, 10}}) == Values{52, 106, 160});
  }
  ModelBuilder t;
  t.input("x", {2, 1}).output("y").f32("w", {2, 1}, {1, 2}).f32("c", {}, {5});
  t.node("Gemm", {"x", "w", "c"}, {"y"}).with("transA", 1);
  CHECK(compute(t, {{1, 10}}) == Values{26});
  ModelBuilder rows;
  rows.input("x", {2, 1}).output("y").f32("w", {1, 1}, {1}).f32("c", {2, 1}, {5, 6});
  rows.node("Gemm", {"x", "w", "c"}, {"y"});
  check_refused(rows, ErrorCode::unsupported, "its C has shape 2x1");
}

TEST_CASE("weights shared by nodes are one constant, other factors make another") {
  ModelBuilder m;
  m.input("x", {1, 2}).output("c").random("w", {2, 2});
  m.node("MatMul", {"x", "w"}, {"a"});
  m.node("MatMul", {"a", "w"}, {"b"});
  m.node("Gemm", {"b", "w"}, {"c"}).with("alpha", 1e-7F);
  const Graph g = must(m.import());
  CHECK(g.nodes[0].inputs[1] == g.nodes[1].inputs[1]);
  CHECK(g.nodes[1].inputs[1] != g.nodes[2].inputs[1]);
}

TEST_CASE("MatMul multiplies rows of any rank by a constant") {
  ModelBuilder m;
  m.input("x", {1, 2, 2}).output("y").f32("w", {2, 1}, {1, 10});
  m.node("MatMul", {"x", "w"}, {"y"});
  CHECK(compute(m, {{1, 2, 3, 4}}) == Values{21, 43});
}

TEST_CASE("BatchNormalization is a Mul and an Add, of the one source") {
  ModelBuilder m;
  m.input("x", {1, 2, 1, 2}).output("y");
  m.f32("gamma", {2}, {1, 2}).f32("beta", {2}, {0, 10}).f32("mean", {2}, {1, 5}).f32("var", {2}, {3, 0});
  m.node("BatchNormalization", {"x", "gamma", "beta", "mean", "var"}, {"y"})
      .with("epsilon", 1.0F)
      .with("momentum", 0.9F);
  const Graph g = must(m.import());
  CHECK(ops_of(g) == Strings{"Mul", "Add"});
  CHECK(g.nodes[0].sources == g.nodes[1].sources);
  CHECK(run(g, {{3, 5, 6, 4}})[0] == Values{1, 2, 12, 8});
  last_node(m)->add_output("running_mean");
  check_refused(m, ErrorCode::unsupported, "training");
}

TEST_CASE("shapes: Reshape, Flatten, Squeeze and Unsqueeze keep the batch free") {
  ModelBuilder m(13);
  m.input("x", {kOpen, 2, 1, 3}).output("flat").output("back");
  m.s64("shape", {0, -1, 2}).s64("two", {2}).s64("last", {-1});
  m.node("Flatten", {"x"}, {"flat"});
  m.node("Reshape", {"x", "shape"}, {"r"});
  m.node("Squeeze", {"x", "two"}, {"s"});
  m.node("Unsqueeze", {"s", "last"}, {"u"});
  m.node("Unsqueeze", {"r", "last"}, {"v"});
  m.node("Concat", {"u", "u"}, {"c"}).with("axis", -1);
  m.node("Add", {"v", "v"}, {"w"});
  m.node("Flatten", {"w"}, {"wf"}).with("axis", -3);
  m.node("Flatten", {"c"}, {"cf"}).with("axis", 1);
  m.node("Concat", {"wf", "cf"}, {"back"}).with("axis", 1);
  const Graph g = must(m.import());
  for (const octet::Node& node : g.nodes) CHECK(g.tensors[static_cast<std::size_t>(node.outputs[0])].batched);
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].shape == Shape{1, 6});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[1])].shape == Shape{1, 18});
  ModelBuilder old = single("Squeeze", {1, 2, 1}, 11);
  last_node(old).with("axes", std::vector<std::int64_t>{2});
  CHECK(output_of(must(old.import()), 0).shape == Shape{1, 2});
  CHECK(output_of(must(single("Squeeze", {1, 2, 1}).import()), 0).shape == Shape{2});
}

TEST_CASE("a batch that the model fixes is fixed") {
  ModelBuilder m;
  m.input("x", {kOpen, 4}).output("y").s64("shape", {1, 2, 2}).random("w", {2, 2});
  m.node("Reshape", {"x", "shape"}, {"r"});
  m.node("MatMul", {"r", "w"}, {"y"});
  CHECK_FALSE(must(m.import()).tensors[0].batched);
}

/// Whether the batch is still free in the finished model.
bool keeps_batch(const ModelBuilder& m) {
  const TempDir dir;
  return must(octet::import_onnx(dir.write("m.onnx", m.bytes()))).inputs()[0].batched;
}

TEST_CASE("a batch that leaves the leading axis is fixed") {
  CHECK_FALSE(keeps_batch(single("Transpose", {kOpen, 4})));
  CHECK(keeps_batch(single("Flatten", {kOpen, 4})));
}

TEST_CASE("a constant, or another input, that meets the batch at size 2 by coincidence fixes it") {
  for (const std::int64_t size : {2, 3, 5}) {
    INFO(size);
    ModelBuilder added;
    added.input("x", {kOpen, 6}).output("y").random("c", {size, 6});
    added.node("Add", {"x", "c"}, {"y"});
    CHECK_FALSE(keeps_batch(added));
    ModelBuilder expanded;
    expanded.input("x", {kOpen, 6}).output("y").s64("shape", {size, 6});
    expanded.node("Expand", {"x", "shape"}, {"y"});
    CHECK_FALSE(keeps_batch(expanded));
    ModelBuilder inputs;
    inputs.input("x", {kOpen, 6}).input("z", {kOpen, size, 6}).output("y");
    inputs.node("Add", {"x", "z"}, {"y"});
    CHECK_FALSE(keeps_batch(inputs));
  }
}

TEST_CASE("a batch along which an operator works is fixed") {
  ModelBuilder softmax = single("Softmax", {kOpen, 4});
  last_node(softmax).with("axis", 0);
  CHECK_FALSE(keeps_batch(softmax));
  last_node(softmax)->mutable_attribute(0)->set_i(1);
  CHECK(keeps_batch(softmax));
  ModelBuilder concat;
  concat.input("x", {kOpen, 4}).output("y").node("Concat", {"x", "x"}, {"y"}).with("axis", 0);
  CHECK_FALSE(keeps_batch(concat));
}

TEST_CASE("Softmax of old means all later axes") {
  ModelBuilder m = single("Softmax", {1, 2, 1, 1}, 11);
  CHECK(compute(m, {{0, 0}}) == Values{0.5F, 0.5F});
  CHECK(compute(single("Softmax", {1, 2, 2}, 11), {{0, 0, 0, 0}}) == Values{0.25F, 0.25F, 0.25F, 0.25F});
  const Graph old = must(single("Softmax", {kOpen, 2, 2}, 11).import());
  CHECK(ops_of(old) == Strings{"Reshape", "Softmax", "Reshape"});
  CHECK(output_of(old, 2).batched);
  CHECK(run(old, {{0, 0, 0, 0, 9, -900, -900, -900}}, 2)[0] == Values{0.25F, 0.25F, 0.25F, 0.25F, 1, 0, 0, 0});
  ModelBuilder all = single("Softmax", {2, 2}, 11);
  last_node(all).with("axis", 0);
  CHECK(compute(all, {{0, 0, 0, 0}}) == Values{0.25F, 0.25F, 0.25F, 0.25F});
  CHECK(compute(single("Softmax", {1, 2, 2}, 13), {{0, 0, 5, 5}}) == Values{0.5F, 0.5F, 0.5F, 0.5F});
}

TEST_CASE("Identity and Dropout are nothing, but outputs keep their names") {
  ModelBuilder m;
  m.input("x", {2}).output("y").output("x2").node("Relu", {"x"}, {"r"});
  m.node("Identity", {"r"}, {"i"});
  m.node("Dropout", {"i"}, {"d", "mask"});
  m.node("Tanh", {"d"}, {"y"});
  m.node("Identity", {"x"}, {"x2"});
  const Graph g = must(m.import());
  CHECK(ops_of(g) == Strings{"Pointwise", "Pointwise", "Reshape"});
  CHECK(g.nodes[2].sources == std::vector<int>{4});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[1])].name == "x2");
  CHECK(g.source_nodes.size() == 5);
  CHECK(run(g, {{-1, 0}})[1] == Values{-1, 0});
  ModelBuilder masked;
  masked.input("x", {kOpen, 2}).output("y").output("mask").node("Dropout", {"x"}, {"y", "mask"});
  CHECK(ops_of(must(masked.import())) == Strings{"Expand", "Reshape"});
}

TEST_CASE("outputs may be inputs or constants") {
  ModelBuilder m;
  m.input("x", {2}).output("x").output("c").output("y").f32("c", {1}, {7});
  m.node("Relu", {"x"}, {"y"});
  const auto y = run(must(m.import()), {{-3, 3}});
  CHECK(y == std::vector<Values>{{-3, 3}, {7}, {0, 3}});
}

TEST_CASE("Constant: every numeric form; what is computed from constants is a constant") {
  ModelBuilder m;
  m.input("x", {1, 4}).output("y").f32("two", {1}, {2});
  m.node("Constant", {}, {"one"}).with("value_float", 1.0F);
  onnx::AttributeProto* floats = m.node("Constant", {}, {"list"}).add("value_floats", onnx::AttributeProto::FLOATS);
  for (const float v : {1.0F, 2.0F, 3.0F, 4.0F}) floats->add_floats(v);
  m.node("Constant", {}, {"minus"}).with("value_int", -1);
  m.node("Constant", {}, {"zero"}).with("value_ints", std::vector<std::int64_t>{0});
  m.node("Unsqueeze", {"minus", "zero"}, {"minus1"});
  m.node("Concat", {"zero", "minus1"}, {"shape"}).with("axis", 0);  // a Reshape's shape, computed
  m.node("Reshape", {"x", "shape"}, {"r"});
  m.node("Mul", {"list", "two"}, {"doubled"});
  m.node("Add", {"r", "one"}, {"s"});
  m.node("Add", {"s", "doubled"}, {"y"});
  const Graph g = must(m.import());
  CHECK(ops_of(g) == Strings{"Reshape", "Add", "Add"});
  CHECK(g.source_nodes.size() == 10);
  CHECK(run(g, {{0, 0, 0, 0}})[0] == Values{3, 5, 7, 9});
  ModelBuilder text;
  text.output("y").node("Constant", {}, {"y"}).with("value_string", "hello");
  check_refused(text, ErrorCode::unsupported, "value_string");
}

TEST_CASE("element types of constants") {
  const auto y_of = [](int type, const std::function<void(onnx::TensorProto&)>& fill) {
    ModelBuilder m;
    m.input("x", {2}).output("y");
    fill(*m.tensor("c", {2}, type));
    m.node("Add", {"x", "c"}, {"y"});
    return compute(m, {{0, 0}});
  };
  using T = onnx::TensorProto;
  const auto raw = [](T& t, const auto& values) { t.set_raw_data(values.data(), values.size() * sizeof(values[0])); };
  CHECK(y_of(T::DOUBLE, [](T& t) { t.add_double_data(0.1), t.add_double_data(1e300); }) == Values{0.1F, INFINITY});
  // 1.5, the smallest subnormal; -2, the largest.
  CHECK(y_of(T::FLOAT16, [&](T& t) { raw(t, std::vector<std::uint16_t>{0x3E00, 0x0001}); }) == Values{1.5F, 0x1p-24F});
  CHECK(y_of(T::FLOAT16, [](T& t) { t.add_int32_data(0xC000), t.add_int32_data(0x7BFF); }) == Values{-2, 65504});
  CHECK(y_of(T::BFLOAT16, [&](T& t) { raw(t, std::vector<std::uint16_t>{0x3FC0, 0xC000}); }) == Values{1.5F, -2});
  ModelBuilder m = single("Relu", {2});
  m.tensor("c", {1}, T::UINT8)->add_int32_data(256);
  check_refused(m, ErrorCode::invalid_file, "value 256 does not fit");
  ModelBuilder complex = single("Relu", {2});
  complex.tensor("c", {1}, T::COMPLEX64);
  check_refused(complex, ErrorCode::unsupported, "COMPLEX64");
  ModelBuilder future = single("Relu", {2});
  future.tensor("c", {1}, 17);
  check_refused(future, ErrorCode::unsupported, "element type 17");
}

TEST_CASE("open dimensions") {
  ModelBuilder m = single("Relu", {kOpen, 3, kOpen, kOpen});
  check_refused(m, ErrorCode::invalid_argument,
                "input 'x' has open dimensions [d0,3,d2,d3]; set them, for example --shape x=1,3,224,224");
  const Graph g = must(m.import({.shapes = {{"x", {1, 3, 8, 9}}}}));
  CHECK(g.tensors[0].shape == Shape{1, 3, 8, 9});
  CHECK(g.tensors[0].batched);
  check_refused(m, ErrorCode::invalid_argument, "does not fit", {.shapes = {{"x", {1, 4, 8, 9}}}});
  check_refused(m, ErrorCode::invalid_argument, "does not fit", {.shapes = {{"x", {1, 3, 8}}}});
  check_refused(m, ErrorCode::invalid_argument, "give 1 there", {.shapes = {{"x", {2, 3, 8, 9}}}});
  check_refused(m, ErrorCode::invalid_argument, "size 0", {.shapes = {{"x", {1, 3, 0, 9}}}});
  check_refused(single("Relu", {2}), ErrorCode::invalid_argument, "the inputs are: x", {.shapes = {{"z", {1}}}});
  const Graph fixed = must(single("Relu", {4, 3}).import({.shapes = {{"x", {4, 3}}}}));
  CHECK_FALSE(fixed.tensors[0].batched);
  ModelBuilder unknown = single("Relu", {});
  unknown.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  check_refused(unknown, ErrorCode::invalid_argument, "has no declared shape");
}

TEST_CASE("open dimensions of one name are one size") {
  const auto named = [](onnx::TypeProto* type, const std::vector<std::string>& names) {
    auto* shape = type->mutable_tensor_type()->mutable_shape();
    shape->clear_dim();
    for (const std::string& name : names) shape->add_dim()->set_dim_param(name);
  };
  ModelBuilder m;
  m.input("ids", {1, 1}).input("mask", {1, 1}).input("positions", {1}).input("other", {1, 1, 1}).output("y").output("z");
  named(m.proto.mutable_graph()->mutable_input(0)->mutable_type(), {"batch", "sequence"});
  named(m.proto.mutable_graph()->mutable_input(1)->mutable_type(), {"batch", "sequence"});
  named(m.proto.mutable_graph()->mutable_input(2)->mutable_type(), {"sequence"});
  named(m.proto.mutable_graph()->mutable_input(3)->mutable_type(), {"batch", "sequence", "width"});
  m.node("Add", {"ids", "mask"}, {"s"});
  m.node("Add", {"s", "positions"}, {"y"});
  m.node("Relu", {"other"}, {"z"});
  check_refused(m, ErrorCode::invalid_argument,
                "input 'ids' has open dimensions [batch,sequence]; set them, for example --shape ids=1,128 --shape other=1,128,128");
  check_refused(m, ErrorCode::invalid_argument,
                "input 'other' has open dimensions [batch,sequence,width]; set them, for example --shape other=1,5,128",
                {.shapes = {{"ids", {1, 5}}}});
  const Graph g = must(m.import({.shapes = {{"other", {1, 5, 7}}}}));
  CHECK(g.tensors[0].shape == Shape{1, 5});
  CHECK(g.tensors[1].shape == Shape{1, 5});
  CHECK(g.tensors[1].batched);
  CHECK(g.tensors[2].shape == Shape{5});
  CHECK_FALSE(g.tensors[2].batched);
  CHECK(g.tensors[3].shape == Shape{1, 5, 7});
}

TEST_CASE("inputs of the other float types are f32") {
  for (const int type : {onnx::TensorProto::FLOAT16, onnx::TensorProto::BFLOAT16, onnx::TensorProto::DOUBLE}) {
    ModelBuilder m;
    m.input("x", {2}, type).output("y").node("Abs", {"x"}, {"y"});
    CHECK(compute(m, {{-0.1F, 2}}) == Values{0.1F, 2});
  }
}

TEST_CASE("initializers may be declared as inputs, too") {
  ModelBuilder m;
  m.input("x", {2}).input("c", {2}).output("y").f32("c", {2}, {1, 2});
  m.node("Add", {"x", "c"}, {"y"});
  const Graph g = must(m.import());
  CHECK(g.inputs.size() == 1);
  CHECK(g.preprocessing.size() == 1);
}

TEST_CASE("unsupported models say what and where") {
  ModelBuilder loop;
  loop.input("x", {2}).output("z").node("Relu", {"x"}, {"y"});
  loop.node("Loop", {"y"}, {"z"}).named("/Loop");
  check_refused(loop, ErrorCode::unsupported,
                "node 1 '/Loop' (Loop): operator Loop is not supported; see docs/operators.md");
  loop.node("Scan", {"y"}, {"v"});
  check_refused(loop, ErrorCode::unsupported, "these are not: Loop Scan)");
  ModelBuilder domain = single("Relu", {2});
  last_node(domain)->set_domain("com.microsoft");
  check_refused(domain, ErrorCode::unsupported, "domain 'com.microsoft'");
  check_refused(single("Relu", {2}, 6), ErrorCode::unsupported, "version 6");
  check_refused(single("Relu", {2}, 23), ErrorCode::unsupported, "version 23");
  ModelBuilder attribute = single("Relu", {2});
  last_node(attribute).with("consumed_inputs", std::vector<std::int64_t>{0});
  check_refused(attribute, ErrorCode::unsupported, "node 0 'y' (Relu): attribute 'consumed_inputs' is not supported");
  check_refused(single("MaxPool", {1, 2, 8, 8, 8}), ErrorCode::invalid_file, "kernel");
  check_refused(single("Relu", {2}).input("h", {2}, onnx::TensorProto::STRING), ErrorCode::unsupported, "STRING");
  ModelBuilder external = single("Relu", {2});
  external.tensor("w", {1}, onnx::TensorProto::FLOAT)->set_data_location(onnx::TensorProto::EXTERNAL);
  check_refused(external, ErrorCode::unsupported, "the model is not in a file itself");
}

TEST_CASE("windows of any number of axes, dilated, with weights that are computed") {
  const Values sixteen = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  ModelBuilder dilated = single("MaxPool", {1, 1, 4, 4});
  last_node(dilated).with("kernel_shape", {2, 2}).with("dilations", {2, 2});
  CHECK(compute(dilated, {sixteen}) == Values{11, 12, 15, 16});
  ModelBuilder solid = single("MaxPool", {1, 1, 4, 2, 2});
  last_node(solid).with("kernel_shape", {2, 2, 2}).with("strides", {2, 1, 1});
  CHECK(compute(solid, {sixteen}) == Values{8, 16});
  ModelBuilder computed;
  computed.input("x", {1, 2, 3}).input("w", {2, 1, 2}).output("y");
  computed.node("Conv", {"x", "w"}, {"y"}).with("group", 2).with("pads", {0, 1});
  CHECK(compute(computed, {{1, 2, 3, 10, 20, 30}, {1, 2, 0, 1}}) == Values{5, 8, 3, 20, 30, 0});
  ModelBuilder turned;
  turned.input("x", {1, 1, 2}).input("w", {1, 1, 3}).output("y").node("ConvTranspose", {"x", "w"}, {"y"}).with("strides", std::vector<std::int64_t>{2});
  CHECK(compute(turned, {{1, 10}, {1, 2, 3}}) == Values{1, 2, 13, 20, 30});
  ModelBuilder large = single("MaxPool", {1, 1, 40, 40, 40});
  last_node(large).with("kernel_shape", {32, 32, 32});
  check_refused(large, ErrorCode::unsupported, "too large");
}

TEST_CASE("MaxPool says where its maxima are, in either order of the image's axes") {
  const auto model = [](int order, const Shape& shape) {
    ModelBuilder m(12);
    m.input("x", shape).output("y").output("i").node("MaxPool", {"x"}, {"y", "i"}).named("it").with("kernel_shape", {2, 2}).with("pads", {0, 1, 0, 0}).with("storage_order", order);
    return m;
  };
  const auto pooled = [&](int order) {
    Graph g = must(model(order, {1, 2, 2, 3}).import());
    must(octet::optimize(g));
    const octet::Model made = must(octet::make_model(std::move(g)));
    REQUIRE(made.outputs()[1].type == octet::Type::s64);
    octet::Session session = must(made.session({}));
    Values y(6);
    std::vector<std::int64_t> i(6);
    must(session.run({Values{1, 5, 5, 2, -3, 9, -1, -2, -3, -4, -5, -6}}, {y, i}));
    CHECK(y == Values{2, 5, 9, -1, -1, -2});
    return i;
  };
  CHECK(pooled(0) == std::vector<std::int64_t>{3, 1, 5, 6, 6, 7});
  CHECK(pooled(1) == std::vector<std::int64_t>{1, 2, 5, 6, 6, 8});
  const Graph open = must(model(0, {kOpen, 2, 2, 3}).import());  // indices count through the batch
  CHECK_FALSE(open.tensors[static_cast<std::size_t>(open.inputs[0])].batched);
  check_refused(model(0, {1, 2, 30000, 30000}), ErrorCode::unsupported, "'it' (MaxPool): an axis of 1800000000 is too large");
  ModelBuilder unread(12);  // by nobody: an int8 kernel's form
  unread.input("x", {kOpen, 2, 2, 3}).output("y").node("MaxPool", {"x"}, {"y", "i"}).with("kernel_shape", {2, 2});
  CHECK(ops_of(must(unread.import())) == Strings{"Transpose", "MaxPool", "Transpose"});
}

TEST_CASE("the graph's structure is checked") {
  const auto invalid = [](const ModelBuilder& m, const std::string& part) {
    check_refused(m, ErrorCode::invalid_file, part);
  };
  ModelBuilder missing;
  missing.input("x", {2}).output("y").node("Add", {"x", "nothing"}, {"y"});
  invalid(missing, "input 'nothing' does not exist");
  ModelBuilder few;
  few.input("x", {2}).output("y").node("Add", {"x"}, {"y"});
  invalid(few, "input 1 is missing");
  ModelBuilder many;
  many.input("x", {2}).output("y").node("Relu", {"x", "x"}, {"y"});
  invalid(many, "has 2 inputs");
  ModelBuilder cycle;
  cycle.input("x", {2}).output("b").node("Add", {"x", "b"}, {"a"});
  cycle.node("Relu", {"a"}, {"b"});
  invalid(cycle, "input 'b' is made by node 1: there is a cycle, or the nodes are not in topological order");
  ModelBuilder self;
  self.input("x", {2}).output("a").node("Add", {"x", "a"}, {"a"});
  invalid(self, "there is a cycle");
  ModelBuilder twice;
  twice.input("x", {2}).output("y").node("Relu", {"x"}, {"y"});
  twice.node("Tanh", {"x"}, {"y"});
  invalid(twice, "node 1 'y' (Tanh): its output 'y' already exists");
  ModelBuilder shadow;
  shadow.input("x", {2}).output("x").node("Relu", {"x"}, {"x"});
  invalid(shadow, "already exists");
  invalid(single("Relu", {2}).input("x", {2}), "input 'x' is there twice");
  invalid(single("Relu", {2}).f32("c", {1}, {1}).f32("c", {1}, {1}), "initializer 'c' is there twice");
  invalid(single("Relu", {2}).output("y"), "output 'y' is there twice");
  invalid(single("Relu", {2}).output("z"), "output 'z' is made by no node");
  ModelBuilder none;
  none.input("x", {2}).node("Relu", {"x"}, {"y"});
  invalid(none, "no output");
  ModelBuilder unnamed;
  unnamed.input("x", {2}).output("y").node("Relu", {"x"}, {""});
  invalid(unnamed, "has no output");
  check_refused(single("Softmax", {2, 0}), ErrorCode::unsupported, "its input 'x' of shape 2x0 has no elements");
  invalid(single("Relu", {1, std::int64_t{1} << 62}), "too large");
  invalid(single("Relu", {1, std::int64_t{1} << 31}), "too large");
  ModelBuilder gap;
  gap.input("x", {1, 2}).output("y").node("Concat", {"x", ""}, {"y"}).with("axis", 0);
  invalid(gap, "input 1 is missing");
  invalid(single("Relu", Shape(9, 1)), "rank 9");
  ModelBuilder control = single("Relu", {2});
  last_node(control).named("a\x1B[31m");
  invalid(control, "not plain text");
  ModelBuilder bytes = single("Relu", {2});
  last_node(bytes).named("\xC0\x80");
  invalid(bytes, "not plain text");
  CHECK(single("Relu", {2}).input("größe", {2}).import().has_value());
}

TEST_CASE("tensors whose data does not fit their shape") {
  const auto refused = [](const Shape& dims, std::size_t raw_bytes, const std::string& part) {
    ModelBuilder m = single("Relu", {2});
    m.tensor("w", dims, onnx::TensorProto::FLOAT)->set_raw_data(std::string(raw_bytes, '\0'));
    check_refused(m, ErrorCode::invalid_file, part);
  };
  refused({2, 2}, 15, "initializer 'w': has data for 3 elements where its shape 2x2 has 4");
  refused({2, 2}, 17, "has 17 bytes");
  refused({-1}, 4, "size of its shape is -1");
  refused({std::int64_t{1} << 31, std::int64_t{1} << 31, 16}, 4, "overflows");
  refused({std::int64_t{1} << 40}, 4, "has data for 1 elements");  // and no terabyte is allocated
  ModelBuilder typed = single("Relu", {2});
  typed.f32("w", {3}, {1, 2, 3, 4});
  check_refused(typed, ErrorCode::invalid_file, "has 4 values where its shape needs 3");
}

ModelBuilder conv(const Shape& w) {
  ModelBuilder m;
  m.input("x", {1, 4, 5, 5}).output("y").random("w", w).node("Conv", {"x", "w"}, {"y"});
  return m;
}

TEST_CASE("attributes that make no sense") {
  const auto invalid = [](ModelBuilder m, const std::string& name, const auto& value, const std::string& part) {
    last_node(m).with(name, value);
    check_refused(m, ErrorCode::invalid_file, part);
  };
  using List = std::vector<std::int64_t>;
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  const ModelBuilder good = conv({2, 4, 3, 3});
  CHECK(good.import().has_value());
  invalid(good, "group", 0, "0 groups");
  invalid(good, "group", -1, "-1 groups");
  invalid(good, "group", 3, "3 groups do not divide");
  invalid(good, "group", kHuge, "its group is 1099511627776");
  invalid(good, "group", 1.0F, "has type FLOAT, not INT");
  invalid(good, "strides", List{0, 1}, "strides is 0");
  invalid(good, "strides", List{1}, "strides has 1 values, not 2");
  invalid(good, "dilations", List{1, -1}, "dilations is -1");
  invalid(good, "dilations", List{kHuge, 1}, "dilations is 1099511627776");
  invalid(good, "dilations", List{(std::int64_t{1} << 31) - 1, 1}, "does not fit");
  invalid(good, "pads", List{0, 0, -1, 0}, "pads is -1");
  invalid(good, "pads", List{0, 0}, "pads has 2 values, not 4");
  invalid(good, "kernel_shape", List{3, 2}, "kernel_shape");
  invalid(good, "auto_pad", "SOMEHOW", "SOMEHOW");
  invalid(conv({2, 4, 7, 3}), "pads", List{0, 0, 0, 0}, "does not fit");
  check_refused(conv({2, 3, 3, 3}), ErrorCode::invalid_file, "weights for 3 input channels");
  check_refused(conv({2, 4, 3}), ErrorCode::invalid_file, "rank 3");
  ModelBuilder twice = good;
  last_node(twice).with("group", 1).with("group", 1);
  check_refused(twice, ErrorCode::invalid_file, "two attributes 'group'");
  invalid(single("MaxPool", {1, 1, 4, 4}), "kernel_shape", List{0, 2}, "kernel is 0");
  invalid(single("MaxPool", {1, 1, 4, 4}), "strides", List{1, 1}, "kernel has 0 axes");
  invalid(single("Flatten", {1, 2}), "axis", 3, "axis 3 is out of range");
  invalid(single("Flatten", {1, 2}), "axis", -3, "axis -3 is out of range");
  invalid(single("Softmax", {1, 2}), "axis", -3, "axis -3 is out of range");
  invalid(single("Concat", {1, 2}), "axis", 2, "axis 2 is out of range");
  check_refused(single("Concat", {1, 2}), ErrorCode::invalid_file, "has no axis");
  invalid(single("Transpose", {1, 2}), "perm", List{0, 0}, "not a permutation");
  invalid(single("Transpose", {1, 2}), "perm", List{0, 2}, "not a permutation");
  invalid(single("Transpose", {1, 2}), "perm", List{0}, "rank 2");
  invalid(single("Squeeze", {1, 2}, 11), "axes", List{1}, "cannot be squeezed");
  invalid(single("Squeeze", {1, 1}, 11), "axes", List{0, -2}, "twice");
  check_refused(single("Unsqueeze", {1, 2}), ErrorCode::invalid_file, "no axes");
}

TEST_CASE("operands that do not fit each other") {
  ModelBuilder add;
  add.input("a", {2, 3}).input("b", {2}).output("y").node("Add", {"a", "b"}, {"y"}).named("sum");
  check_refused(add, ErrorCode::invalid_file, "node 0 'sum' (Add): shapes 2x3 and 2 do not broadcast");
  ModelBuilder reshape;
  reshape.input("x", {2, 3}).output("y").s64("s", {4, -1}).node("Reshape", {"x", "s"}, {"y"});
  check_refused(reshape, ErrorCode::invalid_file, "cannot make shape");
  ModelBuilder gemm;
  gemm.input("x", {1, 3}).output("y").random("w", {4, 2}).node("Gemm", {"x", "w"}, {"y"});
  check_refused(gemm, ErrorCode::invalid_file, "weights for 4 inputs");
  ModelBuilder bn;
  bn.input("x", {1, 3}).output("y").random("p", {2}).node("BatchNormalization", {"x", "p", "p", "p", "p"}, {"y"});
  check_refused(bn, ErrorCode::invalid_file, "its scale must have shape 3, not 2");
  ModelBuilder variance;
  variance.input("x", {1, 1})
      .output("y")
      .f32("p", {1}, {-1})
      .node("BatchNormalization", {"x", "p", "p", "p", "p"}, {"y"});
  check_refused(variance, ErrorCode::invalid_file, "variance[0]");
  ModelBuilder concat;
  concat.input("a", {1, 2}).input("b", {1, 2, 1}).output("y").node("Concat", {"a", "b"}, {"y"}).with("axis", 1);
  check_refused(concat, ErrorCode::invalid_file, "differ in rank");
}

TEST_CASE("constants that would grow without bound are left to the engine's limits") {
  ModelBuilder m;
  m.input("x", {1}).output("y").f32("c0", {32, 32}, Values(1024, 1.0F));  // doubled along each axis in turn
  for (int i = 0; i < 29; ++i)
    m.node("Concat", {"c" + std::to_string(i), "c" + std::to_string(i)}, {"c" + std::to_string(i + 1)})
        .with("axis", i % 2);
  m.node("Add", {"c29", "x"}, {"y"});
  Graph g = must(m.import());
  must(octet::optimize(g));
  CHECK_FALSE(must(octet::make_model(g)).session().has_value());
}

TEST_CASE("long chains take time and memory in proportion to their length") {
  const int length = 20000;
  ModelBuilder m;
  m.input("v0", {kOpen, 4, 6}).s64("a", {0, 6, 4}).s64("b", {0, 4, 6});
  for (int i = 0; i < length; ++i)
    m.node("Reshape", {"v" + std::to_string(i), i % 2 == 0 ? "a" : "b"}, {"v" + std::to_string(i + 1)});
  Graph g = must(m.output("v" + std::to_string(length)).import());
  must(octet::optimize(g));
  CHECK(g.nodes.size() == 1);
  ModelBuilder t;
  t.input("v0", {kOpen, 4, 6}).random("w", {6, 6}).random("k", {6});
  t.node("MatMul", {"v0", "w"}, {"v1"});
  for (int i = 1; i < length; ++i)
    t.node(i % 2 == 0 ? "Add" : "Mul", {"v" + std::to_string(i), "k"}, {"v" + std::to_string(i + 1)});
  Graph h = must(t.output("v" + std::to_string(length)).import());
  must(octet::optimize(h));
  CHECK(h.nodes.size() == 1);
}

TEST_CASE("any bytes in, an error or a model out") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 4, 4}).output("y").random("w", {2, 2, 3, 3}).random("fc", {8, 2}).random("p", {2});
  m.node("Conv", {"x", "w", "p"}, {"c"}).with("pads", {1, 1, 1, 1});
  m.node("Relu", {"c"}, {"r"});
  m.node("MaxPool", {"r"}, {"m"}).with("kernel_shape", {2, 2}).with("strides", {2, 2});
  m.node("Flatten", {"m"}, {"f"});
  m.node("Gemm", {"f", "fc"}, {"g"});
  m.node("Softmax", {"g"}, {"y"});
  const std::string good = m.bytes();
  const auto survive = [](const std::string& bytes) {
    auto model = octet::parse_onnx(std::as_bytes(std::span(bytes)), "fuzz");
    if (!model) return;
    auto graph = octet::import_onnx(*model);
    if (graph && octet::optimize(*graph)) (void)octet::make_model(*std::move(graph));
  };
  for (std::size_t n = 0; n <= good.size(); ++n) survive(good.substr(0, n));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    survive(flipped);
  }
}

TEST_CASE("files that are not models") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("octet_import_test_" + std::to_string(std::random_device{}()));
  fs::create_directory(folder);
  const auto text_of = [&](const std::string& name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
    const auto model = octet::read_onnx((folder / name).string());
    REQUIRE_FALSE(model.has_value());
    CHECK(model.error().code == ErrorCode::invalid_file);
    return model.error().text();
  };
  CHECK(octet::read_onnx((folder / "none.onnx").string()).error().text().find("No such file") != std::string::npos);
  CHECK(octet::read_onnx(folder.string()).error().text().find("directory") != std::string::npos);
  CHECK(text_of("empty.onnx", "").find("is empty") != std::string::npos);
  CHECK(text_of("text.onnx", "this is text").find("is not an ONNX model (protobuf parse failed)") != std::string::npos);
  onnx::ModelProto no_graph;
  no_graph.set_ir_version(8);
  CHECK(text_of("graph.onnx", no_graph.SerializeAsString()).find("it has no graph") != std::string::npos);
  ModelBuilder opset = single("Relu", {2});
  opset.proto.clear_opset_import();
  CHECK(text_of("opset.onnx", opset.bytes()).find("no operator set") != std::string::npos);
  ModelBuilder nodes;
  CHECK(text_of("nodes.onnx", nodes.bytes()).find("no nodes") != std::string::npos);

  const std::string good = single("Relu", {2}).bytes();
  std::ofstream(folder / "good.onnx", std::ios::binary) << good;
  const octet::OnnxModel model = must(octet::read_onnx((folder / "good.onnx").string()));
  CHECK(model.provenance().source_name == "good.onnx");
  CHECK(model.provenance().source_bytes == good.size());
  CHECK(model.provenance().source_hash != 0);
  fs::remove_all(folder);
}

TEST_CASE("subgraphs nested without end are refused by the parser") {
  onnx::ModelProto inner;
  onnx::GraphProto* graph = inner.mutable_graph();
  for (int i = 0; i < 200; ++i) {
    onnx::AttributeProto* a = graph->add_node()->add_attribute();
    graph = a->mutable_g();
  }
  const std::string bytes = inner.SerializeAsString();
  const auto model = octet::parse_onnx(std::as_bytes(std::span(bytes)), "deep");
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().message.find("parse failed") != std::string::npos);
}

}  // namespace
}  // namespace octet_test
