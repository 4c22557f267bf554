// The passes: what they make of a graph, and that it still computes the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "converter/passes/permutation.h"
#include "support/passes_checks.h"

namespace octet_test {
namespace {

using octet::Shape;
using Strings = std::vector<std::string>;
using octet::schema::Function;

const octet::schema::PointwiseT& pointwise(const Graph& g, std::size_t node) {
  return g.nodes[node].as<octet::schema::PointwiseT>();
}

/// x -> Conv(w, 1x1, o channels) -> c.
ModelBuilder conv_model(const Shape& x, std::int64_t o, bool bias = true) {
  ModelBuilder m;
  m.input("x", x).random("w", {o, x[1], 1, 1}).random("b", {o});
  m.node("Conv", bias ? Strings{"x", "w", "b"} : Strings{"x", "w"}, {"c"}).named("conv");
  return m;
}

ModelBuilder& add_batch_norm(ModelBuilder& m, std::int64_t channels, const std::string& x, const std::string& y) {
  m.random("gamma", {channels}).random("beta", {channels}).random("mean", {channels});
  m.f32("var", {channels}, std::vector<float>(static_cast<std::size_t>(channels), 0.5F));
  m.node("BatchNormalization", {x, "gamma", "beta", "mean", "var"}, {y}).named("bn");
  return m;
}

TEST_CASE("permutations") {
  const octet::Permutation p = {0, 2, 3, 1};
  CHECK(octet::inverse(p) == octet::Permutation{0, 3, 1, 2});
  CHECK(octet::is_identity(octet::compose(p, octet::inverse(p))));
  CHECK(octet::permuted({5, 6, 7, 8}, p) == Shape{5, 7, 8, 6});
  CHECK(octet::compose({1, 2, 0}, {0, 2, 1}) == octet::Permutation{1, 0, 2});
  CHECK_FALSE(octet::moves_data({1, 1, 4, 4}, -1, p));
  CHECK(octet::moves_data({1, 2, 4, 1}, -1, p));
  CHECK_FALSE(octet::moves_data({1, 6, 1, 1}, 0, p));
  CHECK_FALSE(octet::moves_data({1, 6}, -1, {1, 0}));
  CHECK(octet::moves_data({1, 6}, 0, {1, 0}));  // the batch may be more than 1
}

TEST_CASE("conv, batch normalization and relu are one node with all their sources") {
  for (const bool bias : {false, true}) {
    ModelBuilder m = conv_model({kOpen, 1, 4, 4}, 3, bias);
    add_batch_norm(m, 3, "c", "n").node("Relu", {"n"}, {"r"});
    m.node("GlobalAveragePool", {"r"}, {"y"});
    const Graph g = checked_optimized(m.output("y"));
    CHECK(ops_of(g) == Strings{"Reshape", "Conv", "AveragePool", "Reshape"});
    CHECK(g.nodes[1].name == "conv");
    CHECK(g.nodes[1].sources == std::vector<int>{0, 1, 2});
    CHECK(output_of(g, 1).name == "r");
    CHECK(input_of(g, 1, 2).shape == Shape{3});
    CHECK(g.nodes[1].as<octet::schema::ConvT>().clamp_min == 0);
    CHECK(g.source_nodes.size() == 4);
  }
}

TEST_CASE("what somebody else reads, or is an output, is not fused away") {
  ModelBuilder m = conv_model({kOpen, 2, 4, 4}, 3);
  add_batch_norm(m, 3, "c", "n").node("Relu", {"n"}, {"r"});
  const Graph g = checked_optimized(m.output("c").output("n").output("r"));
  CHECK(std::ranges::count(ops_of(g), "Mul") == 1);
  CHECK(std::ranges::count(ops_of(g), "Pointwise") == 1);
  ModelBuilder branch = conv_model({kOpen, 2, 4, 4}, 3);
  branch.node("Relu", {"c"}, {"r"});
  branch.node("Add", {"c", "r"}, {"y"});
  CHECK(std::ranges::count(ops_of(checked_optimized(branch.output("y"))), "Pointwise") == 1);
  ModelBuilder square = conv_model({kOpen, 2, 4, 4}, 3);
  square.node("Mul", {"c", "c"}, {"y"});
  CHECK(std::ranges::count(ops_of(checked_optimized(square.output("y"))), "Mul") == 1);
}

TEST_CASE("only what is constant along everything but the channels folds into a convolution") {
  const auto folds = [](const Shape& constant, const char* op) {
    ModelBuilder m = conv_model({kOpen, 2, 4, 5}, 3);
    m.random("k", constant).node(op, {"k", "c"}, {"y"});
    return std::ranges::count(ops_of(checked_optimized(m.output("y"))), op) == 0;
  };
  for (const char* op : {"Mul", "Add"}) {
    CHECK(folds({3, 1, 1}, op));
    CHECK(folds({1, 3, 1, 1}, op));
    CHECK(folds({}, op));
    CHECK(folds({1, 1, 1, 1}, op));
    CHECK_FALSE(folds({5}, op));
    CHECK_FALSE(folds({4, 1}, op));
    CHECK_FALSE(folds({3, 4, 5}, op));
  }
  ModelBuilder rank = conv_model({1, 2, 4, 5}, 3);  // one more axis: the result is no image
  rank.f32("k", {1, 1, 1, 1, 1}, {2}).node("Mul", {"c", "k"}, {"y"});
  CHECK(std::ranges::count(ops_of(checked_optimized(rank.output("y"))), "Mul") == 1);
}

TEST_CASE("scales that would make weights infinite are not folded") {
  ModelBuilder m = conv_model({kOpen, 2, 2, 2}, 1);
  m.f32("k", {1}, {3e38F}).f32("small", {1}, {1e-38F});
  m.proto.mutable_graph()->mutable_initializer(0)->set_float_data(0, 3.0F);
  m.node("Mul", {"c", "k"}, {"y"});
  Graph g = must(m.output("y").import());
  must(octet::optimize(g));
  CHECK(std::ranges::count(ops_of(g), "Mul") == 1);
}

TEST_CASE("a MatMul and an Add are a FullyConnected with a bias") {
  ModelBuilder m;
  m.input("x", {kOpen, 5, 4}).output("y").random("w", {4, 3}).random("b", {3}).f32("half", {}, {0.5F});
  m.node("MatMul", {"x", "w"}, {"a"});
  m.node("Add", {"a", "b"}, {"s"});
  m.node("Mul", {"half", "s"}, {"h"});
  m.node("Relu", {"h"}, {"y"});
  const Graph g = checked_optimized(m);
  CHECK(ops_of(g) == Strings{"FullyConnected"});
  CHECK(g.nodes[0].sources == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("weights that layers share are copied for each, but not without bound") {
  ModelBuilder m;
  const int layers = 200;
  m.input("x", {1, 512}).random("w", {512, 512}).random("k", {512});
  for (int i = 0; i < layers; ++i) {
    m.node("MatMul", {i == 0 ? "x" : "k" + std::to_string(i), "w"}, {"a" + std::to_string(i)});
    m.node("Mul", {"a" + std::to_string(i), "k"}, {"k" + std::to_string(i + 1)});
  }
  Graph g = must(m.output("k" + std::to_string(layers)).import());
  must(octet::optimize(g));
  CHECK(std::ranges::count(ops_of(g), "FullyConnected") == layers);
  CHECK(std::ranges::count(ops_of(g), "Mul") > 0);
  std::size_t bytes = 0;
  for (const octet::Tensor& t : g.tensors) bytes += t.data.bytes().size();
  CHECK(bytes < (std::size_t{80} << 20U));
}

TEST_CASE("clamps") {
  ModelBuilder m;
  m.input("a", {kOpen, 3}).input("b", {kOpen, 3}).output("y").f32("low", {}, {-0.5F}).f32("high", {}, {0.25F});
  m.node("Add", {"a", "b"}, {"s"}).named("sum");
  m.node("Clip", {"s", "low", "high"}, {"c"});
  m.node("Relu", {"c"}, {"y"});
  const Graph g = checked_optimized(m);
  CHECK(ops_of(g) == Strings{"Add"});
  CHECK(g.nodes[0].as<octet::schema::AddT>().clamp_min == 0);
  CHECK(g.nodes[0].as<octet::schema::AddT>().clamp_max == 0.25F);
  CHECK(g.nodes[0].name == "sum");
  CHECK(output_of(g, 0).name == "y");
  ModelBuilder crossed;  // Clip with min > max is max everywhere
  crossed.input("a", {kOpen, 3}).output("y").f32("low", {}, {1}).f32("high", {}, {-1});
  crossed.node("Mul", {"a", "a"}, {"s"});
  crossed.node("Clip", {"s", "low", "high"}, {"y"});
  CHECK(ops_of(checked_optimized(crossed)) == Strings{"Mul"});
}

TEST_CASE("x times a sigmoid of x") {
  const auto node_of = [](const char* gate, float alpha, bool swapped) {
    ModelBuilder m;
    m.input("x", {kOpen, 3}).output("y");
    auto g = m.node(gate, {"x"}, {"g"}).named("gate");
    if (alpha != 0) g.with("alpha", alpha);
    m.node("Mul", swapped ? Strings{"g", "x"} : Strings{"x", "g"}, {"y"});
    return checked_optimized(m);
  };
  for (const bool swapped : {false, true}) {
    const Graph silu = node_of("Sigmoid", 0, swapped);
    CHECK(ops_of(silu) == Strings{"Pointwise"});
    CHECK(pointwise(silu, 0).function == Function::Silu);
    CHECK(silu.nodes[0].name == "gate");
    CHECK(silu.nodes[0].sources == std::vector<int>{0, 1});
    CHECK(pointwise(node_of("HardSigmoid", 1.0F / 6, swapped), 0).function == Function::HardSwish);
    CHECK(pointwise(node_of("HardSigmoid", 0.1667F, swapped), 0).function == Function::HardSigmoid);
    CHECK(ops_of(node_of("Tanh", 0, swapped)) == Strings{"Pointwise", "Mul"});
  }
  ModelBuilder other;  // a gate of something else
  other.input("x", {kOpen, 3}).input("z", {kOpen, 3}).output("y").node("Sigmoid", {"z"}, {"g"});
  other.node("Mul", {"x", "g"}, {"y"});
  CHECK(ops_of(checked_optimized(other)) == Strings{"Pointwise", "Mul"});
}

TEST_CASE("images stay channels-last from the first convolution to the last") {
  ModelBuilder m = conv_model({kOpen, 2, 4, 4}, 3);
  m.random("scale", {3, 1, 1}).random("dw", {5, 1, 3, 3});
  m.node("Sigmoid", {"c"}, {"s"});
  m.node("Mul", {"s", "scale"}, {"t"});
  m.node("Concat", {"t", "x"}, {"j"}).with("axis", 1);
  m.node("Softmax", {"j"}, {"p"}).with("axis", 1);
  m.node("Conv", {"p", "dw"}, {"y"}).with("group", 5).with("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const Graph g = checked_optimized(m.output("y"));
  CHECK(ops_of(g) == Strings{"Transpose", "Conv", "Pointwise", "Mul", "Concat", "Softmax", "Conv", "Transpose"});
  CHECK(g.nodes[4].as<octet::schema::ConcatT>().axis == 3);
  CHECK(g.nodes[5].as<octet::schema::SoftmaxT>().axis == 3);
  CHECK(output_of(g, 4).name == "j");  // the ONNX value's name, though it is NHWC: nothing needs it as NCHW
  CHECK(output_of(g, 0).name == "x@0231");
  CHECK(output_of(g, 6).name == "y@0231");
}

TEST_CASE("the other operand of a residual addition is transposed once") {
  ModelBuilder m = conv_model({kOpen, 3, 8, 8}, 3);
  m.node("Relu", {"c"}, {"r"});
  m.node("Add", {"x", "r"}, {"y"});
  CHECK(ops_of(checked_optimized(m.output("y"))) == Strings{"Transpose", "Conv", "Add", "Transpose"});
}

TEST_CASE("a flattened image has the columns of the next weights permuted instead") {
  for (const char* between : {"Relu", "Dropout"}) {
    ModelBuilder m = conv_model({kOpen, 1, 3, 4}, 5);
    m.random("fc", {60, 7}).node("Flatten", {"c"}, {"f"}).named("flatten");
    m.node(between, {"f"}, {"g"});
    m.node("Gemm", {"g", "fc"}, {"y"});
    const Graph g = checked_optimized(m.output("y"));
    CHECK(std::ranges::count(ops_of(g), "Transpose") == 0);
    CHECK(g.nodes.back().op() == octet::schema::Operator::FullyConnected);
  }
  // Where the flattened image is itself wanted, it is made.
  ModelBuilder both = conv_model({kOpen, 1, 3, 4}, 5);
  both.random("fc", {60, 7}).node("Flatten", {"c"}, {"f"});
  both.node("Gemm", {"f", "fc"}, {"y"});
  CHECK(std::ranges::count(ops_of(checked_optimized(both.output("y").output("f"))), "Transpose") == 1);
}

TEST_CASE("transposes and reshapes of the model's own") {
  ModelBuilder nhwc;  // exported from a channels-last framework: nothing of it remains
  nhwc.input("x", {kOpen, 4, 4, 2}).random("w", {3, 2, 3, 3}).output("y");
  nhwc.node("Transpose", {"x"}, {"t"}).with("perm", std::vector<std::int64_t>{0, 3, 1, 2});
  nhwc.node("Conv", {"t", "w"}, {"c"});
  nhwc.node("Transpose", {"c"}, {"y"}).with("perm", std::vector<std::int64_t>{0, 2, 3, 1});
  CHECK(ops_of(checked_optimized(nhwc)) == Strings{"Conv"});

  ModelBuilder chain;
  chain.input("x", {kOpen, 2, 3, 4}).output("y").s64("a", {0, 6, 4}).s64("b", {0, 24}).s64("c", {-1, 4, 6});
  chain.node("Reshape", {"x", "a"}, {"r1"});
  chain.node("Reshape", {"r1", "b"}, {"r2"});
  chain.node("Reshape", {"r2", "c"}, {"y"});
  const Graph merged = checked_optimized(chain);
  CHECK(ops_of(merged) == Strings{"Reshape"});
  CHECK(merged.nodes[0].sources == std::vector<int>{0, 1, 2});

  ModelBuilder none;  // Reshapes and Transposes that cancel
  none.input("x", {kOpen, 2, 3}).output("y").s64("flat", {0, 6}).s64("back", {0, 2, 3});
  none.node("Relu", {"x"}, {"r"});
  none.node("Reshape", {"r", "flat"}, {"f"});
  none.node("Reshape", {"f", "back"}, {"b"});
  none.node("Transpose", {"b"}, {"t"}).with("perm", std::vector<std::int64_t>{0, 2, 1});
  none.node("Transpose", {"t"}, {"y"}).with("perm", std::vector<std::int64_t>{0, 2, 1});
  const Graph g = checked_optimized(none);
  CHECK(ops_of(g) == Strings{"Pointwise"});
  CHECK(output_of(g, 0).name == "y");

  ModelBuilder copy;  // of an input to two outputs: each has a node of its own
  copy.input("x", {kOpen, 2}).output("y").output("z").node("Identity", {"x"}, {"y"});
  copy.node("Identity", {"y"}, {"z"});
  CHECK(ops_of(checked_optimized(copy)) == Strings{"Reshape", "Reshape"});
}

TEST_CASE("squeeze and excitation") {
  ModelBuilder m = conv_model({kOpen, 2, 4, 4}, 4);
  m.random("w1", {4, 2}).random("w2", {2, 4}).s64("hw", {2, 3});
  m.node("GlobalAveragePool", {"c"}, {"g"});
  m.node("Flatten", {"g"}, {"f"});
  m.node("Gemm", {"f", "w1"}, {"e"});
  m.node("Relu", {"e"}, {"er"});
  m.node("Gemm", {"er", "w2"}, {"s"});
  m.node("Sigmoid", {"s"}, {"sg"});
  m.node("Unsqueeze", {"sg", "hw"}, {"u"});
  m.node("Mul", {"c", "u"}, {"t"});
  m.node("GlobalAveragePool", {"t"}, {"y"});
  const Graph g = checked_optimized(m.output("y"));
  CHECK(std::ranges::count(ops_of(g), "Transpose") == 1);  // of the input
  CHECK(std::ranges::count(ops_of(g), "Reshape") == 3);
}

TEST_CASE("constants are folded, except an output") {
  Graph g;
  const auto add = [&](const char* name, std::vector<float> values) {
    octet::Tensor t;
    t.name = name;
    t.shape = {2};
    if (!values.empty()) t.data = octet::Constant::of(std::move(values));
    g.tensors.push_back(t);
  };
  add("a", {1, 2});
  add("b", {10, 20});
  add("sum", {});
  add("out", {});
  for (int i = 0; i < 2; ++i) {
    octet::Node node;
    node.attributes.Set(octet::schema::AddT{});
    node.inputs = {0, i == 0 ? 1 : 2};
    node.outputs = {2 + i};
    g.nodes.push_back(node);
  }
  g.outputs = {3};
  must(octet::fold_constants(g));
  CHECK(g.nodes.size() == 1);
  CHECK(g.tensors[2].data.as<float>()[1] == 22);
  CHECK(run(g, {})[0] == std::vector<float>{12, 24});
  must(octet::remove_dead(g));
  CHECK(g.tensors.size() == 3);
}

TEST_CASE("dead nodes go, unused inputs stay") {
  ModelBuilder m;
  m.input("unused", {kOpen, 2}).input("x", {kOpen, 2}).output("y").node("Relu", {"x"}, {"y"});
  m.node("Tanh", {"unused"}, {"dead"});
  const Graph g = checked_optimized(m);
  CHECK(g.nodes.size() == 1);
  CHECK(g.inputs.size() == 2);
  CHECK(g.tensors.size() == 3);
}

}  // namespace
}  // namespace octet_test
