// The ranges a model is quantized with: of the strategy asked for, or of the one that is best for this model.
#pragma once

#include <string>
#include <vector>

#include "converter/calibrate.h"
#include "octet/converter.hpp"

namespace octet {

/// Name of the choice itself.
inline constexpr const char* kAutoCalibrator = "auto";

/// By how many dB another strategy must beat minmax at the outputs: what is less is within the noise of a sample of the data.
inline constexpr double kClearlyBetterDb = 0.5;

struct CalibratedRanges {
  std::vector<Range> ranges;  ///< by tensor
  std::string calibrator;     ///< a strategy's name
  std::string options;        ///< its parameters, in words
};

/// Observes `samples` and chooses the range of every tensor. With "auto", quantizes the model with the ranges of each strategy
/// and keeps the one whose outputs, on part of the samples, have the highest SQNR against the float model's (of several
/// outputs: by the mean of their noise-to-signal ratios); minmax if none is better by kClearlyBetterDb. The part is spread
/// evenly over the samples and has up to 256 of them, fewer for large models.
[[nodiscard]] Result<CalibratedRanges> calibrated_ranges(const Model& model, const Samples& samples, const QuantizeOptions& options);

}  // namespace octet
