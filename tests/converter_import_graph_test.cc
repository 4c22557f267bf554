// ONNX models -> float graphs: inputs, outputs, constants, and nodes that are nothing.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "support/import_checks.h"

namespace octet_test {
namespace {

using octet::ErrorCode;

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

}  // namespace
}  // namespace octet_test
