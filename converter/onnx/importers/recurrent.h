// What LSTM and GRU share. Each direction becomes a FullyConnected, which multiplies all steps of the input at once, and the
// recurrent operator, which has the state's share; both work on [N, T, ...].
#pragma once

#include "converter/onnx/importer.h"

namespace octet {

struct RecurrentLayer {
  int x = kAbsent;  ///< [N, T, I]
  std::int64_t steps = 0, size = 0, gates = 0;
  int lengths = kAbsent;           ///< s32 [N]; kAbsent where all sequences have all steps
  bool batch_first = false;        ///< of the ONNX node's tensors
  std::vector<bool> reverse;       ///< of each direction
  std::size_t directions() const noexcept { return reverse.size(); }
};

/// Whether sequence_lens (input 4) is not there, or known and every sequence has every step.
[[nodiscard]] Result<bool> has_all_steps(NodeImport& node);

/// Reads inputs and attributes; everything that is not honoured is refused. `activations` are the defaults of one direction.
[[nodiscard]] Result<RecurrentLayer> read_recurrent(NodeImport& node, std::int64_t gates, const std::vector<std::string>& activations);

/// The same of what needs no constants: directions, layout, steps, sizes, lengths.
[[nodiscard]] Result<RecurrentLayer> read_recurrent_input(NodeImport& node, std::int64_t gates);

/// Unsupported if the activations of one direction are given and not these.
[[nodiscard]] Result<void> check_default_activations(NodeImport& node, const std::vector<std::string>& defaults, std::size_t directions);

/// The input's share of the gates, [N, T, gates * H]. `bias` [directions, 2 gates * H], if there is one, is the sum of both
/// halves, but that of the last `apart` H values only the first half.
[[nodiscard]] Result<int> emit_input_gates(NodeImport& node, const RecurrentLayer& layer, std::size_t direction, std::int64_t apart);

/// Rows of a direction of input `input` [directions, rows, columns].
[[nodiscard]] Result<int> derive_direction(NodeImport& node, std::size_t input, std::size_t direction);

/// The last H values of a direction's bias.
[[nodiscard]] Result<int> derive_last_bias(NodeImport& node, const RecurrentLayer& layer, std::size_t direction);

/// A direction's initial state [N, H]; kAbsent where it is zero.
[[nodiscard]] Result<int> initial_state(NodeImport& node, const RecurrentLayer& layer, std::size_t input, std::size_t direction);

/// Output `i` of the node out of one tensor for each direction: all steps [N, T, H], or last states [N, H].
[[nodiscard]] Result<void> emit_steps(NodeImport& node, const RecurrentLayer& layer, const std::vector<int>& of_direction);
[[nodiscard]] Result<void> emit_states(NodeImport& node, const RecurrentLayer& layer, std::size_t i, const std::vector<int>& of_direction);

}  // namespace octet
