// What LSTM and GRU share: sizes, checks, and the product of the state with its weights, which is a FullyConnected's step on a
// graph of its own.
#pragma once

#include "engine/ops/common.h"

namespace octet {

/// x [N, T, gates * H], weights [gates * H, H].
struct RecurrentSizes {
  std::int64_t rows, steps, size;
};
[[nodiscard]] RecurrentSizes recurrent_sizes(const NodeView& node);

/// Shapes of y [N, T, H] and `states` states [N, H], after checking those of the first two inputs, which `gates` says, and of
/// the initial states, inputs `first_state` and on.
[[nodiscard]] Result<std::vector<Shape>> infer_recurrent(const NodeView& node, std::int64_t gates, std::size_t first_state, std::size_t states);

/// Every tensor is f32, but the weights may be s8.
[[nodiscard]] Result<void> check_recurrent(const NodeView& node);

/// h [N, H] times rows [first, first + count) of the weights. Errors are those FullyConnected has with such weights.
class StateProduct {
 public:
  StateProduct(const NodeView& node, std::int64_t first, std::int64_t count);

  [[nodiscard]] Result<void> check() const;
  [[nodiscard]] Result<Step> prepare(const PrepareOptions& options) const;

  /// Tensors of the step: where h is and where the product goes.
  static constexpr int kState = 0;
  static constexpr int kProduct = 2;
  static constexpr int kTensors = 3;

 private:
  Graph graph_;
  std::vector<Shape> shapes_;
};

/// Runs a step of StateProduct.
[[nodiscard]] inline const char* multiply_state(const Step& step, const float* h, float* product, const Buffers& b) noexcept {
  // Inputs are only read: the table of addresses is shared with what is written.
  std::byte* tensors[StateProduct::kTensors] = {reinterpret_cast<std::byte*>(const_cast<float*>(h)), nullptr, reinterpret_cast<std::byte*>(product)};
  return step.function(step.parameters.get(), {tensors, b.scratch, b.lane});
}

/// Copies an initial state, or zeros.
void start_state(const Buffers& buffers, int tensor, std::int64_t elements, float* to) noexcept;

[[nodiscard]] constexpr std::size_t aligned_floats(std::int64_t count) noexcept { return (static_cast<std::size_t>(count) * sizeof(float) + 63) / 64 * 64; }

}  // namespace octet
