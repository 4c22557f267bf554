// Range strategies: from what was observed of a tensor to the range its quantizer gets.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "converter/observe/statistics.h"

namespace octet {

struct StrategyOptions {
  double percentile = 99.99;  ///< above 50, at most 100
  bool symmetric = false;     ///< the quantizer the range is for
};

/// One strategy. A range it returns lies within the smallest and largest value seen and 0, except that of [-a, a] for
/// symmetric quantizers; it is {0, 0} only where nothing but zeros was seen.
struct Strategy {
  const char* name;
  bool needs_histogram;
  bool needs_rows;
  Range (*range)(const Statistics& statistics, const StrategyOptions& options);
};

/// All of them, minmax first.
[[nodiscard]] std::span<const Strategy> strategies() noexcept;

/// The strategy of this name, or nullptr.
[[nodiscard]] const Strategy* find_strategy(std::string_view name) noexcept;

/// "minmax, moving-average, ...".
[[nodiscard]] std::string strategy_names();

// The formulas, one file each.

/// The p-th and (100 - p)-th percentile of all values, interpolated within a bin; of fewer values than reach a percentile,
/// the smallest and largest. Where that leaves nothing of a tensor that is not all zero (nearly dead ones), minmax.
[[nodiscard]] Range percentile_range(const Statistics& statistics, const StrategyOptions& options);

/// The range that minimizes the sum of (x - x')^2 over the histogram, whose values are taken as spread evenly within a bin.
[[nodiscard]] Range mse_range(const Statistics& statistics, const StrategyOptions& options);

/// The range that minimizes KL(P || Q): P the histogram of what is not 0, with what is clipped counted in the outermost
/// bins left; Q what quantization makes of the part that is not clipped, each step's share spread evenly over its bins that
/// are not empty. Single values that stand out of the density (saturated activations, an image's background) are bins of
/// both. Of fewer than 2048 values that are not 0 there is no distribution to speak of: mse.
[[nodiscard]] Range entropy_range(const Statistics& statistics, const StrategyOptions& options);

/// The range that minimizes the cross-entropy -sum softmax(x) log softmax(x') over the sampled rows; without rows, mse.
[[nodiscard]] Range cross_entropy_range(const Statistics& statistics, const StrategyOptions& options);

}  // namespace octet
