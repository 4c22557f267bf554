// Streams samples through a float model, observes every tensor and chooses its range.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "converter/observe/range.h"
#include "converter/observe/statistics.h"
#include "converter/observe/strategy.h"
#include "octet/converter.hpp"

namespace octet {

/// Samples of a chunk of the moving average.
inline constexpr std::int64_t kChunk = 32;

/// How many samples calibration runs at a time: kChunk, or less where the model's tensors would not fit into a few dozen
/// megabytes (a power of two), 1 where the batch is fixed. Never depends on the machine.
[[nodiscard]] std::int64_t samples_at_a_time(const Model& model);

/// Values of every output of a model, for some samples.
using Outputs = std::vector<std::vector<float>>;

struct ObserveOptions {
  bool histograms = false;  ///< Statistics::histogram
  bool rows = false;        ///< Statistics::rows, of tensors that feed a softmax or are outputs of the model
  int threads = 1;
  std::function<void(std::int64_t)> progress = {};
  /// Whether the outputs of the samples that are run together, from the first given on, are wanted (asked on any thread);
  /// and who takes them, in order.
  std::function<bool(std::int64_t)> wants_outputs = {};
  std::function<void(std::int64_t, Outputs)> take_outputs = {};
};

/// Statistics of every tensor of the model's graph that is an input or computed (f32), by tensor index. One pass. Memory does
/// not grow with the number of samples; the result does not depend on `threads`. Errors: invalid_argument (no samples),
/// unsupported (inputs or outputs that are not f32), invalid_file (a NaN or infinity, naming the tensor).
[[nodiscard]] Result<std::vector<Statistics>> observe(const Model& model, const Samples& samples, const ObserveOptions& options);

/// The range of every tensor, by its statistics.
[[nodiscard]] std::vector<Range> choose_ranges(const std::vector<Statistics>& statistics, const Strategy& strategy, const StrategyOptions& options,
                                               int threads);

/// choose_ranges() with each of strategies(), in their order.
[[nodiscard]] std::vector<std::vector<Range>> choose_all_ranges(const std::vector<Statistics>& statistics, const StrategyOptions& options, int threads);

struct CalibrateOptions {
  std::string calibrator = "minmax";  ///< a strategy's name
  double percentile = 99.99;
  bool symmetric = false;
  int threads = 1;
  std::function<void(std::int64_t)> progress;
};

/// Errors of options alone: a calibrator or percentile that does not exist.
[[nodiscard]] Result<void> check_calibrator(const std::string& calibrator, double percentile);

/// observe() and choose_ranges() with one strategy.
[[nodiscard]] Result<std::vector<Range>> calibrate(const Model& model, const Samples& samples, const CalibrateOptions& options);

}  // namespace octet
