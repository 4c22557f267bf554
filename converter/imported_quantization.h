// What the quantize and dequantize steps of an imported graph say about its f32 tensors, and the integers its weights were.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/graph.h"

namespace octet {

/// For each f32 tensor that every reader quantizes in one way, directly or behind nodes that keep the scale: that quantization.
[[nodiscard]] std::vector<Quantization> find_imported(const Graph& graph);

/// s8 weights [O, ...] and bias of a Conv or FullyConnected, at the source's scales, zero-points subtracted: w = q - z. Or both times a
/// power of two for each channel, where that brings the bias closer to that of the source.
struct ImportedWeights {
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;  ///< at s_x * s_w[c]; empty where there is none
  Quantization quant;
  /// More than 1 where some w is not s8: each row of the last axis is there so often, first w clamped to s8, then what that leaves of it.
  int parts = 1;
};

/// Why there are none; empty if there are. `x` quantizes the input, `y`, if present, the output.
[[nodiscard]] std::string lacks_imported_weights(const Graph& graph, const Node& node, const Quantization& x, const Quantization& y);
/// For nodes that lack nothing.
[[nodiscard]] ImportedWeights imported_weights(const Graph& graph, const Node& node, const Quantization& x, const Quantization& y);

/// The u8 quantization with which a constant is bytes and nothing is lost: the source's, where it had one scale there and still is made of
/// the source's integers, or that of one number, a single step.
[[nodiscard]] std::optional<Quantization> exact_bytes(const Tensor& constant);

}  // namespace octet
