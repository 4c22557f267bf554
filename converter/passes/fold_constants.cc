#include "converter/passes/fold_constants.h"

#include <algorithm>

#include "converter/passes/passes.h"
#include "engine/model.h"
#include "engine/session.h"

namespace octet {
namespace {

/// Elements that could be computed in the time it takes to set up the computation of one.
constexpr std::uint64_t kLeastCost = 256;

/// The time these take depends on their windows, which a file may make as large as it likes; constant images are rare.
bool has_window(schema::Operator op) noexcept {
  return op == schema::Operator::Conv || op == schema::Operator::MaxPool || op == schema::Operator::AveragePool;
}

/// The node alone: its inputs are the graph's constants, its outputs the graph's outputs.
Graph graph_of(const Graph& graph, const Node& node) {
  Graph alone;
  Node copy = node;
  copy.sources.clear();
  for (int& i : copy.inputs) {
    if (i == kAbsent) continue;
    alone.tensors.push_back(graph.tensors[at(i)]);
    i = static_cast<int>(alone.tensors.size()) - 1;
  }
  for (int& i : copy.outputs) {
    alone.tensors.push_back(graph.tensors[at(i)]);
    i = static_cast<int>(alone.tensors.size()) - 1;
  }
  alone.outputs = copy.outputs;
  alone.nodes.push_back(std::move(copy));
  return alone;
}

}  // namespace

bool FoldBudget::take(schema::Operator op, const NodeView& node) {
  if (has_window(op)) return false;
  std::uint64_t elements = kLeastCost;
  for (std::size_t i = 0; i < node.output_count(); ++i)
    elements = std::max(elements, static_cast<std::uint64_t>(element_count(node.output_shape(i))));
  if (elements > elements_) return false;
  const std::uint64_t macs = find_operator(op)->macs(node);
  if (macs > macs_) return false;
  elements_ -= elements;
  macs_ -= macs;
  return true;
}

bool all_inputs_constant(const Graph& graph, const Node& node) {
  return std::ranges::all_of(node.inputs, [&](int i) { return i == kAbsent || graph.tensors[at(i)].constant(); });
}

bool FoldBudget::take(std::uint64_t elements) {
  if (elements > elements_) return false;
  elements_ -= elements;
  return true;
}

Result<std::vector<Constant>> evaluate(const Graph& graph, const Node& node) {
  OCTET_TRY(const Model model, make_model(graph_of(graph, node)));
  OCTET_TRY(Session session, model.session({.isa = "reference"}));
  std::vector<Constant> results;
  std::vector<OutputTensor> targets;
  for (const TensorInfo& output : session.outputs()) {
    const std::size_t bytes = output.size_bytes();
    auto memory = std::make_shared<std::vector<std::uint64_t>>((bytes + 7) / 8);  // aligned for every type
    targets.emplace_back(memory->data(), bytes, output.type);
    const std::span<const std::byte> content = std::as_bytes(std::span(*memory)).first(bytes);
    results.emplace_back(std::move(memory), content);
  }
  // A step that fails on the file's own constants is the file's fault; the caller names the node.
  if (auto ok = session.run({}, targets); !ok) return ok.error().where.empty() ? std::move(ok).error() : invalid(ok.error().message);
  return results;
}

Result<Tensor> evaluate(const Tensor& constant, schema::OperatorUnion op, Shape shape) {
  Tensor made = constant;
  made.shape = std::move(shape);
  made.data = {};
  Graph graph;
  graph.tensors = {constant, made};
  OCTET_TRY(auto data, evaluate(graph, Node{{}, std::move(op), {0}, {1}, {}, {}}));
  made.data = std::move(data[0]);
  return made;
}

Result<void> fold_constants(Graph& graph) {
  OCTET_TRY(const std::vector<Shape> shapes, infer_shapes(graph, 1));
  std::vector<bool> is_output(graph.tensors.size());
  for (const int i : graph.outputs) is_output[at(i)] = true;
  std::uint64_t constant_bytes = 0;
  for (const Tensor& t : graph.tensors) constant_bytes += t.data.bytes().size();
  FoldBudget budget(constant_bytes);
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    // The engine wants the graph's outputs written by nodes.
    const bool folds = std::ranges::none_of(node.outputs, [&](int i) { return is_output[at(i)]; }) &&
                       all_inputs_constant(graph, node) && budget.take(node.op(), NodeView(graph, node, shapes));
    if (!folds) {
      kept.push_back(std::move(node));
      continue;
    }
    auto evaluated = evaluate(graph, node);
    if (!evaluated) return std::move(evaluated).error().in("'" + node.name + "' (" + name_of(node.op()) + ")");
    std::vector<Constant> data = *std::move(evaluated);
    for (std::size_t k = 0; k < data.size(); ++k) graph.tensors[at(node.outputs[k])].data = std::move(data[k]);
  }
  graph.nodes = std::move(kept);
  return {};
}

}  // namespace octet
