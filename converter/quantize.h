// A float graph and the ranges of its tensors to a quantized graph.
#pragma once

#include <vector>

#include "converter/calibrate.h"
#include "engine/graph.h"
#include "octet/converter.hpp"

namespace octet {

/// Every node that has an int8 form gets it; quantize and dequantize steps appear only where the two meet. Float tensors'
/// names stay with their quantized forms; graph inputs and outputs keep name and order.
[[nodiscard]] Result<Graph> quantize_graph(const Graph& graph, const std::vector<Range>& ranges, const QuantizeOptions& options);

/// The int8 form of an imported graph that holds Quantize and Dequantize nodes: operators between the two compute on the integers,
/// scales and zero-points are the source's; everything else stays in float, with a reason.
[[nodiscard]] Result<Graph> quantize_imported_graph(const Graph& graph, const QuantizeOptions& options);

/// What Provenance::calibrator says of a model that came quantized.
inline constexpr const char* kImported = "imported";

/// What Provenance::repair says of an equalized graph, and of one with corrected biases.
inline constexpr const char* kEqualized = "equalize";
inline constexpr const char* kEqualizedThroughBounds = "equalize-relu6";
inline constexpr const char* kBiasCorrected = "bias";

/// The model with its channels equalized (passes/equalize.cc), through ReLU6, too, if asked for; the model itself where they are
/// balanced.
[[nodiscard]] Result<Model> equalized(const Model& model, bool through_bounds = false);

/// The float graph whose tensors a quantized model of this provenance has: equalized as it was.
[[nodiscard]] Result<Model> equalized_as(const Model& model, const Provenance& quantized);

/// What follows a graph input's or output's name in the name of its quantized twin.
inline constexpr const char* kQuantizedSuffix = "_quantized";

}  // namespace octet
