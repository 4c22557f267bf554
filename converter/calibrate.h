// Streams samples through a float model and observes the range of every tensor.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "octet/converter.hpp"

namespace octet {

/// The smallest and largest value seen; empty (min > max) where nothing was observed.
struct Range {
  float min = 0, max = 0;
  bool observed = false;
};

struct CalibrateOptions {
  std::string calibrator = "minmax";
  int threads = 1;
  std::function<void(std::int64_t)> progress;
};

/// The range of every tensor of the model's graph that is an input or computed (f32), by tensor index. Memory does not grow with
/// the number of samples; the result does not depend on `threads`.
[[nodiscard]] Result<std::vector<Range>> calibrate(const Model& model, const Samples& samples, const CalibrateOptions& options);

}  // namespace octet
