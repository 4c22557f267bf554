// Functions spelt out by exporters become the one node they are.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "converter/passes/passes.h"
#include "converter_models.h"

namespace octet_test {
namespace {

using octet::schema::Function;
using Strings = std::vector<std::string>;

/// y = an expression of x, written with the helpers below; every node is called after its output.
struct Expression {
  ModelBuilder m{16};
  int count = 0;

  Expression() { m.input("x", {kOpen, 64}); }
  std::string number(float v) {
    m.f32("c" + std::to_string(++count), {}, {v});
    return "c" + std::to_string(count);
  }
  std::string node(const std::string& op, const Strings& inputs) {
    const std::string name = "n" + std::to_string(++count);
    m.node(op, inputs, {name}).named(name);
    return name;
  }
  std::string add(const std::string& a, const std::string& b) { return node("Add", {a, b}); }
  std::string mul(const std::string& a, const std::string& b) { return node("Mul", {a, b}); }
  std::string div(const std::string& a, const std::string& b) { return node("Div", {a, b}); }
  std::string clip(const std::string& x, float a, float b) { return node("Clip", {x, number(a), number(b)}); }

  /// Optimized, and compared with the model as it was on values that reach far out.
  Graph finish(const std::string& y) {
    m.node("Identity", {y}, {"y"});
    m.output("y");
    const Graph imported = must(m.import());
    Graph g = imported;
    must(octet::optimize(g));
    std::vector<float> x;
    for (int i = -64; i < 64; ++i) x.push_back(static_cast<float>(i) * 0.15F);
    check_close(run(g, {x}, 2)[0], run(imported, {x}, 2)[0], 1e-5F);
    return g;
  }
  /// The function it must have become, with every source accounted for.
  octet::schema::PointwiseT one(const std::string& y) {
    const Graph g = finish(y);
    Strings ops = ops_of(g);
    std::erase(ops, "Reshape");  // the output's own name
    REQUIRE(ops == Strings{"Pointwise"});
    CHECK(g.nodes[0].sources.size() == g.source_nodes.size() - 1);
    return g.nodes[0].as<octet::schema::PointwiseT>();
  }
};

TEST_CASE("Gelu with erf, in the orders exporters write") {
  for (const int form : {0, 1, 2, 3}) {
    CAPTURE(form);
    Expression e;
    const std::string scaled = form == 0 ? e.div("x", e.number(1.41421356F)) : e.mul("x", e.number(0.70710678F));
    const std::string share = e.add(e.node("Erf", {scaled}), e.number(1));
    std::string y;
    if (form == 0) y = e.mul(e.mul("x", share), e.number(0.5F));
    if (form == 1) y = e.mul(e.mul("x", e.number(0.5F)), share);
    if (form == 2) y = e.mul("x", e.mul(share, e.number(0.5F)));
    if (form == 3) y = e.div(e.mul(share, "x"), e.number(2));
    CHECK(e.one(y).function == Function::Gelu);
  }
}

TEST_CASE("Gelu with tanh, its cube as a power or as products") {
  for (const int form : {0, 1, 2}) {
    CAPTURE(form);
    Expression e;
    const std::string cube = form == 0   ? e.node("Pow", {"x", e.number(3)})
                             : form == 1 ? e.mul("x", e.mul("x", "x"))
                                         : e.mul(e.node("Pow", {"x", e.number(2)}), "x");
    const std::string inner = e.mul(e.number(0.79788456F), e.add("x", e.mul(cube, e.number(0.044715F))));
    const std::string y = e.mul(e.mul("x", e.number(0.5F)), e.add(e.node("Tanh", {inner}), e.number(1)));
    CHECK(e.one(y).function == Function::GeluTanh);
  }
}

TEST_CASE("the other activations") {
  {
    Expression e;
    CHECK(e.one(e.mul("x", e.node("Sigmoid", {"x"}))).function == Function::Silu);
  }
  {
    Expression e;  // of a scaled x
    const auto op = e.one(e.mul("x", e.node("Sigmoid", {e.mul("x", e.number(1.702F))})));
    CHECK(op.function == Function::Swish);
    CHECK(op.a == doctest::Approx(1.702));
  }
  {
    Expression e;
    CHECK(e.one(e.div("x", e.add(e.node("Exp", {e.node("Neg", {"x"})}), e.number(1)))).function == Function::Silu);
  }
  {
    Expression e;
    CHECK(e.one(e.div(e.mul("x", e.clip(e.add("x", e.number(3)), 0, 6)), e.number(6))).function == Function::HardSwish);
  }
  {
    Expression e;
    CHECK(e.one(e.mul("x", e.div(e.clip(e.add("x", e.number(3)), 0, 6), e.number(6)))).function == Function::HardSwish);
  }
  {
    Expression e;
    const auto op = e.one(e.div(e.clip(e.add("x", e.number(3)), 0, 6), e.number(6)));
    CHECK(op.function == Function::HardSigmoid);
    CHECK(op.a == doctest::Approx(1.0 / 6));
    CHECK(op.b == doctest::Approx(0.5));
  }
  {
    Expression e;
    CHECK(e.one(e.mul("x", e.node("Tanh", {e.node("Softplus", {"x"})}))).function == Function::Mish);
  }
  {
    Expression e;
    CHECK(e.one(e.mul("x", e.node("Tanh", {e.node("Log", {e.add(e.node("Exp", {"x"}), e.number(1))})}))).function == Function::Mish);
  }
  {
    Expression e;
    CHECK(e.one(e.node("Log", {e.add(e.node("Exp", {"x"}), e.number(1))})).function == Function::Softplus);
  }
  {
    Expression e;  // Keras writes it so: relu(x) - 0.25 relu(-x)
    const std::string negative = e.mul(e.node("Relu", {e.node("Neg", {"x"})}), e.number(0.25F));
    const auto op = e.one(e.node("Sub", {e.node("Relu", {"x"}), negative}));
    CHECK(op.function == Function::LeakyRelu);
    CHECK(op.a == doctest::Approx(0.25));
  }
  {
    Expression e;
    const auto op = e.one(e.node("Min", {e.node("Max", {"x", e.number(-1)}), e.number(2)}));
    CHECK(op.function == Function::Clip);
    CHECK(op.a == -1);
    CHECK(op.b == 2);
  }
  {
    Expression e;
    CHECK(e.one(e.node("Max", {"x", e.node("Neg", {"x"})})).function == Function::Abs);
  }
}

TEST_CASE("what only looks similar stays as it is") {
  {
    Expression e;  // the 0.5 is missing
    const std::string share = e.add(e.node("Erf", {e.mul("x", e.number(0.70710678F))}), e.number(1));
    CHECK(ops_of(e.finish(e.mul("x", share))).size() > 3);
  }
  {
    Expression e;  // a gate of another tensor
    e.m.input("z", {kOpen, 64});
    e.m.node("Mul", {"x", e.node("Sigmoid", {"z"})}, {"y"});
    Graph g = must(e.m.output("y").import());
    must(octet::optimize(g));
    CHECK(ops_of(g) == Strings{"Pointwise", "Mul"});
  }
  {
    ModelBuilder m;  // one number for each channel is none
    m.input("x", {kOpen, 3}).output("y").f32("three", {3}, {3, 3, 3.5F}).f32("low", {}, {0}).f32("six", {}, {6});
    m.node("Add", {"x", "three"}, {"a"});
    m.node("Clip", {"a", "low", "six"}, {"c"});
    m.node("Div", {"c", "six"}, {"d"});
    m.node("Mul", {"x", "d"}, {"y"});
    Graph g = must(m.import());
    must(octet::optimize(g));
    CHECK(ops_of(g) == Strings{"Add", "Mul", "Mul"});
  }
  {
    ModelBuilder m;  // broadcast on the way
    m.input("x", {kOpen, 1}).input("z", {kOpen, 4}).output("y").f32("four", {4}, {1, 1, 1, 1});
    m.node("Mul", {"x", "four"}, {"a"});
    m.node("Sigmoid", {"a"}, {"s"});
    m.node("Mul", {"x", "s"}, {"y"});
    Graph g = must(m.import());
    must(octet::optimize(g));
    CHECK(ops_of(g) == Strings{"Mul", "Pointwise", "Mul"});
  }
}

TEST_CASE("what others read stays, too") {
  Expression e;
  const std::string gate = e.node("Sigmoid", {"x"});
  const std::string y = e.mul("x", gate);
  e.m.output(gate);
  const Graph g = e.finish(y);
  Strings ops = ops_of(g);
  std::erase(ops, "Reshape");
  CHECK(ops == Strings{"Pointwise", "Pointwise"});
  CHECK(g.nodes[0].sources == std::vector<int>{0});
  CHECK(g.nodes[1].sources == std::vector<int>{1});
  CHECK(g.nodes[1].as<octet::schema::PointwiseT>().function == Function::Silu);
}

TEST_CASE("a function inside a larger expression is found") {
  Expression e;
  const std::string gelu = e.mul(e.mul("x", e.number(0.5F)), e.add(e.node("Erf", {e.mul("x", e.number(0.70710678F))}), e.number(1)));
  const Graph g = e.finish(e.node("Exp", {e.mul(gelu, e.number(-0.3F))}));
  Strings ops = ops_of(g);
  std::erase(ops, "Reshape");
  CHECK(ops == Strings{"Pointwise", "Mul", "Pointwise"});
  CHECK(g.nodes[0].as<octet::schema::PointwiseT>().function == Function::Gelu);
}

TEST_CASE("scales, shifts and clamps after a convolution become part of it") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 3, 3}).output("y").random("w", {2, 2, 1, 1}).f32("third", {}, {0.33F}).f32("half", {}, {0.5F});
  m.f32("low", {}, {0}).f32("high", {}, {1});
  m.node("Conv", {"x", "w"}, {"c"});
  m.node("Mul", {"c", "third"}, {"s"});
  m.node("Add", {"s", "half"}, {"t"});
  m.node("Clip", {"t", "low", "high"}, {"y"});
  Graph g = must(m.import());
  must(octet::optimize(g));
  CHECK(ops_of(g) == Strings{"Transpose", "Conv", "Transpose"});
}

TEST_CASE("long chains take time in proportion to their length") {
  ModelBuilder m;
  m.input("x", {1, 4}).f32("c", {}, {1.001F});
  std::string last = "x";
  for (int i = 0; i < 20'000; ++i) {
    const std::string next = "v" + std::to_string(i);
    m.node(i % 2 == 0 ? "Mul" : "Add", {last, "c"}, {next});
    last = next;
  }
  m.output(last);
  Graph g = must(m.import());
  must(octet::optimize(g));
  CHECK(g.nodes.size() == 20'000);
}

}  // namespace
}  // namespace octet_test
