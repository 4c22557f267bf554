#include "converter/passes/edit.h"
#include "converter/passes/passes.h"

namespace octet {

Result<void> remove_dead(Graph& graph) {
  const Live live = find_live(graph);
  std::vector<int> moved_to(graph.tensors.size(), kAbsent);
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    if (!live.tensors[i]) continue;
    moved_to[i] = static_cast<int>(tensors.size());
    tensors.push_back(std::move(graph.tensors[i]));
  }
  std::vector<Node> nodes;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (live.nodes[n]) nodes.push_back(std::move(graph.nodes[n]));
  const auto renumber = [&](std::vector<int>& indices) {
    for (int& i : indices)
      if (i != kAbsent) i = moved_to[static_cast<std::size_t>(i)];
  };
  for (Node& node : nodes) {
    renumber(node.inputs);
    renumber(node.outputs);
  }
  renumber(graph.inputs);
  renumber(graph.outputs);
  graph.tensors = std::move(tensors);
  graph.nodes = std::move(nodes);
  return {};
}

}  // namespace octet
