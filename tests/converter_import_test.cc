// ONNX operators -> nodes of a float graph: what each becomes, values worked out by hand.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "converter/passes/passes.h"
#include "support/import_checks.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;

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
  const auto pools = [](const ModelBuilder& b) {
    return std::ranges::count_if(must(b.import()).nodes, [](const octet::Node& n) { return n.op() == octet::schema::Operator::AveragePool; });
  };
  CHECK(pools(a) == 1);
  last_node(a).with("pads", {0, 1, 0, 0});  // the sizes divide
  CHECK(compute(a, {{1, 2, 3, 4, 5}}) == Values{0.5F, 2.5F, 4.5F});
  CHECK(pools(a) == 1);
  ModelBuilder both = single("AveragePool", {1, 1, 1, 4});
  last_node(both).with("kernel_shape", {1, 2}).with("strides", {1, 2}).with("pads", {0, 1, 0, 0}).with("ceil_mode", 1).with("count_include_pad", 1);
  CHECK(compute(both, {{1, 2, 3, 4}}) == Values{0.5F, 2.5F, 4});
  CHECK(pools(both) == 0);
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
}

TEST_CASE("Clip: bounds that are computed") {
  ModelBuilder m;
  m.input("x", {3}).input("low", {}).output("y").f32("top", {}, {6});
  m.node("Clip", {"x", "low", "top"}, {"y"}).named("it");
  CHECK(compute(m, {{-5, 1, 7}, {-2}}) == Values{-2, 1, 6});
  CHECK(compute(m, {{-5, 1, 7}, {8}}) == Values{6, 6, 6});  // the upper bound counts last
  ModelBuilder wide;
  wide.input("x", {3}).input("low", {3}).output("y").node("Clip", {"x", "low"}, {"y"}).named("it");
  check_refused(wide, ErrorCode::invalid_file, "'it' (Clip): a bound is f32 of shape 3, not one f32");
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
  CHECK(ops_of(must(rows.import())) == Strings{"FullyConnected", "Add"});
  CHECK(compute(rows, {{1, 10}}) == Values{6, 16});
  ModelBuilder large;
  large.input("x", {2, 1}).output("y").f32("w", {1, 1}, {1}).f32("c", {2, 3}, Values(6));
  large.node("Gemm", {"x", "w", "c"}, {"y"}).named("fc");
  check_refused(large, ErrorCode::invalid_file, "its C of shape 2x3 does not fit to 2x1");
}

TEST_CASE("Gemm: a C that is computed is added, times beta") {
  ModelBuilder m;
  m.input("x", {kOpen, 2}).input("c", {kOpen, 1}).output("y").f32("w", {2, 3}, {1, 3, 5, 2, 4, 6});
  m.node("Gemm", {"x", "w", "c"}, {"y"}).with("alpha", 2.0F).with("beta", -10.0F);
  CHECK(output_of(must(m.import()), 0).batched);
  CHECK(compute(m, {{1, 10}, {2}}) == Values{22, 66, 110});
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

}  // namespace
}  // namespace octet_test
