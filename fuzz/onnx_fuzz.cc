// Bytes as an ONNX file: imported, optimized, written, and, where that is quick, quantized, written and run.
#include <algorithm>
#include <iterator>

#include "converter/onnx/import.h"
#include "converter/onnx/reader.h"
#include "converter/passes/passes.h"
#include "engine/model.h"
#include "fuzz/run_model.h"
#include "octet/converter.hpp"

namespace {

using octet::Result;

/// Two samples for every input: a ramp up, a ramp down.
class Ramps final : public octet::Samples {
 public:
  [[nodiscard]] std::int64_t count() const override { return 2; }
  [[nodiscard]] Result<void> read(std::size_t, std::int64_t first, std::int64_t, std::span<float> values) const override {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = (first == 0 ? 1.0F : -1.0F) * static_cast<float>(i % 17) / 8.0F;
    return {};
  }
};

/// One calibrator for each input: auto, which runs all of them, takes seconds under the sanitizers.
octet::QuantizeOptions options_for(std::size_t size) {
  constexpr const char* kCalibrators[] = {"minmax", "moving-average", "percentile", "mse", "entropy", "cross-entropy"};
  octet::QuantizeOptions options;
  options.calibrator = kCalibrators[size % std::size(kCalibrators)];
  options.per_channel_weights = size % 7 != 0;
  return options;
}

/// A model this library made must be one it reads.
void write(const octet::Model& model) {
  const auto bytes = octet::serialize(model);
  if (bytes && !octet::Model::load(*bytes)) __builtin_trap();
}

/// As convert does for int8 or, where the number of bytes is even, for float.
Result<octet::Model> import_bytes(std::span<const std::byte> bytes) {
  octet::ImportOptions options;
  options.undo_dynamic_quantization = bytes.size() % 2 == 1;
  OCTET_TRY(const octet::OnnxModel file, octet::parse_onnx(bytes, "fuzz.onnx"));
  OCTET_TRY(octet::Graph graph, octet::import_onnx(file, options));
  OCTET_CHECK(octet::optimize(graph));
  return octet::make_model(std::move(graph));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = import_bytes(std::as_bytes(std::span(data, size)));
  if (!model) return 0;
  write(*model);
  if (!octet::fuzz::is_small(*model)) return 0;
  octet::fuzz::run_model(*model);
  if (const auto dynamic = octet::quantize_dynamic(*model, {})) octet::fuzz::run_model(*dynamic);
  const auto quantized = octet::quantize(*model, Ramps(), options_for(size));
  if (!quantized) return 0;
  write(*quantized);
  octet::fuzz::run_model(*quantized);
  return 0;
}
