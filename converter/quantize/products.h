// Operators with weights: to s8, with their biases to s32.
#pragma once

#include "converter/quantize/quantized_graph.h"

namespace octet {

/// Conv and FullyConnected.
[[nodiscard]] Result<void> add_product(QuantizedGraph& to, const Node& node, const QuantizeOptions& options);
/// The same with weights that were integers in the source, and stay those.
void add_imported_product(QuantizedGraph& to, const Node& node);
/// LSTM and GRU. The state is quantized at run time, step by step; its weights now.
[[nodiscard]] Result<void> add_recurrent(QuantizedGraph& to, const Node& node, const QuantizeOptions& options);

}  // namespace octet
