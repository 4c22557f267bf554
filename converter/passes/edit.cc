#include "converter/passes/edit.h"

#include <algorithm>

namespace octet {
namespace {

// More nodes become one only in files made to exhaust memory: a long chain would keep a list for each of its links.
constexpr std::size_t kMaxSources = 64;

}  // namespace

Uses::Uses(const Graph& graph)
    : maker_(graph.tensors.size(), -1), reader_(graph.tensors.size(), -1), reads_(graph.tensors.size(), 0) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const int t : graph.nodes[n].outputs) maker_[at(t)] = static_cast<int>(n);
    for (const int t : graph.nodes[n].inputs) {
      if (t == kAbsent) continue;
      reader_[at(t)] = static_cast<int>(n);
      ++reads_[at(t)];
    }
  }
  for (const int t : graph.outputs) reads_[at(t)] += 2;  // never sole
}

void merge_sources(std::vector<int>& sources, const std::vector<int>& more) {
  for (const int s : more) {
    if (sources.size() == kMaxSources) return;
    if (std::ranges::find(sources, s) == sources.end()) sources.push_back(s);
  }
}

void absorb(Node& first, Node& last) {
  first.outputs = std::move(last.outputs);
  last.outputs.clear();
  merge_sources(first.sources, last.sources);
}

void erase_removed(Graph& graph) {
  std::erase_if(graph.nodes, [](const Node& node) { return node.outputs.empty(); });
}

Live find_live(const Graph& graph) {
  Live live{std::vector<bool>(graph.nodes.size()), std::vector<bool>(graph.tensors.size())};
  for (const int t : graph.outputs) live.tensors[at(t)] = true;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    live.nodes[n] = std::ranges::any_of(node.outputs, [&](int t) { return live.tensors[at(t)]; });
    if (!live.nodes[n]) continue;
    for (const int t : node.outputs) live.tensors[at(t)] = true;  // whoever reads them
    for (const int t : node.inputs)
      if (t != kAbsent) live.tensors[at(t)] = true;
  }
  for (const int t : graph.inputs) live.tensors[at(t)] = true;
  return live;
}

CopyBudget::CopyBudget(const Graph& graph) {
  for (const Tensor& t : graph.tensors)
    if (t.constant()) left_ += 2 * t.data.bytes().size();
}

}  // namespace octet
