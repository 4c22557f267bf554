#include "cli/accounting.h"

#include <map>

#include "engine/session.h"

namespace octet::cli {
namespace {

/// How a node's own arithmetic is typed: by what it reads, or u8 where s8 weights have it quantized first.
Type arithmetic(const Graph& graph, const Node& node) {
  const auto type = [&](std::size_t i) { return graph.tensors[static_cast<std::size_t>(node.inputs[i])].type; };
  using schema::Operator;
  const bool product = node.op() == Operator::Conv || node.op() == Operator::FullyConnected || node.op() == Operator::LSTM || node.op() == Operator::GRU;
  return product && type(1) == Type::s8 ? Type::u8 : type(0);
}

/// Accounts under way: a source node may own several nodes, of which the one with the most work speaks for it.
class Accounting {
 public:
  explicit Accounting(const Session& session) : impl_(session.impl()), graph_(impl_.graph()), step_of_(graph_.nodes.size(), nullptr) {
    for (const SourceNode& s : graph_.source_nodes) accounts_.push_back({s.name, s.op_type, "", "", "", "folded", "", "", "", 0});
    owner_work_.assign(accounts_.size(), 0);
    for (const auto& planned : impl_.steps) {
      step_of_[planned.node] = &planned.step;
      if (!planned.tail) continue;
      step_of_[*planned.tail] = &planned.step;
      done_by_[*planned.tail] = planned.node;
    }
  }

  std::vector<SourceAccount> operator()() && {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      for (std::size_t k = 0; k < graph_.nodes[n].sources.size(); ++k) add(n, k);
    return std::move(accounts_);
  }

 private:
  /// Source number k of node n.
  void add(std::size_t n, std::size_t k) {
    const Node& node = graph_.nodes[n];
    const auto s = static_cast<std::size_t>(node.sources[k]);
    SourceAccount& a = accounts_[s];
    const std::uint64_t macs = k == 0 ? find_operator(node.op())->macs(NodeView(graph_, node, impl_.shapes)) : 0;
    a.macs += macs;
    if (a.reason.empty()) a.reason = node.float_reason;
    // An own node before one it only became part of; a step before none; products before the rest.
    const std::uint64_t work = (k == 0 ? 2U : 1U) + (k == 0 && step_of_[n] != nullptr ? 1U : 0U) + macs;
    if (work < owner_work_[s]) return;
    owner_work_[s] = work;
    a.octet_op = name_of(node.op());
    a.type = name_of(arithmetic(graph_, node));
    // A node without a step shares its input's memory.
    a.kernel = step_of_[n] != nullptr ? step_of_[n]->kernel : "none (shares memory)";
    a.why = step_of_[n] != nullptr ? why_of(*step_of_[n]) : "";
    a.isa = kernels::name_of(step_of_[n] != nullptr ? step_of_[n]->isa : kernels::Isa::reference);
    const std::size_t owner = done_by_.contains(n) ? done_by_.at(n) : n;
    a.fused_into = k == 0 && owner == n ? "" : name_of_source(graph_.nodes[owner]);
  }

  [[nodiscard]] std::string name_of_source(const Node& node) const {
    return node.sources.empty() ? node.name : graph_.source_nodes[static_cast<std::size_t>(node.sources[0])].name;
  }

  const Session::Impl& impl_;
  const Graph& graph_;
  std::vector<const Step*> step_of_;
  std::map<std::size_t, std::size_t> done_by_;  // of a node that is another one's tail, that one
  std::vector<SourceAccount> accounts_;
  std::vector<std::uint64_t> owner_work_;  // of the node that speaks for each source; 0: none yet
};

}  // namespace

std::string why_of(const Step& step) {
  if (!step.why.empty()) return step.why;
  return step.isa == kernels::Isa::reference ? "plain loops: there is no other kernel for it" : "the one its family has for this instruction set";
}

std::vector<SourceAccount> account(const Session& session) { return Accounting(session)(); }

MacCounts count_macs(const std::vector<SourceAccount>& accounts) {
  MacCounts c;
  for (const SourceAccount& a : accounts) (a.type == name_of(Type::f32) ? c.float_ : c.int8) += a.macs;
  return c;
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
