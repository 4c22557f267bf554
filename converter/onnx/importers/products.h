// What Gemm and MatMul share: either operand may be constant or not, and so they become a FullyConnected or a MatMul.
#pragma once

#include "converter/onnx/importer.h"

namespace octet {

/// Products of integers, which ONNX has, are unsupported.
[[nodiscard]] Result<void> refuse_integers(const NodeImport& node, int a, int b);

/// x W^T + bias with constant weights; `rows_are_outputs`: the right operand is [N, K] already, else [K, N]. Its elements are
/// multiplied by `factor`. Returns weights [N, K].
[[nodiscard]] Result<int> derive_weights(NodeImport& node, bool rows_are_outputs, float factor);

/// Whether the right operand is a constant matrix.
[[nodiscard]] bool has_weights(const NodeImport& node);

}  // namespace octet
