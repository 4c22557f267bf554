// The public quantize(): repairs, calibration, quantization, in this order.
#include <algorithm>
#include <cmath>

#include "converter/bias_correction.h"
#include "converter/choose_calibrator.h"
#include "converter/output_error.h"
#include "converter/passes/passes.h"
#include "converter/quantize.h"
#include "converter/quantize_math.h"
#include "engine/model.h"
#include "engine/try.h"
#include "kernels/parallel.h"

namespace octet {
namespace {

Result<void> check_normalization(const Normalization& n) {
  const auto fail = [](const char* message) { return Error{ErrorCode::invalid_argument, message, "normalization"}; };
  if (n.mean.empty() || n.mean.size() != n.std.size()) return fail("needs as many means as standard deviations");
  const auto finite = [](float v) { return std::isfinite(v); };
  if (!finite(n.scale) || !std::ranges::all_of(n.mean, finite) || !std::ranges::all_of(n.std, finite)) return fail("a value is NaN or infinite");
  if (std::ranges::find(n.std, 0.0F) != n.std.end()) return fail("a standard deviation is 0");
  return {};
}

Result<void> check_float(const Graph& graph) {
  for (const Tensor& t : graph.tensors)
    if (t.quant.present())
      return Error{ErrorCode::unsupported, std::string("is quantized (") + name_of(t.type) + ") already", "tensor '" + t.name + "'"};
  return {};
}

std::vector<Range> with_size(std::vector<Range> ranges, std::size_t size) {
  ranges.resize(size);
  return ranges;
}

/// The float graph with corrected biases if that makes the outputs better, else as it is.
Result<Graph> bias_corrected(const Model& model, const std::vector<Range>& ranges, const Samples& samples, OutputError& error,
                             const QuantizeOptions& options) {
  const Graph& graph = model.impl().graph;
  QuantizeOptions real = options;
  real.normalization = nullptr;
  const auto error_of = [&](const Graph& g) -> Result<double> {
    OCTET_TRY(Graph quantized, quantize_graph(g, with_size(ranges, g.tensors.size()), real));
    OCTET_TRY(const Model candidate, make_model(std::move(quantized)));
    return error.sqnr_db(candidate);
  };
  OCTET_TRY(Graph corrected, correct_biases(model, ranges, samples, options));
  OCTET_TRY(const double before, error_of(graph));
  OCTET_TRY(const double after, error_of(corrected));
  if (!(after > before)) return graph;
  std::string& repair = corrected.provenance.repair;
  repair += std::string(repair.empty() ? "" : ",") + kBiasCorrected;
  return corrected;
}

}  // namespace

Result<Model> equalized(const Model& model) {
  Graph graph = model.impl().graph;
  OCTET_TRY(const bool changed, equalize(graph));
  if (!changed) return model;
  graph.provenance.repair = kEqualized;
  return make_model(std::move(graph));
}

Result<Model> quantize(const Model& model, const Samples& samples, const QuantizeOptions& options) {
  try {
    const kernels::RoundingScope rounding;
    if (options.normalization != nullptr) OCTET_CHECK(check_normalization(*options.normalization));
    OCTET_CHECK(check_float(model.impl().graph));
    OCTET_CHECK(check_weight_calibrator(options.weight_calibrator));
    OCTET_TRY(const Model source, options.equalize ? equalized(model) : Result<Model>(model));
    OutputError error(source, samples, options.threads);
    OCTET_TRY(const CalibratedRanges calibrated, calibrated_ranges(source, samples, error, options));
    OCTET_TRY(const Graph repaired, options.correct_bias ? bias_corrected(source, calibrated.ranges, samples, error, options)
                                                         : Result<Graph>(source.impl().graph));
    OCTET_TRY(Graph graph, quantize_graph(repaired, with_size(calibrated.ranges, repaired.tensors.size()), options));
    graph.provenance.tool_version = version();
    graph.provenance.calibrator = calibrated.calibrator;
    graph.provenance.calibrator_options = calibrated.options;
    graph.provenance.weight_calibrator = options.weight_calibrator;
    graph.provenance.calibration_samples = static_cast<std::uint64_t>(samples.count());
    graph.provenance.calibration_hash = options.data_hash;
    return make_model(std::move(graph));
  } catch (const std::exception&) {
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
