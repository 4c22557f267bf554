// ONNX products of activations, normalizations and reductions: what they become, and that layouts are kept track of.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/import_checks.h"
#include "support/passes_checks.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;

TEST_CASE("MatMul: weights, activations, vectors, constants on the left") {
  const auto model = [](const Shape& a, const Shape& b) {
    ModelBuilder m;
    m.input("a", a).input("b", b).output("y").node("MatMul", {"a", "b"}, {"y"});
    return m;
  };
  CHECK(compute_optimized(model({2, 2}, {2, 2}), {{1, 2, 3, 4}, {1, 0, 1, 1}}) == Values{3, 2, 7, 4});
  CHECK(compute_optimized(model({2}, {2}), {{1, 2}, {3, 4}}) == Values{11});
  CHECK(must(model({2}, {2}).import()).tensors.back().shape == Shape{});
  CHECK(compute_optimized(model({2}, {2, 3}), {{1, 2}, {1, 2, 3, 4, 5, 6}}) == Values{9, 12, 15});
  CHECK(compute_optimized(model({2, 2, 1}, {1}), {{1, 2, 3, 4}, {2}}) == Values{2, 4, 6, 8});
  check_refused(model({2, 3}, {2, 3}), ErrorCode::invalid_file, "2x3");
  check_refused(model({}, {2, 3}), ErrorCode::invalid_file, "scalars");
  ModelBuilder left;
  left.input("x", {2, 1}).output("y").f32("c", {1, 2}, {3, 5}).node("MatMul", {"c", "x"}, {"y"});
  CHECK(ops_of(optimized(left)) == Strings{"MatMul"});
  CHECK(compute_optimized(left, {{1, 10}}) == Values{53});
  ModelBuilder weights;
  weights.input("x", {kOpen, 3, 2}).output("y").random("w", {2, 4}).node("MatMul", {"x", "w"}, {"y"});
  CHECK(ops_of(optimized(weights)) == Strings{"FullyConnected"});
}

TEST_CASE("Gemm of activations: alpha, beta, transposes") {
  ModelBuilder m;
  m.input("a", {2, 1}).input("b", {2, 2}).input("c", {2}).output("y");
  m.node("Gemm", {"a", "b", "c"}, {"y"}).with("transA", 1).with("transB", 1).with("alpha", 2.0F).with("beta", 10.0F);
  // a' = [1 2]; b' = [[3 5] [4 6]]: 2 * [11 17] + 10 * [1 -1].
  CHECK(compute_optimized(m, {{1, 2}, {3, 4, 5, 6}, {1, -1}}) == Values{32, 24});
}

TEST_CASE("attention: k is read transposed, not moved") {
  ModelBuilder m;
  m.input("x", {kOpen, 5, 6}).output("y").random("wq", {6, 6}).random("wk", {6, 6}).random("wv", {6, 6});
  m.s64("heads", {0, 5, 2, 3}).s64("back", {0, 5, 6});
  for (const std::string n : {"q", "k", "v"}) {
    m.node("MatMul", {"x", "w" + n}, {n + "0"});
    m.node("Reshape", {n + "0", "heads"}, {n + "1"});
    m.node("Transpose", {n + "1"}, {n + "2"}).with("perm", n == "k" ? Ints{0, 2, 3, 1} : Ints{0, 2, 1, 3});
  }
  m.node("MatMul", {"q2", "k2"}, {"s"});
  m.node("Softmax", {"s"}, {"p"}).with("axis", -1);
  m.node("MatMul", {"p", "v2"}, {"o"});
  m.node("Transpose", {"o"}, {"o1"}).with("perm", Ints{0, 2, 1, 3});
  m.node("Reshape", {"o1", "back"}, {"y"});
  const Graph g = checked_optimized(m);
  for (const octet::Node& node : g.nodes) {
    if (node.op() == octet::schema::Operator::Transpose) {
      CHECK(node.as<octet::schema::TransposeT>().perm == std::vector<int>{0, 2, 1, 3});
    }
  }
  CHECK(std::ranges::count(ops_of(g), "MatMul") == 2);
}

TEST_CASE("reductions: axes as attribute and as input, all of them, none") {
  const auto model = [](int opset, const char* op, const Shape& shape) {
    ModelBuilder m(opset);
    m.input("x", shape).output("y").node(op, {"x"}, {"y"});
    return m;
  };
  const auto last = [](ModelBuilder& m) { return NodeBuilder(m.proto.mutable_graph()->mutable_node(m.proto.graph().node_size() - 1)); };
  ModelBuilder mean = model(13, "ReduceMean", {2, 3});
  last(mean).with("axes", Ints{-1}).with("keepdims", 0);
  CHECK(compute_optimized(mean, {{1, 2, 3, 4, 5, 9}}) == Values{2, 6});
  CHECK(compute_optimized(model(13, "ReduceSum", {2, 3}), {{1, 2, 3, 4, 5, 9}}) == Values{24});
  ModelBuilder none = model(13, "ReduceSum", {2, 3});
  last(none).with("noop_with_empty_axes", 1);
  CHECK(compute_optimized(none, {{1, 2, 3, 4, 5, 9}}) == Values{1, 2, 3, 4, 5, 9});
  ModelBuilder input(18);
  input.input("x", {2, 3}).output("y").s64("axes", {0}).node("ReduceMax", {"x", "axes"}, {"y"});
  CHECK(compute_optimized(input, {{1, 7, 3, 4, 5, 9}}) == Values{4, 7, 9});
  ModelBuilder early(13);
  early.input("x", {2, 3}).output("y").s64("axes", {0}).node("ReduceMax", {"x", "axes"}, {"y"});
  check_refused(early, ErrorCode::invalid_file, "attribute before opset 18");
  ModelBuilder twice = model(13, "ReduceMin", {2, 3});
  last(twice).with("axes", Ints{1, -1});
  check_refused(twice, ErrorCode::invalid_file, "twice");
}

TEST_CASE("between convolutions: reductions, pools over everything and normalizations keep the layout") {
  for (const std::string op : {"mean", "max", "global", "norm", "instance", "log"}) {
    INFO(op);
    ModelBuilder m(21);
    m.input("x", {kOpen, 2, 4, 5}).output("y").random("w", {6, 2, 1, 1}).random("v", {3, 6, 1, 1});
    m.random("gamma", {6}).random("beta", {6}).s64("axes", {1}).s64("image", {2, 3});
    m.node("Conv", {"x", "w"}, {"a"});
    if (op == "mean") m.node("ReduceMean", {"a", "image"}, {"b"});
    if (op == "max") m.node("ReduceMax", {"a", "image"}, {"b"});
    if (op == "global") m.node("GlobalMaxPool", {"a"}, {"b"});
    if (op == "norm") m.node("GroupNormalization", {"a", "gamma", "beta"}, {"b"}).with("num_groups", 3);
    if (op == "instance") m.node("InstanceNormalization", {"a", "gamma", "beta"}, {"b"});
    if (op == "log") m.node("LogSoftmax", {"a"}, {"b"}).with("axis", 1);
    m.node("Conv", {"b", "v"}, {"y"});
    const Graph g = checked_optimized(m);
    const std::string made = op == "mean" ? "AveragePool" : op == "max" || op == "global" ? "Reduce" : op == "log" ? "LogSoftmax" : "GroupNormalization";
    const Strings ops = ops_of(g);
    CHECK(ops[0] == "Transpose");
    CHECK(ops[2] == made);
    CHECK(std::ranges::count(ops, "Transpose") <= 2);
  }
  ModelBuilder channels(13);  // the channels go, the image stays
  channels.input("x", {kOpen, 2, 4, 5}).output("y").random("w", {6, 2, 1, 1});
  channels.node("Conv", {"x", "w"}, {"a"});
  channels.node("ReduceMax", {"a"}, {"y"}).with("axes", Ints{1}).with("keepdims", 0);
  CHECK(ops_of(checked_optimized(channels)) == Strings{"Transpose", "Conv", "Reduce"});
}

TEST_CASE("normalizations by their own definition") {
  ModelBuilder layer(17);
  layer.input("x", {1, 2, 2}).output("y").f32("gamma", {2, 2}, {1, 1, 1, 2}).f32("beta", {2, 2}, {0, 0, 0, 1});
  layer.node("LayerNormalization", {"x", "gamma", "beta"}, {"y"}).with("axis", 1).with("epsilon", 0.0F);
  const Values y = compute_optimized(layer, {{1, 2, 3, 4}});
  CHECK(y[0] == doctest::Approx(-1.341641));
  CHECK(y[3] == doctest::Approx(3.683282));
  ModelBuilder group(18);  // a scale for each group
  group.input("x", {1, 4, 1}).output("y").f32("gamma", {2}, {1, 10}).f32("beta", {2}, {0, 5});
  group.node("GroupNormalization", {"x", "gamma", "beta"}, {"y"}).with("num_groups", 2).with("epsilon", 0.0F);
  CHECK(compute_optimized(group, {{1, 3, 2, 6}}) == Values{-1, 1, -5, 15});
  ModelBuilder bad(18);
  bad.input("x", {1, 4, 1}).output("y").f32("gamma", {3}, {1, 1, 1}).node("GroupNormalization", {"x", "gamma", "gamma"}, {"y"}).with("num_groups", 2);
  check_refused(bad, ErrorCode::invalid_file, "one value a channel or a group");
}

TEST_CASE("TopK has two outputs, of which one may be missing; ArgMax gives s64") {
  ModelBuilder m;
  m.input("x", {kOpen, 4}).output("v").output("i").output("a").s64("k", {2});
  m.node("TopK", {"x", "k"}, {"v", "i"});
  m.node("ArgMin", {"x"}, {"a"}).with("axis", 1).with("keepdims", 0);
  Graph g = optimized(m);
  octet::Model model = must(octet::make_model(g));
  CHECK(model.outputs()[1].type == octet::Type::s64);
  CHECK(model.outputs()[1].batched);
  CHECK(model.outputs()[2].shape == Shape{1});
  octet::Session session = must(model.session());
  Values v(2);
  std::vector<std::int64_t> i(2), a(1);
  must(session.run({Values{3, 9, 1, 5}}, {v, i, a}));
  CHECK(v == Values{9, 5});
  CHECK(i == std::vector<std::int64_t>{1, 3});
  CHECK(a == std::vector<std::int64_t>{2});
  ModelBuilder second;
  second.input("x", {kOpen, 4}).output("i").s64("k", {1}).node("TopK", {"x", "k"}, {"", "i"});
  CHECK(must(octet::make_model(optimized(second))).outputs()[0].type == octet::Type::s64);
  ModelBuilder many;
  many.input("x", {kOpen, 4}).output("v").s64("k", {5}).node("TopK", {"x", "k"}, {"v", ""});
  check_refused(many, ErrorCode::invalid_file, "cannot take 5");
}

/// Two boxes that overlap by a half, and one elsewhere, as y1, x1, y2, x2: reals [selected, 3].
ModelBuilder suppressed(const Values& scores, std::int64_t most, float overlap) {
  ModelBuilder m;
  m.input("x", {1}).output("y").f32("boxes", {1, 3, 4}, {0, 0, 3, 1, 4, 1, 1, 0, 9, 9, 10, 10}).f32("scores", {1, 1, 3}, scores);
  m.s64("most", {most}).f32("overlap", {1}, {overlap}).f32("least", {1}, {0.1F});
  m.node("NonMaxSuppression", {"boxes", "scores", "most", "overlap", "least"}, {"s"}).named("it");
  m.node("Cast", {"s"}, {"f"}).with("to", 1);
  m.node("Mul", {"f", "x"}, {"y"});
  return m;
}

TEST_CASE("reductions, extremes and TopK of integers; other types are unsupported") {
  const auto model = [](const std::string& op, std::int32_t type, const std::string& second = {}) {
    ModelBuilder m(18);
    m.input("x", {kOpen, 3}, type).output("y").s64(second.empty() ? "unused" : second, {op == "TopK" ? 2 : 1});
    m.node(op, second.empty() ? Strings{"x"} : Strings{"x", second}, {"y"}).named("it");
    return m;
  };
  const auto type_of = [](const ModelBuilder& m) {
    const Graph g = optimized(m);
    return g.tensors[static_cast<std::size_t>(g.outputs[0])].type;
  };
  using octet::Type;
  for (const char* op : {"ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd", "ReduceL1", "ReduceSumSquare", "TopK"}) {
    INFO(op);
    CHECK(type_of(model(op, onnx::TensorProto::INT64, "k")) == Type::s64);
    CHECK(type_of(model(op, onnx::TensorProto::INT32, "k")) == Type::s32);
    check_refused(model(op, onnx::TensorProto::BOOL, "k"), ErrorCode::unsupported, "'it' (" + std::string(op) + "): its input is bool; f32, s32 and s64 are");
  }
  for (const char* op : {"ReduceL2", "ReduceLogSum", "ReduceLogSumExp"})
    check_refused(model(op, onnx::TensorProto::INT64, "k"), ErrorCode::unsupported, "'it' (" + std::string(op) + "): its input is s64; f32 is supported");
  for (const char* op : {"ArgMax", "ArgMin"}) {
    const auto along = [&](std::int32_t type) {
      ModelBuilder m;
      m.input("x", {kOpen, 3}, type).output("y").node(op, {"x"}, {"y"}).named("it").with("axis", 1);
      return m;
    };
    CHECK(type_of(along(onnx::TensorProto::INT64)) == Type::s64);
    CHECK(type_of(along(onnx::TensorProto::INT32)) == Type::s64);
    check_refused(along(onnx::TensorProto::BOOL), ErrorCode::unsupported, "its input is bool");
  }
}

TEST_CASE("NonMaxSuppression of constants; what decides a shape cannot be computed") {
  CHECK(compute_optimized(suppressed({0.5F, 0.9F, 0.2F}, 3, 0.4F), {{1}}) == Values{0, 0, 1, 0, 0, 2});
  CHECK(compute_optimized(suppressed({0.5F, 0.9F, 0.2F}, 3, 0.5F), {{1}}) == Values{0, 0, 1, 0, 0, 0, 0, 0, 2});
  CHECK(compute_optimized(suppressed({0.5F, 0.5F, 0.1F}, 3, 0.4F), {{1}}) == Values{0, 0, 0});  // the first of equals; above the least score
  CHECK(compute_optimized(suppressed({0.5F, 0.9F, 0.2F}, 1, 1), {{1}}) == Values{0, 0, 1});
  CHECK(compute(suppressed({0, 0, 0}, 3, 0.5F), {{1}}).empty());
  check_refused(suppressed({0, std::nanf(""), 0}, 3, 0.5F), ErrorCode::invalid_file, "'it' (NonMaxSuppression): a score is NaN");
  ModelBuilder computed;
  computed.input("b", {1, 3, 4}).input("s", {1, 1, 3}).output("y").node("NonMaxSuppression", {"b", "s"}, {"y"}).named("it");
  check_refused(computed, ErrorCode::unsupported, "'it' (NonMaxSuppression): its boxes must be constant: how many boxes they select");
  ModelBuilder bad;
  bad.f32("b", {1, 2, 3}, Values(6, 0)).f32("s", {1, 1, 2}, {1, 1}).output("y").node("NonMaxSuppression", {"b", "s"}, {"y"}).named("it");
  check_refused(bad, ErrorCode::invalid_file, "its boxes have shape 1x2x3, its scores 1x1x2");
  ModelBuilder huge;  // 2^24 pairs of boxes
  huge.tensor("b", {1, 4096, 4}, onnx::TensorProto::FLOAT)->set_raw_data(std::string(std::size_t{4096} * 16, '\0'));
  huge.tensor("s", {1, 1, 4096}, onnx::TensorProto::FLOAT)->set_raw_data(std::string(std::size_t{4096} * 4, '\0'));
  huge.s64("most", {4096}).output("y").node("NonMaxSuppression", {"b", "s", "most"}, {"y"}).named("it");
  check_refused(huge, ErrorCode::unsupported, "it has too many boxes");
}

}  // namespace
}  // namespace octet_test
