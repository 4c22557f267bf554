// Bias correction: the mean error quantization causes in each output channel of a product goes into its bias.
#pragma once

#include <vector>

#include "converter/calibrate.h"
#include "engine/graph.h"
#include "octet/converter.hpp"

namespace octet {

/// The graph of a float model with corrected biases, for quantize_graph() with the same ranges. Layer by layer, in order: a product's
/// mean output per channel, before its clamp, of the quantized graph whose earlier products are corrected already, is brought to
/// that of the float graph (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section
/// 4.2, with means measured instead of derived). Measured on up to kCorrectionSamples samples, spread evenly, held at once.
/// Products without a bias get one. `options.normalization` is not used: samples are real values. Independent of options.threads.
[[nodiscard]] Result<Graph> correct_biases(const Model& model, const std::vector<Range>& ranges, const Samples& samples,
                                           const QuantizeOptions& options);

/// Samples the means are taken over, at most.
inline constexpr std::int64_t kCorrectionSamples = 64;

}  // namespace octet
