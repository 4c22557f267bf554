// If with a condition that is known at conversion.
#include <doctest/doctest.h>

#include <algorithm>

#include "converter_models.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using Strings = std::vector<std::string>;
using Values = std::vector<float>;

onnx::GraphProto* branch(NodeBuilder& node, const char* name) { return node.add(name, onnx::AttributeProto::GRAPH)->mutable_g(); }

void add_node(onnx::GraphProto* g, const std::string& op, const Strings& inputs, const Strings& outputs) {
  onnx::NodeProto* n = g->add_node();
  n->set_op_type(op);
  for (const std::string& i : inputs) n->add_input(i);
  for (const std::string& o : outputs) n->add_output(o);
}

void add_f32(onnx::GraphProto* g, const std::string& name, float value) {
  onnx::TensorProto* t = g->add_initializer();
  t->set_name(name);
  t->set_data_type(onnx::TensorProto::FLOAT);
  t->add_float_data(value);
}

void condition(ModelBuilder& m, const std::string& name, bool value) { m.tensor(name, {}, onnx::TensorProto::BOOL)->add_int32_data(value ? 1 : 0); }

/// y = condition ? (x + 1) * 2 : -x. Both branches call what they make by the same names; "offset" is the model's.
ModelBuilder choice(bool value) {
  ModelBuilder m;
  m.input("x", {kOpen, 3}).f32("offset", {}, {1}).output("y");
  condition(m, "c", value);
  NodeBuilder n = m.node("If", {"c"}, {"y"}).named("choose");
  onnx::GraphProto* yes = branch(n, "then_branch");
  add_f32(yes, "factor", 2);
  add_node(yes, "Add", {"x", "offset"}, {"t"});
  add_node(yes, "Mul", {"t", "factor"}, {"r"});
  yes->add_output()->set_name("r");
  onnx::GraphProto* no = branch(n, "else_branch");
  add_node(no, "Neg", {"x"}, {"r"});
  no->add_output()->set_name("r");
  return m;
}

void check_refused(const ModelBuilder& m, ErrorCode code, const Strings& words) {
  const auto result = m.import();
  REQUIRE_FALSE(result.has_value());
  INFO(result.error().text());
  CHECK(result.error().code == code);
  for (const std::string& word : words) CHECK(result.error().text().find(word) != std::string::npos);
}

TEST_CASE("the branch that is taken stands in the place of the node") {
  CHECK(run(must(choice(true).import()), {{1, 2, 3}})[0] == Values{4, 6, 8});
  CHECK(run(must(choice(false).import()), {{1, 2, 3}})[0] == Values{-1, -2, -3});
  const Graph g = must(choice(true).import());
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].name == "y");
  CHECK(g.source_nodes.size() == 3);
  CHECK(g.source_nodes[0].op_type == "If");
  for (const auto& n : g.nodes) CHECK(n.sources.size() <= 1);
}

TEST_CASE("the condition may be computed from shapes") {
  ModelBuilder m;
  m.input("x", {kOpen, 1, 3}).output("y").s64("axis", {1}).s64("one", {1});
  m.node("Shape", {"x"}, {"shape"});
  m.node("Gather", {"shape", "axis"}, {"size"});
  m.node("Equal", {"size", "one"}, {"c"});
  NodeBuilder n = m.node("If", {"c"}, {"y"});
  onnx::GraphProto* yes = branch(n, "then_branch");
  add_node(yes, "Squeeze", {"x", "axis"}, {"r"});
  yes->add_output()->set_name("r");
  onnx::GraphProto* no = branch(n, "else_branch");
  add_node(no, "NoSuchOperator", {"x"}, {"r"});  // is not looked at
  no->add_output()->set_name("r");
  const Graph g = must(m.import());
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].shape == octet::Shape{1, 3});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].batched);
}

TEST_CASE("two nodes may use the same names in their branches, which others outside may have, too") {
  ModelBuilder m;
  m.input("x", {1, 2}).output("y");
  condition(m, "c", true);
  m.node("Neg", {"x"}, {"r"});
  Strings parts;
  for (const std::string part : {"a", "b"}) {
    NodeBuilder n = m.node("If", {"c"}, {part});
    for (const char* name : {"then_branch", "else_branch"}) {
      onnx::GraphProto* g = branch(n, name);
      add_f32(g, "k", part == "a" ? 10.0F : 100.0F);
      add_node(g, "Mul", {"r", "k"}, {"s"});
      g->add_output()->set_name("s");
    }
  }
  m.node("Sum", {"a", "b", "r"}, {"y"});
  CHECK(run(must(m.import()), {{1, 2}})[0] == Values{-111, -222});
}

TEST_CASE("a branch within a branch reads what surrounds both") {
  ModelBuilder m;
  m.input("x", {1, 2}).output("y");
  condition(m, "c", true);
  condition(m, "d", false);
  NodeBuilder outer = m.node("If", {"c"}, {"y"});
  onnx::GraphProto* unused = branch(outer, "else_branch");
  add_node(unused, "Identity", {"x"}, {"r"});
  unused->add_output()->set_name("r");
  onnx::GraphProto* g = branch(outer, "then_branch");
  add_f32(g, "two", 2);
  add_node(g, "Mul", {"x", "two"}, {"twice"});
  add_node(g, "If", {"d"}, {"r"});
  NodeBuilder inner(g->mutable_node(1));
  for (const char* name : {"then_branch", "else_branch"}) {
    onnx::GraphProto* b = branch(inner, name);
    add_node(b, name[0] == 't' ? "Neg" : "Abs", {"twice"}, {"r"});
    b->add_output()->set_name("r");
  }
  g->add_output()->set_name("r");
  CHECK(run(must(m.import()), {{-3, 4}})[0] == Values{6, 8});
}

TEST_CASE("a branch may be a constant or an input, as the model's output, too") {
  ModelBuilder m;
  m.input("x", {1, 2}).output("y").output("z");
  condition(m, "c", false);
  NodeBuilder n = m.node("If", {"c"}, {"y", "z"});
  for (const char* name : {"then_branch", "else_branch"}) {
    onnx::GraphProto* g = branch(n, name);
    add_f32(g, "k", name[0] == 't' ? 1.0F : 5.0F);
    g->add_output()->set_name("k");
    g->add_output()->set_name("x");
  }
  const auto y = run(must(m.import()), {{7, 8}});
  CHECK(y[0] == Values{5});
  CHECK(y[1] == Values{7, 8});
}

TEST_CASE("what is refused, naming the node") {
  ModelBuilder data = choice(true);
  data.proto.mutable_graph()->clear_initializer();
  data.f32("offset", {}, {1}).input("c", {}, onnx::TensorProto::BOOL);
  check_refused(data, ErrorCode::unsupported, {"choose", "condition", "constant"});

  ModelBuilder number = choice(true);
  for (auto& t : *number.proto.mutable_graph()->mutable_initializer())
    if (t.name() == "c") t.clear_int32_data(), t.set_data_type(onnx::TensorProto::FLOAT), t.add_float_data(1);
  check_refused(number, ErrorCode::invalid_file, {"choose", "one bool"});

  const auto edit = [](int attribute, const std::function<void(onnx::GraphProto*)>& change) {
    ModelBuilder m = choice(true);
    change(m.proto.mutable_graph()->mutable_node(0)->mutable_attribute(attribute)->mutable_g());
    return m;
  };
  check_refused(edit(0, [](auto* g) { g->add_output()->set_name("t"); }), ErrorCode::invalid_file, {"choose", "outputs"});
  check_refused(edit(1, [](auto* g) { g->clear_output(); }), ErrorCode::invalid_file, {"choose", "else_branch"});
  check_refused(edit(0, [](auto* g) { g->add_input()->set_name("i"); }), ErrorCode::invalid_file, {"choose", "inputs"});
  check_refused(edit(0, [](auto* g) { g->mutable_node(1)->set_output(0, "t"); }), ErrorCode::invalid_file, {"choose", "twice"});
  check_refused(edit(0, [](auto* g) { g->mutable_node(0)->set_input(0, "nothing"); }), ErrorCode::invalid_file, {"choose", "'nothing' does not exist"});
  check_refused(edit(0, [](auto* g) { g->mutable_node(0)->set_input(0, "choose/r"); }), ErrorCode::invalid_file, {"choose", "cycle"});
  check_refused(edit(0, [](auto* g) { g->mutable_node(0)->set_input(0, "y"); }), ErrorCode::invalid_file, {"choose", "cycle"});
  check_refused(edit(0, [](auto* g) { g->mutable_node(0)->set_op_type("NoSuchOperator"); }), ErrorCode::unsupported, {"choose", "NoSuchOperator"});
  check_refused(edit(0, [](auto* g) { g->mutable_output(0)->set_name("nowhere"); }), ErrorCode::invalid_file, {"choose", "nowhere"});

  ModelBuilder missing = choice(true);
  missing.proto.mutable_graph()->mutable_node(0)->mutable_attribute()->RemoveLast();
  check_refused(missing, ErrorCode::invalid_file, {"choose", "else_branch"});
  ModelBuilder text = choice(true);
  auto* a = text.proto.mutable_graph()->mutable_node(0)->mutable_attribute(0);
  a->set_type(onnx::AttributeProto::STRING), a->clear_g(), a->set_s("then");
  check_refused(text, ErrorCode::invalid_file, {"choose", "then_branch", "graph"});

  ModelBuilder deep;
  deep.input("x", {1, 2}).output("y");
  condition(deep, "c", true);
  onnx::GraphProto* g = deep.proto.mutable_graph();
  add_node(g, "If", {"c"}, {"y"});
  for (int level = 0; level < 12; ++level) {
    NodeBuilder n(g->mutable_node(0));
    onnx::GraphProto* other = branch(n, "else_branch");
    add_node(other, "Neg", {"x"}, {"r"});
    other->add_output()->set_name("r");
    g = branch(n, "then_branch");
    g->add_output()->set_name("r");
    add_node(g, level == 11 ? "Neg" : "If", {level == 11 ? "x" : "c"}, {"r"});
  }
  check_refused(deep, ErrorCode::unsupported, {"deeper"});
}

}  // namespace
}  // namespace octet_test
