// The ranges a model is quantized with: of the strategy asked for, or of the one that is best for this model.
#pragma once

#include <string>
#include <vector>

#include "converter/calibrate.h"
#include "converter/output_error.h"
#include "octet/converter.hpp"

namespace octet {

/// Name of the choice itself.
inline constexpr const char* kAutoCalibrator = "auto";

/// By how many dB another strategy must beat minmax at the outputs: what is less is within the noise of a sample of the data.
inline constexpr double kClearlyBetterDb = 0.5;

/// By how many dB less than that, bias correction may turn the order of strategies: finished models are compared.
inline constexpr double kMayTurnDb = 6;

struct CalibratedRanges {
  std::vector<Range> ranges;  ///< by tensor
  std::string calibrator;     ///< a strategy's name
  std::string options;        ///< its parameters, in words
  /// What minmax would choose, where auto chose another strategy that is not ahead of it by kMayTurnDb.
  std::vector<Range> minmax = {};
};

/// Observes `samples` and chooses the range of every tensor. With "auto", quantizes the model with the ranges of each strategy
/// and keeps the one whose outputs have the least `error`; minmax if none is better by kClearlyBetterDb.
/// That is before biases are corrected; see CalibratedRanges::minmax.
[[nodiscard]] Result<CalibratedRanges> calibrated_ranges(const Model& model, const Samples& samples, OutputError& error,
                                                         const QuantizeOptions& options);

}  // namespace octet
