// Diagnosis: which layers of a quantized model cost its accuracy, why, and which option of the converter would help.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "octet/converter.hpp"

namespace octet {

struct LayerDiagnosis {
  std::size_t node = 0;   ///< of the quantized graph
  double damage_db = 0;   ///< SQNR of the model's outputs when this layer alone is quantized, against all in float
  double share = 0;       ///< of the noise all layers make at the outputs, each by itself
  std::string cause;      ///< a word or two (converter/diagnose/cause.h)
  std::string detail;     ///< the numbers behind it
  std::string fix;        ///< an option of `octet convert`; empty where the layer's damage is not worth one, or nothing would help
  double fixed_db = 0;    ///< damage_db with that option
};

struct Diagnosis {
  std::vector<LayerDiagnosis> layers;  ///< those that are quantized and do more than move bytes, worst first
  std::int64_t samples = 0;            ///< that were used
};

struct DiagnoseOptions {
  std::int64_t samples = 64;  ///< at most; fewer where they would take long or much memory
  std::size_t fixes = 5;      ///< for how many of the worst layers options are tried
  int threads = 1;            ///< the result does not depend on them
  std::function<void(std::int64_t done, std::int64_t total)> progress;
};

/// What quantization costs: the SQNR in dB of the quantized model's outputs against the float model's, on part of the samples
/// (up to 256, fewer for large models), which are real values of the float model's inputs. Errors as of diagnose().
[[nodiscard]] Result<double> estimate_outputs(const Model& quantized, const Model& real, const Samples& samples, int threads);

/// `real` is the float graph `quantized` was made of, equalized if it was. Samples are real values of its inputs.
/// Errors: unsupported (an input that is not f32), and those of running the float model.
[[nodiscard]] Result<Diagnosis> diagnose(const Model& quantized, const Model& real, const Samples& samples, const DiagnoseOptions& options);

}  // namespace octet
