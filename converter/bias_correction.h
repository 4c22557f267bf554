// Bias correction: the mean error quantization causes in each output channel of a product goes into its bias.
#pragma once

#include <functional>
#include <vector>

#include "converter/calibrate.h"
#include "engine/graph.h"
#include "octet/converter.hpp"

namespace octet {

/// Samples the means are taken over, at most; fewer where the quantized tensors of so many would not fit into a fixed amount of memory.
inline constexpr std::int64_t kCorrectionSamples = 256;

/// The graph of a float model with corrected biases, for quantize_graph() with the same ranges. Layer by layer, in order: the mean of
/// a product's output channel, before its clamp, in the quantized graph whose earlier products are corrected already, is brought
/// to that in the float graph (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
/// section 4.2, with means measured instead of derived). Products without a bias get one.
///
/// Samples for which `held_out(first, count)` says so are not used where there are enough others. `options.normalization` is not
/// used: samples are real values. The result does not depend on options.threads.
[[nodiscard]] Result<Graph> correct_biases(const Model& model, const std::vector<Range>& ranges, const Samples& samples,
                                           const QuantizeOptions& options,
                                           const std::function<bool(std::int64_t first, std::int64_t count)>& held_out = {});

}  // namespace octet
