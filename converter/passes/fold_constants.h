// Nodes of constants are computed once, here, by the engine's reference kernels: the result does not depend on the
// machine that converts.
#pragma once

#include "engine/operator.h"

namespace octet {

/// What folding may cost in total, so that a small file cannot ask for unbounded memory or time.
class FoldBudget {
 public:
  /// For a model with this many bytes of constants.
  explicit FoldBudget(std::uint64_t constant_bytes) : elements_((std::uint64_t{1} << 22U) + constant_bytes) {}

  /// For so many more.
  void grow(std::uint64_t constant_bytes) noexcept { elements_ += constant_bytes; }

  /// Whether the node still fits (its output's shape is known); if so, its cost is taken off.
  [[nodiscard]] bool take(schema::Operator op, const NodeView& node);
  /// The same for so many elements that cost nothing to compute.
  [[nodiscard]] bool take(std::uint64_t elements);

 private:
  std::uint64_t elements_;  ///< of outputs
  std::uint64_t macs_ = std::uint64_t{1} << 30U;
};

[[nodiscard]] bool all_inputs_constant(const Graph& graph, const Node& node);

/// The outputs of a node of constants.
[[nodiscard]] Result<std::vector<Constant>> evaluate(const Graph& graph, const Node& node);
/// What an operator makes of a constant: like it, of another shape.
[[nodiscard]] Result<Tensor> evaluate(const Tensor& constant, schema::OperatorUnion op, Shape shape);

}  // namespace octet
