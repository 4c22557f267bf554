// ONNX operators that move elements, and sizes computed inside the model, which may follow the batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "converter/passes/passes.h"
#include "support/import_checks.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;

Values count_to(std::size_t n) {
  Values values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i);
  return values;
}

ModelBuilder slice_model(const Shape& shape, const Ints& starts, const Ints& ends, const Ints& axes, const Ints& steps) {
  ModelBuilder m;
  m.input("x", shape).output("y").s64("starts", starts).s64("ends", ends).s64("axes", axes).s64("steps", steps);
  m.node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"y"});
  return m;
}

TEST_CASE("constant indices out of range of what takes tuples, or elements: the model is invalid, at the node") {
  const auto model = [](const std::string& op, std::int64_t index) {
    ModelBuilder m;
    m.input("x", {2, 8}).output("y").s64_matrix("i", 2, 2, {1, 7, 0, index}).random("u", {2});
    const bool scatters = op == "ScatterND";
    NodeBuilder node = m.node(op, scatters ? Strings{"x", "i", "u"} : Strings{"x", "i"}, {"y"}).named("pick");
    if (op == "GatherElements") node.with("axis", 1);
    return m;
  };
  for (const char* op : {"GatherND", "ScatterND", "GatherElements"}) {
    INFO(op);
    CHECK(compute(model(op, -8), {count_to(16)}).size() == (std::string(op) == "ScatterND" ? 16 : std::string(op) == "GatherND" ? 2 : 4));
    for (const std::int64_t index : {std::int64_t{8}, std::int64_t{-9}, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
      check_refused(model(op, index), ErrorCode::invalid_file, "index " + std::to_string(index) + " is out of range for an axis of 8");
      CHECK(model(op, index).import().error().where.starts_with("node 0 'pick'"));
    }
  }
}

TEST_CASE("OneHot: integers that no real number is") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  ModelBuilder m;
  m.s64("classes", {1}).s64("depth", {2}).s64("values", {kMost - 1, kMost}).input("x", {1}).output("y");
  m.node("OneHot", {"classes", "depth", "values"}, {"hot"});
  m.s64("wanted", {kMost - 1, kMost}).node("Equal", {"hot", "wanted"}, {"same"});
  m.node("Cast", {"same"}, {"real"}).with("to", onnx::TensorProto::FLOAT);
  m.node("Add", {"real", "x"}, {"y"});
  CHECK(compute(m, {{0}}) == Values{1, 1});
}

TEST_CASE("elements of a byte are replaced, not combined") {
  for (const char* op : {"ScatterND", "ScatterElements"}) {
    ModelBuilder m(18);
    m.input("x", {4, 1}, onnx::TensorProto::UINT8).input("u", {2, 1}, onnx::TensorProto::UINT8).output("y").s64_matrix("i", 2, 1, {0, 2});
    m.node(op, {"x", "i", "u"}, {"y"});
    CHECK(m.import().has_value());
    last_node(m).with("reduction", "max");
    check_refused(m, ErrorCode::unsupported, "its input is u8; f32, s32 and s64 are supported");
  }
}

TEST_CASE("Gather: constant indices out of range, of activations and of tables") {
  const auto model = [](bool table, std::int64_t index, std::int32_t type) {
    ModelBuilder m;
    m.input("x", {kOpen, 8, 3}).output("y").random("t", {8});
    const std::string i = "i";
    if (type == onnx::TensorProto::INT32) {
      m.tensor(i, {1}, type)->add_int32_data(static_cast<std::int32_t>(index));
    } else {
      m.s64(i, {index});
    }
    m.node("Gather", {table ? "t" : "x", i}, {"g"}).named("pick").with("axis", table ? 0 : 1);
    m.node("Mul", {"x", "g"}, {"y"});
    return m;
  };
  for (const bool table : {false, true}) {
    for (const std::int32_t type : {onnx::TensorProto::INT32, onnx::TensorProto::INT64}) {
      for (const std::int64_t index : {8, -9, 100}) {
        check_refused(model(table, index, type), ErrorCode::invalid_file, "index " + std::to_string(index) + " is out of range for an axis of 8");
        CHECK(model(table, index, type).import().error().where == "node 0 'pick' (Gather)");
      }
      CHECK(model(table, -8, type).import().has_value());
      CHECK(model(table, 7, type).import().has_value());
    }
  }
}

TEST_CASE("Slice clamps as ONNX does") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const auto one = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    return compute_optimized(slice_model({6}, {start}, {end}, {0}, {step}), {count_to(6)});
  };
  CHECK(one(1, 4, 1) == Values{1, 2, 3});
  CHECK(one(-2, kMost, 1) == Values{4, 5});
  CHECK(one(kLeast, 2, 1) == Values{0, 1});
  CHECK(one(0, 6, 4) == Values{0, 4});
  CHECK(one(0, kMost, kMost) == Values{0});
  CHECK(one(5, kLeast, -2) == Values{5, 3, 1});
  CHECK(one(kMost, 3, -1) == Values{5, 4});
  CHECK(one(-1, -7, -1) == Values{5, 4, 3, 2, 1, 0});
  CHECK(one(kMost, kLeast, kLeast) == Values{5});
  CHECK(compute(slice_model({6}, {3}, {3}, {0}, {1}), {count_to(6)}).empty());
  check_refused(slice_model({6}, {3}, {4}, {0}, {0}), ErrorCode::invalid_file, "step");
  check_refused(slice_model({6}, {3}, {4}, {1}, {1}), ErrorCode::invalid_file, "axis");
  check_refused(slice_model({6, 6}, {3, 3}, {4, 4}, {0, -2}, {1, 1}), ErrorCode::invalid_file, "twice");
  check_refused(slice_model({6}, {3, 1}, {4}, {0}, {1}), ErrorCode::invalid_file, "as many");
  ModelBuilder old(9);
  old.input("x", {2, 3}).output("y").node("Slice", {"x"}, {"y"}).with("starts", Ints{1}).with("ends", Ints{3}).with("axes", Ints{1});
  CHECK(compute_optimized(old, {count_to(6)}) == Values{1, 2, 4, 5});
}

TEST_CASE("Split: equal parts, given parts, a smaller last one") {
  ModelBuilder m;
  m.input("x", {kOpen, 6}).output("y").s64("parts", {1, 2, 3});
  m.node("Split", {"x", "parts"}, {"a", "b", "c"}).with("axis", -1);
  m.node("Concat", {"c", "a"}, {"y"}).with("axis", 1);
  const Graph g = must(m.import());
  CHECK(ops_of(g) == Strings{"Slice", "Slice", "Slice", "Concat"});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
  CHECK(compute_optimized(m, {count_to(12)}, 2) == Values{3, 4, 5, 0, 9, 10, 11, 6});
  ModelBuilder equal(11);
  equal.input("x", {6}).output("a").output("b").node("Split", {"x"}, {"a", "b"});
  CHECK(run(must(equal.import()), {count_to(6)})[1] == Values{3, 4, 5});
  ModelBuilder uneven(18);
  uneven.input("x", {5}).output("a").output("b").node("Split", {"x"}, {"a", "b"}).with("num_outputs", 2);
  CHECK(run(must(uneven.import()), {count_to(5)})[1] == Values{3, 4});
  ModelBuilder bad(13);
  bad.input("x", {5}).output("a").output("b").node("Split", {"x"}, {"a", "b"});
  check_refused(bad, ErrorCode::invalid_file, "equal parts");
  ModelBuilder wrong;
  wrong.input("x", {6}).output("a").output("b").s64("parts", {1, 2}).node("Split", {"x", "parts"}, {"a", "b"});
  check_refused(wrong, ErrorCode::invalid_file, "make up");
}

TEST_CASE("Pad: modes, values, axes, negative pads crop") {
  const auto model = [](const char* mode, const Ints& pads, bool value = false) {
    ModelBuilder m(18);
    m.input("x", {4}).output("y").s64("pads", pads).f32("v", {1}, {7});
    Strings inputs = {"x", "pads"};
    if (value) inputs.emplace_back("v");
    m.node("Pad", inputs, {"y"}).with("mode", mode);
    return m;
  };
  CHECK(compute_optimized(model("constant", {1, 2}, true), {count_to(4)}) == Values{7, 0, 1, 2, 3, 7, 7});
  CHECK(compute_optimized(model("constant", {-1, 1}), {count_to(4)}) == Values{1, 2, 3, 0});
  CHECK(compute_optimized(model("edge", {1, -2}), {count_to(4)}) == Values{0, 0, 1});
  CHECK(compute_optimized(model("reflect", {2, 1}), {count_to(4)}) == Values{2, 1, 0, 1, 2, 3, 2});
  check_refused(model("wrap", {1, 1}), ErrorCode::unsupported, "wrap");
  check_refused(model("constant", {-2, -2}), ErrorCode::unsupported, "everything");
  check_refused(model("constant", {1}), ErrorCode::invalid_file, "pads");
  ModelBuilder axes(18);
  axes.input("x", {1, 2, 2}).output("y").s64("pads", {1, 0}).s64("axes", {-1}).node("Pad", {"x", "pads", "", "axes"}, {"y"});
  CHECK(compute_optimized(axes, {count_to(4)}) == Values{0, 0, 1, 0, 2, 3});
}

TEST_CASE("images: Pad, Slice and Tile between convolutions leave no Transpose inside") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 4, 4}).output("y").random("w", {3, 2, 1, 1}).random("v", {2, 3, 3, 3});
  m.s64("pads", {0, 0, 1, 2, 0, 0, 1, 0}).s64("one", {1}).s64("six", {6}).s64("two", {2}).s64("repeats", {1, 1, 1, 2});
  m.node("Conv", {"x", "w"}, {"a"});
  m.node("Pad", {"a", "pads"}, {"b"});
  m.node("Slice", {"b", "one", "six", "two"}, {"c"});
  m.node("Tile", {"c", "repeats"}, {"d"});
  m.node("Conv", {"d", "v"}, {"y"});
  const Graph imported = must(m.import());
  Graph g = imported;
  must(octet::optimize(g));
  CHECK(ops_of(g) == Strings{"Transpose", "Conv", "Pad", "Slice", "Tile", "Conv", "Transpose"});
  const auto inputs = random_inputs(imported, 2);
  check_close(run(g, inputs, 2)[0], run(imported, inputs, 2)[0], 1e-6F);
}

TEST_CASE("DepthToSpace and SpaceToDepth are inverses; DCR and CRD differ") {
  const auto model = [](const char* op, const char* mode, const Shape& shape) {
    ModelBuilder m;
    m.input("x", shape).output("y");
    auto node = m.node(op, {"x"}, {"y"}).with("blocksize", 2);
    if (mode != nullptr) node.with("mode", mode);
    return m;
  };
  // Channels of 1 pixel [C, 1, 1] -> [C/4, 2, 2].
  CHECK(compute_optimized(model("DepthToSpace", "DCR", {1, 8, 1, 1}), {count_to(8)}) == Values{0, 2, 4, 6, 1, 3, 5, 7});
  CHECK(compute_optimized(model("DepthToSpace", "CRD", {1, 8, 1, 1}), {count_to(8)}) == Values{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(compute_optimized(model("SpaceToDepth", nullptr, {1, 2, 2, 2}), {count_to(8)}) == Values{0, 4, 1, 5, 2, 6, 3, 7});
  const auto there = compute_optimized(model("DepthToSpace", "DCR", {kOpen, 12, 3, 5}), {count_to(360)}, 2);
  CHECK(compute_optimized(model("SpaceToDepth", nullptr, {kOpen, 3, 6, 10}), {there}, 2) == count_to(360));
  check_refused(model("DepthToSpace", "DCR", {1, 6, 1, 1}), ErrorCode::invalid_file, "channels");
  check_refused(model("SpaceToDepth", nullptr, {1, 2, 3, 2}), ErrorCode::invalid_file, "blocks");
}

TEST_CASE("Gather takes constant indices and inputs of integers") {
  ModelBuilder m;
  m.input("ids", {kOpen, 3}, onnx::TensorProto::INT64).output("y").random("table", {5, 2});
  m.node("Gather", {"table", "ids"}, {"y"});
  const Graph g = must(m.import());
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].type == octet::Type::f32);
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
  ModelBuilder scalar;
  scalar.input("x", {kOpen, 3, 2}).output("y").tensor("last", {}, onnx::TensorProto::INT64)->add_int64_data(-1);
  scalar.node("Gather", {"x", "last"}, {"y"}).with("axis", 1);
  CHECK(compute_optimized(scalar, {count_to(12)}, 2) == Values{4, 5, 10, 11});
}

/// [n, c] -> shape arithmetic of its own -> [n, 2, c/2], as exporters write it.
ModelBuilder reshape_by_shape() {
  ModelBuilder m;
  m.input("x", {kOpen, 6}).output("y").s64("two", {2}).s64("rest", {-1});
  m.tensor("zero", {}, onnx::TensorProto::INT64)->add_int64_data(0);
  m.s64("axis", {0});
  m.node("Shape", {"x"}, {"shape"});
  m.node("Gather", {"shape", "zero"}, {"n"});
  m.node("Unsqueeze", {"n", "axis"}, {"n1"});
  m.node("Concat", {"n1", "two", "rest"}, {"wanted"}).with("axis", 0);
  m.node("Reshape", {"x", "wanted"}, {"y"});
  return m;
}

TEST_CASE("a Reshape to a shape that follows the batch keeps it free; its arithmetic is folded") {
  Graph g = must(reshape_by_shape().import());
  must(octet::optimize(g));
  CHECK(ops_of(g) == Strings{"Reshape"});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].shape == Shape{1, 2, 3});
  CHECK(g.source_nodes.size() == 5);
}

TEST_CASE("a constant of the batch's size is made for any batch") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 3}).output("y").s64("rest", {1, 3}).s64("axis", {0}).random("row", {1, 1, 3});
  m.tensor("zero", {}, onnx::TensorProto::INT64)->add_int64_data(0);
  m.node("Shape", {"x"}, {"shape"});
  m.node("Gather", {"shape", "zero"}, {"n"});
  m.node("Unsqueeze", {"n", "axis"}, {"n1"});
  m.node("Concat", {"n1", "rest"}, {"wanted"}).with("axis", 0);
  m.node("Expand", {"row", "wanted"}, {"rows"});
  m.node("Concat", {"rows", "x"}, {"y"}).with("axis", 1);
  Graph g = must(m.import());
  must(octet::optimize(g));
  CHECK(ops_of(g) == Strings{"Expand", "Concat"});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
  const Values y = run(g, {count_to(12)}, 2)[0];
  CHECK(Values(y.begin() + 3, y.begin() + 9) == count_to(6));
  CHECK(std::equal(y.begin(), y.begin() + 3, y.begin() + 9));
  // ConstantOfShape likewise, with the zero of its default.
  ModelBuilder zeros;
  zeros.input("x", {kOpen, 3}).output("y");
  zeros.node("Shape", {"x"}, {"shape"});
  zeros.node("ConstantOfShape", {"shape"}, {"z"});
  zeros.node("Add", {"x", "z"}, {"y"});
  CHECK(compute_optimized(zeros, {count_to(6)}, 2) == count_to(6));
}

TEST_CASE("values that follow the batch in other ways fix it") {
  ModelBuilder m;
  m.input("x", {kOpen, 2}).output("y").s64("axis", {0});
  m.node("Shape", {"x"}, {"shape"}).with("start", 0).with("end", 1);
  m.node("ConstantOfShape", {"shape"}, {"ones"});
  m.node("Unsqueeze", {"ones", "axis"}, {"row"});  // [1, n]
  m.node("Concat", {"row", "row"}, {"two"}).with("axis", 1);
  m.node("Add", {"x", "two"}, {"y"});
  const Graph g = must(m.import());
  CHECK_FALSE(g.tensors[static_cast<std::size_t>(g.inputs[0])].batched);
}

TEST_CASE("Size, Range and Shape's part are known at conversion") {
  ModelBuilder m(15);
  m.input("x", {2, 6}).output("y").output("r");
  m.tensor("start", {}, onnx::TensorProto::FLOAT)->add_float_data(1);
  m.tensor("limit", {}, onnx::TensorProto::FLOAT)->add_float_data(4);
  m.tensor("delta", {}, onnx::TensorProto::FLOAT)->add_float_data(0.5F);
  m.node("Shape", {"x"}, {"last"}).with("start", -1);
  m.node("Reshape", {"x", "last2"}, {"y"});
  m.proto.mutable_graph()->mutable_node(1)->set_input(1, "both");
  m.node("Range", {"start", "limit", "delta"}, {"r"});
  // Reshape to [2, last]: the nodes in order.
  m.s64("two", {2});
  auto* nodes = m.proto.mutable_graph()->mutable_node();
  m.node("Concat", {"two", "last"}, {"both"}).with("axis", 0);
  nodes->SwapElements(1, 3);
  const auto results = run(must(m.import()), {count_to(12)});
  CHECK(results[0] == count_to(12));
  CHECK(results[1] == Values{1, 1.5, 2, 2.5, 3, 3.5});
}

TEST_CASE("Squeeze and Unsqueeze pass through a Transpose of the layout") {
  // conv -> squeeze W -> unsqueeze W -> conv: nothing moves in between.
  ModelBuilder m;
  m.input("x", {kOpen, 3, 5, 1}).output("y").random("w", {4, 3, 3, 1}).random("v", {2, 4, 3, 1}).s64("axis", {3});
  m.node("Conv", {"x", "w"}, {"a"});
  m.node("Squeeze", {"a", "axis"}, {"b"});
  m.node("Relu", {"b"}, {"c"});
  m.node("Unsqueeze", {"c", "axis"}, {"d"});
  m.node("Conv", {"d", "v"}, {"y"});
  const Graph imported = must(m.import());
  Graph g = imported;
  must(octet::optimize(g));
  CHECK(std::ranges::count(ops_of(g), "Transpose") == 1);  // the output is one row, which needs none
  const auto inputs = random_inputs(imported, 2);
  check_close(run(g, inputs, 2)[0], run(imported, inputs, 2)[0], 1e-6F);
}

TEST_CASE("the batch may be on an inner axis inside, as where sequences come first") {
  ModelBuilder m;
  m.input("x", {kOpen, 3, 2}).output("y").random("w", {2, 4});
  m.node("Transpose", {"x"}, {"t"}).with("perm", Ints{1, 0, 2});
  m.node("Relu", {"t"}, {"r"});
  m.node("MatMul", {"r", "w"}, {"m"});
  m.node("Transpose", {"m"}, {"y"}).with("perm", Ints{1, 0, 2});
  Graph g = must(m.import());
  must(octet::optimize(g));
  CHECK(std::ranges::count(ops_of(g), "Transpose") == 0);
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
  ModelBuilder out;
  out.input("x", {kOpen, 3}).output("y").node("Transpose", {"x"}, {"y"}).with("perm", Ints{1, 0});
  Graph h = must(out.import());
  CHECK(octet::optimize(h).error().code == ErrorCode::unsupported);
}

}  // namespace
}  // namespace octet_test
