// Which channels of a float graph may be scaled without changing what the graph computes.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/graph.h"

namespace octet {

/// A channel is an index of the last axis of a computed f32 tensor. Channels that the operators between them pass on with
/// their factor (ReLU, pools, Add, Concat, flattening ...) must be scaled alike: they are one variable. A variable is free
/// if its factor can be made up for by the rows (weights and bias) of the products that write its channels and the
/// columns of those that read them; then any positive factor leaves the outputs of the graph as they are.
///
/// Pinned instead, at factor 1, is whatever meets something of absolute size: inputs and outputs of the graph, a clamp at
/// a value other than 0 (ReLU6; but see through_bounds), functions as Sigmoid, an Add of a constant, operators this file does not list. So are
/// both sides of a product whose constants have other readers.
class ChannelScales {
 public:
  /// through_bounds: as if a product's clamp between 0 and a bound (ReLU6) scaled, too. It does if every channel's bound gets the
  /// channel's factor; see bounded().
  explicit ChannelScales(const Graph& graph, bool through_bounds = false);

  /// The variables, -1 for pinned ones, of a tensor's channels.
  [[nodiscard]] std::vector<int> variables(int tensor) const;
  /// Variables are numbered from 0.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// The finite bound above 0 of a product that is clamped at 0 and there; 0 if it is another clamp, or none.
  [[nodiscard]] static float bounded(const Node& product) noexcept;

 private:
  void visit(const Node& node);
  void visit_product(const Node& node);
  void visit_add(const Node& node);
  void visit_mul(const Node& node);
  void visit_concat(const Node& node);
  void visit_reshape(const Node& node);
  void visit_transpose(const Node& node);
  void visit_pointwise(const Node& node);

  [[nodiscard]] bool constant(int tensor) const;
  [[nodiscard]] std::int64_t width(int tensor) const;
  [[nodiscard]] int find(int channel);
  /// Every channel i of `wide`, from `first` on, is channel i modulo its width of `narrow`.
  void tie(int narrow, int wide, std::int64_t first, std::int64_t count);
  void pin(int tensor);
  void pin_all(const Node& node);

  const Graph& graph_;
  bool through_bounds_;
  std::vector<int> reads_;  ///< of each tensor
  std::vector<int> base_;   ///< of each tensor: where its channel 0 is in parent_; -1 where it has no channels
  std::vector<int> parent_;
  std::vector<int> variable_;  ///< of each root; -1 if pinned
  std::vector<bool> pinned_;
  std::size_t count_ = 0;
};

}  // namespace octet
