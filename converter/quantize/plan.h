// What each tensor of a float graph will be in int8, decided before anything is written.
#pragma once

#include <vector>

#include "converter/observe/range.h"
#include "engine/graph.h"
#include "octet/converter.hpp"

namespace octet {

struct QuantizationPlan {
  /// By tensor: its scale and zero-point as u8. Not present where the source of an imported graph has none.
  std::vector<Quantization> parameters;
  /// By tensor: whether it stays f32 at no cost, straight from the accumulators of a product or moved from there.
  std::vector<bool> stays_real;
  /// By node, see find_given_masks(); all false for an imported graph.
  std::vector<bool> given_masks;
  /// Whether the parameters are the source's own.
  bool imported = false;
};

/// By the ranges of its tensors. Tensors on both sides of an operator that keeps the scale share one range: the union of theirs.
[[nodiscard]] QuantizationPlan plan_quantization(const Graph& graph, std::vector<Range> ranges, bool symmetric_activations);

/// By what the graph's own quantize steps say.
[[nodiscard]] QuantizationPlan plan_imported(const Graph& graph);

}  // namespace octet
