// The table of supported operators, against the importers, the converter and the document.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "converter/onnx/importer.h"
#include "converter/onnx/support.h"
#include "support/operator_models.h"

namespace octet_test {
namespace {

using octet::Int8;
using octet::Support;

/// Whether the model's nodes made of the source "it" satisfy f.
template <class F>
bool all_of_it(const Graph& g, const F& f) {
  bool all = true;
  int count = 0;
  for (const octet::Node& n : g.nodes)
    for (const int s : n.sources) {
      if (g.source_nodes[static_cast<std::size_t>(s)].name != "it") continue;
      ++count;
      all = all && f(n);
    }
  return count > 0 && all;
}

/// In u8: what it reads, or its weights, which have that quantized at run time; or it only moves what it reads.
bool in_int8(const Graph& g, const octet::Node& n) {
  using octet::schema::Operator;
  const auto type = [&](std::size_t i) { return g.tensors[static_cast<std::size_t>(n.inputs[i])].type; };
  const bool moves = n.op() == Operator::Reshape || n.op() == Operator::Transpose || n.op() == Operator::Slice;
  return n.float_reason.empty() && (moves || type(0) == octet::Type::u8 || (n.inputs.size() > 1 && type(1) == octet::Type::s8));
}

void check_row(const Support& s, const Build& build) {
  const std::string name = s.onnx_operator;
  INFO(name);
  ModelBuilder m(22);
  build(m);
  const Graph imported = must(m.import());
  for (const octet::Node& n : imported.nodes)
    if (!n.sources.empty() && imported.source_nodes[static_cast<std::size_t>(n.sources[0])].name == "it")
      CHECK_MESSAGE(std::string(s.becomes).find(octet::name_of(n.op())) != std::string::npos, std::string(octet::name_of(n.op())));
  Graph g = imported;
  must(octet::optimize(g));
  const octet::Model model = quantized(g);
  const Graph& q = model.impl().graph;
  const auto input_type = [&](const octet::Node& n) { return q.tensors[static_cast<std::size_t>(n.inputs[0])].type; };
  switch (s.int8) {
    case Int8::yes:
      CHECK(all_of_it(q, [&](const octet::Node& n) { return in_int8(q, n); }));
      break;
    case Int8::moves:
      CHECK(all_of_it(q, [](const octet::Node& n) { return n.float_reason.empty(); }));
      break;
    case Int8::no:
      CHECK_FALSE(all_of_it(q, [](const octet::Node& n) { return n.float_reason.empty(); }));
      break;
    case Int8::whole:
      CHECK(all_of_it(q, [&](const octet::Node& n) { return n.float_reason.empty() && input_type(n) != octet::Type::f32; }));
      break;
    case Int8::gone:
      CHECK_FALSE(all_of_it(q, [](const octet::Node&) { return true; }));
      break;
  }
}

TEST_CASE("every importer has a row, every row an importer") {
  std::set<std::string> rows;
  std::string last;
  for (const Support& s : octet::supported_operators()) {
    CHECK(last < s.onnx_operator);  // sorted, once each
    last = s.onnx_operator;
    rows.insert(last);
    CHECK_MESSAGE(octet::importers().find(last) != nullptr, last);
  }
  for (const auto& row : octet::importers().rows()) CHECK_MESSAGE(rows.contains(row.first), row.first);
}

TEST_CASE("operators that compute places stay in float, every step of them") {
  for (const char* op : {"GridSample", "RoiAlign"}) {
    INFO(op);
    ModelBuilder m(22);
    operator_models().at(op)(m);
    Graph g = must(m.import());
    must(octet::optimize(g));
    const octet::Model model = quantized(g);
    const Graph& q = model.impl().graph;
    const auto is_u8 = [&](int t) { return t != octet::kAbsent && q.tensors[static_cast<std::size_t>(t)].type == octet::Type::u8; };
    CHECK(all_of_it(q, [&](const octet::Node& n) { return std::ranges::none_of(n.inputs, is_u8); }));
  }
}

TEST_CASE("each row is what the converter does") {
  const auto models = operator_models();
  for (const Support& s : octet::supported_operators()) {
    const auto found = models.find(s.onnx_operator);
    CHECK_MESSAGE(found != models.end(), s.onnx_operator);
    if (found != models.end()) check_row(s, found->second);
  }
}

TEST_CASE("docs/operators.md has the table") {
  std::ifstream file(std::string(OCTET_SOURCE_DIR) + "/docs/operators.md");
  std::stringstream text;
  text << file.rdbuf();
  CHECK_MESSAGE(text.str().find(octet::support_table()) != std::string::npos, "octet operators prints what belongs into docs/operators.md");
}

}  // namespace
}  // namespace octet_test
