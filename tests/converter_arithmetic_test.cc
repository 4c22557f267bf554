// Arithmetic, comparisons and casts of ONNX models: what they become, values worked out by hand.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "converter/passes/passes.h"
#include "support/import_checks.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;
using octet::Type;

/// y = op(a, b), a an input of 3 values, b an input or a constant.
ModelBuilder two(const std::string& op, const Values& constant = {}, int opset = 13) {
  ModelBuilder m(opset);
  m.input("a", {3}).output("y");
  if (constant.empty())
    m.input("b", {3});
  else
    m.f32("b", {static_cast<std::int64_t>(constant.size())}, constant);
  m.node(op, {"a", "b"}, {"y"});
  return m;
}

TEST_CASE("two inputs") {
  const std::vector<Values> x = {{6, -3, 0.5F}, {2, 4, 0.25F}};
  CHECK(compute(two("Sub"), x) == Values{4, -7, 0.25F});
  CHECK(compute(two("Div"), x) == Values{3, -0.75F, 2});
  CHECK(compute(two("Min"), x) == Values{2, -3, 0.25F});
  CHECK(compute(two("Max"), x) == Values{6, 4, 0.5F});
  CHECK(compute(two("Pow"), x) == Values{36, 81, std::pow(0.5F, 0.25F)});
  CHECK(compute(two("PRelu"), x) == Values{6, -12, 0.5F});
  CHECK(compute(two("Sum"), x) == Values{8, 1, 0.75F});
  CHECK(compute(two("Mean"), x) == Values{4, 0.5F, 0.375F});
}

TEST_CASE("constants make simpler operators") {
  const auto ops = [](const ModelBuilder& m) { return ops_of(must(m.import())); };
  const auto function = [](const ModelBuilder& m) { return must(m.import()).nodes[0].as<octet::schema::PointwiseT>().function; };
  using octet::schema::Function;
  const Values x = {6, -3, 0.5F};
  CHECK(ops(two("Sub", {1})) == Strings{"Add"});
  CHECK(compute(two("Sub", {1, 2, 3}), {x}) == Values{5, -5, -2.5F});
  CHECK(ops(two("Div", {4})) == Strings{"Mul"});
  CHECK(compute(two("Div", {4, 2, 0.5F}), {x}) == Values{1.5F, -1.5F, 1});
  CHECK(ops(two("Div", {4, 0, 1})) == Strings{"Binary"});
  CHECK(compute(two("Div", {4, 0, 1}), {x}) == Values{1.5F, -std::numeric_limits<float>::infinity(), 0.5F});
  CHECK(function(two("Min", {2})) == Function::Clip);
  CHECK(compute(two("Min", {2}), {x}) == Values{2, -3, 0.5F});
  CHECK(function(two("Max", {2})) == Function::Clip);
  CHECK(compute(two("Max", {2}), {x}) == Values{6, 2, 2});
  CHECK(ops(two("Min", {2, 3, 4})) == Strings{"Binary"});
  CHECK(function(two("PRelu", {0.5F})) == Function::LeakyRelu);
  CHECK(compute(two("PRelu", {0.5F}), {x}) == Values{6, -1.5F, 0.5F});
  CHECK(ops(two("PRelu", {0.5F, 1, 2})) == Strings{"Binary"});
  CHECK(ops(two("Pow", {2})) == Strings{"Mul"});
  CHECK(compute(two("Pow", {2}), {x}) == Values{36, 9, 0.25F});
  CHECK(function(two("Pow", {0.5F})) == Function::Sqrt);
  CHECK(function(two("Pow", {-1})) == Function::Reciprocal);
  CHECK(function(two("Pow", {3})) == Function::Power);
  CHECK(compute(two("Pow", {3}), {x}) == Values{216, -27, 0.125F});
  CHECK(ops(two("Pow", {1, 2, 3})) == Strings{"Binary"});
}

TEST_CASE("an exponent may be an integer, a bound come first") {
  ModelBuilder m;
  m.input("x", {2}).output("y").s64("two", {2});
  m.node("Pow", {"x", "two"}, {"y"});
  CHECK(compute(m, {{3, -4}}) == Values{9, 16});
  ModelBuilder first;
  first.input("x", {2}).output("y").f32("bound", {}, {1});
  first.node("Max", {"bound", "x"}, {"y"});
  CHECK(ops_of(must(first.import())) == Strings{"Pointwise"});
  CHECK(compute(first, {{3, -4}}) == Values{3, 1});
  ModelBuilder one;
  one.input("x", {2}).output("y").f32("one", {}, {1});
  one.node("Div", {"one", "x"}, {"y"});
  CHECK(ops_of(must(one.import())) == Strings{"Pointwise"});
  CHECK(compute(one, {{4, -0.5F}}) == Values{0.25F, -2});
}

TEST_CASE("any number of inputs, one included") {
  const auto y = [](const std::string& op, int count) {
    ModelBuilder m;
    std::vector<std::string> names;
    std::vector<Values> values;
    for (int i = 0; i < count; ++i) {
      names.push_back("x" + std::to_string(i));
      m.input(names.back(), i == 1 ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{2});
      values.push_back(i == 1 ? Values{-7} : Values{static_cast<float>(i), static_cast<float>(-10 * i)});
    }
    m.output("y").node(op, names, {"y"});
    return compute(m, values);
  };
  CHECK(y("Sum", 1) == Values{0, 0});
  CHECK(y("Sum", 4) == Values{-2, -57});
  CHECK(y("Mean", 4) == Values{-0.5F, -14.25F});
  CHECK(y("Min", 4) == Values{-7, -30});
  CHECK(y("Max", 4) == Values{3, 0});
}

TEST_CASE("integers: sizes are computed with them, at conversion") {
  ModelBuilder m;
  m.input("x", {kOpen, 6}).output("y").s64("three", {3}).s64("one", {1}).s64("zero", {0});
  m.node("Shape", {"x"}, {"shape"});
  m.node("Gather", {"shape", "one"}, {"width"});
  m.node("Div", {"width", "three"}, {"third"});
  m.node("Mul", {"third", "three"}, {"six"});
  m.node("Sub", {"six", "three"}, {"three_again"});
  m.node("Add", {"three_again", "zero"}, {"size"});
  m.node("Max", {"size", "third"}, {"most"});
  m.node("Gather", {"shape", "zero"}, {"batch"});
  m.node("Concat", {"batch", "third", "most"}, {"wanted"}).with("axis", 0);
  m.node("Reshape", {"x", "wanted"}, {"y"});
  const Graph g = must(m.import());
  CHECK(ops_of(g) == Strings{"Reshape"});
  CHECK(output_of(g, 0).shape == Shape{1, 2, 3});
  CHECK(output_of(g, 0).batched);
}

TEST_CASE("comparisons, logic, Where and Cast") {
  ModelBuilder m(16);
  m.input("a", {4}).input("b", {4}).output("y");
  m.node("Greater", {"a", "b"}, {"greater"});
  m.node("LessOrEqual", {"a", "b"}, {"less"});
  m.node("Equal", {"a", "b"}, {"equal"});
  m.node("Not", {"equal"}, {"unequal"});
  m.node("And", {"less", "unequal"}, {"strictly"});
  m.node("Or", {"greater", "strictly"}, {"either"});
  m.node("Xor", {"either", "greater"}, {"only_less"});
  m.node("Cast", {"only_less"}, {"one"}).with("to", onnx::TensorProto::FLOAT);
  m.node("Where", {"greater", "a", "one"}, {"y"});
  CHECK(compute(m, {{5, 2, 3, 0}, {4, 3, 3, -1}}) == Values{5, 1, 0, 0});
  for (const char* op : {"Less", "GreaterOrEqual"}) {
    ModelBuilder n(16);
    n.input("a", {3}).input("b", {3}).output("y");
    n.node(op, {"a", "b"}, {"c"});
    n.node("CastLike", {"c", "a"}, {"y"});
    CHECK(compute(n, {{1, 2, 3}, {2, 2, 2}}) == (std::string(op) == "Less" ? Values{1, 0, 0} : Values{0, 1, 1}));
  }
}

TEST_CASE("integers of a byte are compared") {
  using T = onnx::TensorProto;
  for (const int type : {T::UINT8, T::INT8}) {
    ModelBuilder m(16);
    m.input("a", {3}).output("y");
    m.node("Cast", {"a"}, {"bytes"}).with("to", type);
    m.node("Cast", {"bound"}, {"least"}).with("to", type);
    m.node("GreaterOrEqual", {"bytes", "least"}, {"c"});
    m.node("Cast", {"c"}, {"y"}).with("to", T::FLOAT);
    m.f32("bound", {}, {2});
    CHECK(compute(m, {{1, 2, 127}}) == Values{0, 1, 1});
  }
}

TEST_CASE("Cast to what it is already is nothing, to a half float as well") {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  m.node("Cast", {"x"}, {"h"}).with("to", onnx::TensorProto::FLOAT16);
  m.node("Cast", {"h"}, {"s"}).with("to", onnx::TensorProto::INT64);
  m.node("Cast", {"s"}, {"f"}).with("to", onnx::TensorProto::FLOAT);
  m.node("Neg", {"f"}, {"y"});
  const Graph g = must(m.import());
  CHECK(ops_of(g) == Strings{"Cast", "Cast", "Pointwise"});
  CHECK(run(g, {{1.75F, -2.5F}})[0] == Values{-1, 2});
}

TEST_CASE("refused, naming node and reason") {
  const auto with_types = [](const std::string& op, int a, int b, const std::vector<std::int64_t>& shape = {2}) {
    ModelBuilder m(16);
    m.input("a", {2}, a).input("b", shape, b).output("y").node(op, {"a", "b"}, {"y"}).named("it");
    return m;
  };
  using T = onnx::TensorProto;
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Min", "Max", "Less", "Sum"}) {
    check_refused(with_types(op, T::FLOAT, T::FLOAT, {3}), ErrorCode::invalid_file, "broadcast");
    check_refused(with_types(op, T::FLOAT, T::FLOAT, {3}), ErrorCode::invalid_file, "'it' (" + std::string(op) + ")");
    check_refused(with_types(op, T::FLOAT, T::INT64), ErrorCode::invalid_file, "'it'");
  }
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Min", "Max"})
    check_refused(with_types(op, T::BOOL, T::BOOL), ErrorCode::unsupported, "it computes in bool");
  check_refused(with_types("And", T::FLOAT, T::FLOAT), ErrorCode::invalid_file, "And of f32");
  check_refused(with_types("Less", T::BOOL, T::BOOL), ErrorCode::invalid_file, "Less of bool");
  check_refused(with_types("Less", T::UINT8, T::INT8), ErrorCode::invalid_file, "one type");
  check_refused(with_types("MatMul", T::INT32, T::INT32), ErrorCode::unsupported, "its inputs are s32, not f32");
  ModelBuilder gemm(16);
  gemm.input("a", {2, 2}, T::INT64).input("b", {2, 2}, T::INT64).output("y").node("Gemm", {"a", "b"}, {"y"});
  check_refused(gemm, ErrorCode::unsupported, "its inputs are s64, not f32");
  check_refused(with_types("Pow", T::UINT8, T::INT64), ErrorCode::unsupported, "its base is u8");
  check_refused(with_types("Mod", T::FLOAT, T::FLOAT), ErrorCode::unsupported, "fmod=1");
  check_refused(with_types("Add", T::UINT8, T::INT8), ErrorCode::invalid_file, "u8 and s8");
  check_refused(with_types("PRelu", T::INT32, T::INT32), ErrorCode::unsupported, "s32, not f32");
  check_refused(with_types("PRelu", T::FLOAT, T::FLOAT, {3, 2}), ErrorCode::invalid_file, "does not fit into 2");
  const auto cast = [](const std::function<void(NodeBuilder&)>& set) {
    ModelBuilder m;
    m.input("x", {2}).output("y");
    NodeBuilder n = m.node("Cast", {"x"}, {"y"});
    set(n);
    return m;
  };
  check_refused(cast([](NodeBuilder&) {}), ErrorCode::invalid_file, "no attribute 'to'");
  check_refused(cast([](NodeBuilder& n) { n.with("to", T::STRING); }), ErrorCode::unsupported, "STRING");
  check_refused(cast([](NodeBuilder& n) { n.with("to", std::int64_t{1} << 40); }), ErrorCode::invalid_file, "its to is");
  ModelBuilder where;
  where.input("c", {2}).input("a", {2}).input("b", {2}).output("y").node("Where", {"c", "a", "b"}, {"y"});
  check_refused(where, ErrorCode::invalid_file, "condition must be bool");
  ModelBuilder zero;
  zero.input("x", {2}).output("y").s64("a", {1}).s64("b", {0});
  zero.node("Div", {"a", "b"}, {"c"}).named("by zero");
  zero.node("Reshape", {"x", "c"}, {"y"});
  check_refused(zero, ErrorCode::invalid_file, "divided by 0");
  CHECK(zero.import().error().where == "node 0 'by zero' (Div)");
}

TEST_CASE("in images, constants follow the layout") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 2, 2}).output("y").random("w", {3, 2, 1, 1}).f32("slope", {3, 1, 1}, {0.5F, 2, -1}).f32("limit", {3, 1, 1}, {0.1F, 0.2F, 0.3F});
  m.node("Conv", {"x", "w"}, {"c"});
  m.node("PRelu", {"c", "slope"}, {"p"});
  m.node("Max", {"p", "limit"}, {"q"});
  m.node("Conv", {"q", "w2"}, {"y"});
  m.random("w2", {1, 3, 1, 1});
  Graph g = must(m.import());
  const auto inputs = random_inputs(g, 2);
  const auto before = run(g, inputs, 2);
  must(octet::optimize(g));
  CHECK(ops_of(g) == Strings{"Transpose", "Conv", "Binary", "Binary", "Conv", "Reshape"});
  check_close(run(g, inputs, 2)[0], before[0], 1e-6F);
}

}  // namespace
}  // namespace octet_test
