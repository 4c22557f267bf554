// Recurrent layers as the steps they are, one after the other: RNN, and LSTM and GRU where their operators do not do (weights that are
// computed, peepholes, sequences of different lengths).
#pragma once

#include "converter/onnx/importers/recurrent.h"

namespace octet {

enum class Cell { rnn, gru, lstm };

/// Whether weights and bias are constants.
[[nodiscard]] bool has_constant_weights(const NodeImport& node);

[[nodiscard]] Result<void> import_unrolled(NodeImport& node, Cell cell);

}  // namespace octet
