// Everything calibration remembers of one tensor.
#pragma once

#include <optional>

#include "converter/observe/histogram.h"
#include "converter/observe/range.h"
#include "converter/observe/row_sample.h"

namespace octet {

/// What a range strategy reads. Its size does not depend on how much was observed.
struct Statistics {
  Range range;                         ///< smallest and largest value of all
  Range average;                       ///< moving average of the ranges of fixed chunks of samples, in order
  std::optional<Histogram> histogram;  ///< where a strategy needs it
  std::optional<RowSample> rows;       ///< of tensors that hold logits, where a strategy needs it
};

/// average + 0.01 (chunk - average), the constant usual in quantization-aware training; the first chunk itself.
[[nodiscard]] inline Range moved(const Range& average, const Range& chunk) noexcept {
  if (!average.observed || !chunk.observed) return chunk.observed ? chunk : average;
  const auto step = [](float from, float to) {
    return static_cast<float>(static_cast<double>(from) + 0.01 * (static_cast<double>(to) - static_cast<double>(from)));
  };
  return {step(average.min, chunk.min), step(average.max, chunk.max), true};
}

}  // namespace octet
