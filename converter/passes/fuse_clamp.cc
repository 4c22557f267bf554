#include <algorithm>
#include <cmath>

#include "converter/passes/edit.h"
#include "converter/passes/passes.h"

namespace octet {
namespace {

/// The clamp of an operator that has one.
struct Clamp {
  float* min = nullptr;
  float* max = nullptr;
};

template <class T>
Clamp clamp_in(Node& node) {
  return {&node.as<T>().clamp_min, &node.as<T>().clamp_max};
}

Clamp clamp_of(Node& node) {
  switch (node.op()) {
    case schema::Operator::Conv:
      return clamp_in<schema::ConvT>(node);
    case schema::Operator::FullyConnected:
      return clamp_in<schema::FullyConnectedT>(node);
    case schema::Operator::Add:
      return clamp_in<schema::AddT>(node);
    case schema::Operator::Sub:
      return clamp_in<schema::SubT>(node);
    case schema::Operator::Mul:
      return clamp_in<schema::MulT>(node);
    default:
      return {};
  }
}

const schema::PointwiseT* as_clip(const Node& node) {
  if (node.op() != schema::Operator::Pointwise) return nullptr;
  const auto& op = node.as<schema::PointwiseT>();
  return op.function == schema::Function::Clip ? &op : nullptr;
}

}  // namespace

Result<void> fuse_clamp(Graph& graph) {
  const Uses uses(graph);
  for (Node& node : graph.nodes) {
    if (node.outputs.empty()) continue;
    const Clamp clamp = clamp_of(node);
    if (clamp.min == nullptr) continue;
    for (;;) {
      const int reader = uses.sole_reader(node.outputs[0]);
      if (reader < 0) break;
      Node& next = graph.nodes[static_cast<std::size_t>(reader)];
      const schema::PointwiseT* clip = as_clip(next);
      if (clip == nullptr) break;
      // min(max(y, a), b) of y in [min, max]; as Clip itself, b wins where a > b.
      *clamp.min = std::min(std::max(*clamp.min, clip->a), clip->b);
      *clamp.max = std::min(std::max(*clamp.max, clip->a), clip->b);
      absorb(node, next);
    }
  }
  erase_removed(graph);
  return {};
}

}  // namespace octet
