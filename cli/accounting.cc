#include "cli/accounting.h"

#include "engine/session.h"

namespace octet::cli {
namespace {

/// How a node's own arithmetic is typed: by what it reads, or u8 where s8 weights have it quantized first.
Type arithmetic(const Graph& graph, const Node& node) {
  const auto type = [&](std::size_t i) { return graph.tensors[static_cast<std::size_t>(node.inputs[i])].type; };
  const bool product = node.op() == schema::Operator::Conv || node.op() == schema::Operator::FullyConnected;
  return product && type(1) == Type::s8 ? Type::u8 : type(0);
}

}  // namespace

std::vector<SourceAccount> account(const Session& session) {
  const Session::Impl& impl = session.impl();
  const Graph& graph = impl.graph();
  std::vector<SourceAccount> accounts;
  for (const SourceNode& s : graph.source_nodes) accounts.push_back({s.name, s.op_type, "", "folded", "", "", "", 0});
  std::vector<const Step*> step_of(graph.nodes.size(), nullptr);
  for (const auto& planned : impl.steps) step_of[planned.node] = &planned.step;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (std::size_t k = 0; k < node.sources.size(); ++k) {
      SourceAccount& a = accounts[static_cast<std::size_t>(node.sources[k])];
      a.type = name_of(arithmetic(graph, node));
      // A node without a step shares its input's memory.
      a.kernel = step_of[n] != nullptr ? step_of[n]->kernel : "none (shares memory)";
      a.isa = kernels::name_of(step_of[n] != nullptr ? step_of[n]->isa : kernels::Isa::reference);
      a.reason = node.float_reason;
      if (k > 0) a.fused_into = graph.source_nodes[static_cast<std::size_t>(node.sources[0])].name;
      if (k == 0) a.macs = find_operator(node.op())->macs(NodeView(graph, node, impl.shapes));
    }
  }
  return accounts;
}

AccountCounts count(const std::vector<SourceAccount>& accounts) {
  AccountCounts c;
  for (const SourceAccount& a : accounts)
    ++(a.type == "folded" ? c.folded : a.type == "f32" ? c.float_ : a.type == name_of(Type::u8) ? c.int8 : c.integer);
  return c;
}

std::string text_of(const AccountCounts& c) {
  const auto part = [](std::size_t n, const char* what) { return std::to_string(n) + " " + what; };
  return part(c.int8, "int8, ") + part(c.float_, "float, ") + (c.integer == 0 ? "" : part(c.integer, "integer, ")) + part(c.folded, "folded");
}

}  // namespace octet::cli
