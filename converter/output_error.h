// What quantization does to a model's outputs, measured on part of the calibration samples.
#pragma once

#include <cstdint>
#include <vector>

#include "converter/calibrate.h"
#include "octet/converter.hpp"

namespace octet {

/// The samples that are tried, in pieces of `unit`: spread evenly over all of them, up to 256, fewer for large models.
struct SamplePart {
  std::int64_t unit = 1, count = 0;  ///< count: of all samples
  std::vector<std::int64_t> firsts;

  [[nodiscard]] std::int64_t samples(std::size_t piece) const { return firsts[piece] + unit < count ? unit : count - firsts[piece]; }
};

/// Compares models with the float model they were made of.
class OutputError {
 public:
  OutputError(const Model& exact, const Samples& samples, int threads);

  /// Output SQNR in dB: 10 log10(sum x^2 / sum (x - x')^2) over all samples of the part; of several outputs, by the mean of
  /// their noise-to-signal ratios. `quantized` takes the samples' real values as the float model does.
  [[nodiscard]] Result<double> sqnr_db(const Model& quantized);

  /// Whether one of the samples [first, first + n) is among those it compares.
  [[nodiscard]] bool uses(std::int64_t first, std::int64_t n) const;

  // The float model's outputs are computed when first needed, unless someone who runs it anyway hands them over: those of every
  // piece that is wanted, in order.
  [[nodiscard]] bool wants_exact(std::int64_t first_sample) const;
  void take_exact(Outputs outputs) { exact_.push_back(std::move(outputs)); }

 private:
  [[nodiscard]] Result<std::vector<Outputs>> run(const Model& model) const;
  [[nodiscard]] double compare(const std::vector<Outputs>& quantized) const;

  Model exact_model_;
  const Samples& samples_;
  int threads_;
  SamplePart part_;
  std::vector<Outputs> exact_;  ///< none, or of every piece
};

}  // namespace octet
