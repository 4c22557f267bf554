// The scale of attention: scores = q k^T / sqrt(d), written as a product or quotient before or after the multiplication.
#include <cmath>

#include "converter/passes/edit.h"
#include "converter/passes/passes.h"

namespace octet {
namespace {

class FoldScale {
 public:
  explicit FoldScale(Graph& graph) : graph_(graph), uses_(graph) {}

  void operator()() {
    for (Node& node : graph_.nodes) {
      if (node.op() != schema::Operator::MatMul) continue;
      for (int& input : node.inputs)
        while (fold_maker(node, input)) {
        }
      while (fold_reader(node)) {
      }
    }
    erase_removed(graph_);
  }

 private:
  /// The number that a node multiplies x, its other input, with; 0 where it is no such node.
  float factor_of(const Node& node, int& x) const {
    if (node.op() != schema::Operator::Mul) return 0;
    const auto& op = node.as<schema::MulT>();
    if (std::isfinite(op.clamp_min) || std::isfinite(op.clamp_max)) return 0;
    for (const std::size_t i : {0U, 1U}) {
      const Tensor& c = graph_.tensors[at(node.inputs[i])];
      x = node.inputs[1 - i];
      if (!c.constant() || c.type != Type::f32 || element_count(c.shape) != 1 || c.shape.size() > graph_.tensors[at(x)].shape.size()) continue;
      return c.data.as<float>()[0];
    }
    return 0;
  }

  bool scale(Node& product, float factor) {
    float& s = product.as<schema::MatMulT>().scale;
    const float scaled = s * factor;
    if (!std::isnormal(scaled)) return false;
    s = scaled;
    return true;
  }

  [[nodiscard]] bool moves_values(const Node& node) const {
    return node.op() == schema::Operator::Reshape || node.op() == schema::Operator::Transpose || node.op() == schema::Operator::Slice;
  }

  /// A factor before the product, seen through what moves values only.
  bool fold_maker(Node& product, int& input) {
    constexpr int kMostMoves = 4;
    int* place = &input;
    for (int moves = 0; moves <= kMostMoves; ++moves) {
      const int maker = uses_.maker(*place);
      if (maker < 0 || uses_.sole_reader(*place) < 0) return false;
      Node& node = graph_.nodes[at(maker)];
      if (node.outputs.empty()) return false;
      int x = kAbsent;
      if (const float factor = factor_of(node, x); factor != 0) {
        if (!scale(product, factor)) return false;
        merge_sources(product.sources, node.sources);
        node.outputs.clear();
        *place = x;
        return true;
      }
      if (!moves_values(node)) return false;
      place = &node.inputs[0];
    }
    return false;
  }

  bool fold_reader(Node& product) {
    const int reader = uses_.sole_reader(product.outputs[0]);
    int x = kAbsent;
    if (reader < 0 || !scale(product, factor_of(graph_.nodes[at(reader)], x))) return false;
    absorb(product, graph_.nodes[at(reader)]);
    return true;
  }

  Graph& graph_;
  Uses uses_;
};

}  // namespace

Result<void> fold_scale(Graph& graph) {
  FoldScale{graph}();
  return {};
}

}  // namespace octet
