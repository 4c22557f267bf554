// The Octet converter as a library: ONNX in, calibrated and quantized models out. What the program `octet convert` does:
//
//   auto model = octet::import_onnx("lenet.onnx");                    // a float model, ready to run
//   auto quantized = octet::quantize(*model, samples, {});            // samples: your octet::Samples
//   auto bytes = octet::save(*quantized, "lenet.octet");
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "octet/octet.hpp"

namespace octet {

struct ImportOptions {
  /// Shapes of inputs whose sizes the model leaves open, by input name. The leading 1 of an open batch leaves it free.
  std::map<std::string, std::vector<std::int64_t>> shapes;
  /// Take products of values that the model quantizes at run time (DynamicQuantizeLinear, as ONNX Runtime's quantize_dynamic
  /// writes it) as products of the real values: for models that are to be quantized otherwise. Weights keep their integers.
  bool undo_dynamic_quantization = false;
};

/// Reads an ONNX file and makes a float model of it: constants folded, layers fused, images channels-last inside; inputs and
/// outputs as in the file. Errors: invalid_file, unsupported (naming the node), invalid_argument (a shape is missing or does
/// not fit).
[[nodiscard]] Result<Model> import_onnx(const std::string& path, const ImportOptions& options = {});

/// Calibration data: `count()` samples, read in any order, from several threads at once.
class Samples {
 public:
  virtual ~Samples() = default;
  [[nodiscard]] virtual std::int64_t count() const = 0;
  /// Writes samples [first, first + n) of input number `input` as the model's real values, n times the input's batch-1 size.
  [[nodiscard]] virtual Result<void> read(std::size_t input, std::int64_t first, std::int64_t n, std::span<float> values) const = 0;
  /// The same for inputs that are not f32 (token ids, masks).
  [[nodiscard]] virtual Result<void> read_integers(std::size_t input, std::int64_t first, std::int64_t n,
                                                   std::span<std::int64_t> values) const;
};

/// x = (byte * scale - mean[c]) / std[c]: the preprocessing of images, for the bytes of a model's inputs. One mean and standard
/// deviation, or one for each channel: along axis 1 if it has as many, else along the last axis.
struct Normalization {
  float scale = 1;
  std::vector<float> mean{0.0F};
  std::vector<float> std{1.0F};
};

/// What one range strategy did to the outputs of a model.
struct CalibratorScore {
  std::string calibrator;
  double sqnr_db = 0;  ///< of the quantized model's outputs against the float model's; infinite where they are equal
  bool chosen = false;
};

struct QuantizeOptions {
  /// How ranges of activations are chosen: minmax, moving-average, percentile, mse, entropy, cross-entropy; auto tries all of
  /// them on part of the samples and keeps the best.
  std::string calibrator = "auto";
  /// The share of values, in percent, that the strategy percentile puts below the upper end of a range: above 50, at most 100.
  double percentile = 99.99;
  /// How scales of weights are chosen: minmax, or mse (the least squared error).
  std::string weight_calibrator = "minmax";
  bool per_channel_weights = true;
  bool symmetric_activations = false;
  /// Scales channels whose ranges differ much, by powers of two that cancel out, before calibration.
  bool equalize = true;
  /// Puts the mean error of each output channel of a product, measured on the samples, into its bias; where that makes the
  /// outputs no better, biases stay as they are.
  bool correct_bias = true;
  /// Stored in the model, which then takes raw u8 in every input. The samples are still given as real values.
  std::shared_ptr<const Normalization> normalization;
  /// Names of source nodes to keep in float.
  std::vector<std::string> float_nodes;
  /// Worker threads of calibration; the result does not depend on it.
  int threads = 1;
  /// Hash of the calibration data, for the model's provenance.
  std::uint64_t data_hash = 0;
  /// Called after each chunk with the number of samples done.
  std::function<void(std::int64_t)> progress;
  /// Called by the calibrator auto with the scores of all strategies.
  std::function<void(const std::vector<CalibratorScore>&)> report_calibrators;
};

/// Calibrates a float model on samples and quantizes it. Errors: invalid_file (a NaN or infinity in the data, naming the
/// tensor), invalid_argument (no samples, an unknown calibrator or a percentile out of range, normalization that does not fit the inputs).
[[nodiscard]] Result<Model> quantize(const Model& model, const Samples& samples, const QuantizeOptions& options);

/// Quantizes the weights of convolutions and matrix products; their inputs are quantized at run time, row by row. Needs no
/// data. Inputs and outputs stay real. Of the options, per_channel_weights, weight_calibrator, equalize
/// and float_nodes are used. Errors: invalid_file (a weight is NaN or infinite), unsupported (there is nothing to quantize).
[[nodiscard]] Result<Model> quantize_dynamic(const Model& model, const QuantizeOptions& options);

/// Whether a model was quantized before it was imported: it has quantize or dequantize steps, or integers alone.
[[nodiscard]] bool came_quantized(const Model& model);

/// The int8 form of such a model, with the scales, zero-points and weights it came with; what it leaves in float stays there. Needs no
/// data. Of the options, normalization and float_nodes are used. Errors: unsupported (there are no such steps; normalization
/// of an input that is not quantized).
[[nodiscard]] Result<Model> quantize_imported(const Model& model, const QuantizeOptions& options);

/// The model as the bytes of an ONNX file (opset 17): int8 operators between DequantizeLinear and QuantizeLinear, weights as integers
/// behind DequantizeLinear, float operators as they are. Errors: unsupported, naming the node that ONNX cannot express.
[[nodiscard]] Result<std::vector<std::byte>> export_onnx(const Model& model);

/// The bytes of an .octet file. They have been read back and checked, and run once.
[[nodiscard]] Result<std::vector<std::byte>> serialize(const Model& model);

/// Writes serialize()'s bytes under a temporary name beside `path`, then renames: `path` is whole or untouched. Returns the
/// file's size.
[[nodiscard]] Result<std::uint64_t> save(const Model& model, const std::string& path);

}  // namespace octet
