// The public quantize(): repairs, calibration, quantization, in this order.
#include <algorithm>
#include <cmath>
#include <optional>

#include "converter/bias_correction.h"
#include "converter/choose_calibrator.h"
#include "converter/graph_walk.h"
#include "converter/output_error.h"
#include "converter/passes/channel_scales.h"
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

/// A float model, repaired or not, with the ranges that were chosen for it.
struct Candidate {
  Model model;
  CalibratedRanges calibrated;
  std::vector<CalibratorScore> scores;  ///< of the calibrator auto
  std::optional<double> sqnr_db = {};   ///< at the outputs, once it is known
};

/// Multiply-accumulates of a sample up to which two models are finished where one may turn out the better: beyond, biases take seconds.
constexpr std::uint64_t kQuickMacs = std::uint64_t{1} << 29U;

/// What bounds for each channel must bring at the outputs, in dB: a look-up for each ReLU6 takes time.
constexpr double kWorthBoundsDb = 1;

/// Decides what is done to one model.
class Repair {
 public:
  Repair(const Model& model, const Samples& samples, const QuantizeOptions& options)
      : samples_(samples), options_(options), error_(model, samples, options.threads) {
    real_.normalization = nullptr;  // samples are real values
  }

  Result<Candidate> calibrate(const Model& model) {
    Candidate c{model, {}, {}};
    QuantizeOptions options = options_;
    options.report_calibrators = [&](const auto& scores) { c.scores = scores; };
    OCTET_TRY(c.calibrated, calibrated_ranges(model, samples_, error_, options));
    return c;
  }

  /// The better of a candidate and its equalized form; itself where its channels are balanced.
  Result<Candidate> equalize(Candidate c) {
    OCTET_TRY(const Model equal, equalized(c.model));
    if (equal.impl().graph.provenance.repair.empty()) return c;
    OCTET_TRY(Candidate e, calibrate(equal));
    return better(std::move(c), std::move(e));
  }

  /// The model equalized through ReLU6 if that promises to be worth the look-ups it takes; whether it is, is seen with all biases
  /// corrected.
  Result<std::optional<Candidate>> equalize_through_bounds(const Model& model, Candidate& c) {
    const auto is_bounded = [](const Node& n) {
      return (n.op() == schema::Operator::Conv || n.op() == schema::Operator::FullyConnected) && ChannelScales::bounded(n) > 0;
    };
    if (std::ranges::none_of(model.impl().graph.nodes, is_bounded)) return std::optional<Candidate>();
    OCTET_TRY(const Model bounded, equalized(model, true));
    if (bounded.impl().graph.provenance.repair != kEqualizedThroughBounds) return std::optional<Candidate>();
    OCTET_TRY(Candidate e, calibrate(bounded));
    OCTET_TRY(const double without, score(c));
    OCTET_TRY(const double with, score(e));
    return with > without + kWorthBoundsDb ? std::optional<Candidate>(std::move(e)) : std::nullopt;
  }

  /// The first, unless the second is better by enough.
  Result<Candidate> worth_bounds(Candidate c, Candidate bounded) { return better(std::move(c), std::move(bounded), kWorthBoundsDb); }

  /// The better of a candidate and, where its calibrator is a close choice, the same with ranges of minmax, both with corrected biases.
  Result<Candidate> correct_bias_of_best(Candidate c) {
    std::optional<Candidate> other;
    if (!c.calibrated.minmax.empty() && macs_of(c.model.impl().graph) <= kQuickMacs) {
      other = c;
      other->calibrated = {std::move(c.calibrated.minmax), strategies()[0].name, "chosen by auto"};
      for (CalibratorScore& s : other->scores) s.chosen = s.calibrator == strategies()[0].name;
    }
    OCTET_TRY(c, correct_bias(std::move(c)));
    if (!other) return c;
    OCTET_TRY(*other, correct_bias(*std::move(other)));
    return better(*std::move(other), std::move(c));
  }

  /// The better of a candidate and its form with corrected biases.
  Result<Candidate> correct_bias(Candidate c) {
    OCTET_TRY(Graph corrected, correct_biases(c.model, c.calibrated.ranges, samples_, options_,
                                              [&](std::int64_t first, std::int64_t n) { return error_.uses(first, n); }));
    std::string& repair = corrected.provenance.repair;
    repair += std::string(repair.empty() ? "" : ",") + kBiasCorrected;
    Candidate b = c;
    b.sqnr_db.reset();
    b.calibrated.ranges.resize(corrected.tensors.size());  // new biases are constants, which need no range
    OCTET_TRY(b.model, make_model(std::move(corrected)));
    return better(std::move(c), std::move(b));
  }

 private:
  Result<double> score(Candidate& c) {
    if (c.sqnr_db) return *c.sqnr_db;
    OCTET_TRY(Graph quantized, quantize_graph(c.model.impl().graph, c.calibrated.ranges, real_));
    OCTET_TRY(const Model model, make_model(std::move(quantized)));
    OCTET_TRY(c.sqnr_db, error_.sqnr_db(model));
    return *c.sqnr_db;
  }

  Result<Candidate> better(Candidate before, Candidate after, double by_db = 0) {
    OCTET_TRY(const double without, score(before));
    OCTET_TRY(const double with, score(after));
    return with > without + by_db ? std::move(after) : std::move(before);
  }

  const Samples& samples_;
  const QuantizeOptions& options_;
  QuantizeOptions real_ = options_;
  OutputError error_;
};

}  // namespace

namespace {

/// Whether equalization left all clamps as they were.
bool same_bounds(const Graph& a, const Graph& b) {
  return a.nodes.size() == b.nodes.size() && std::ranges::equal(a.nodes, b.nodes, [](const Node& x, const Node& y) {
           if (x.op() == schema::Operator::Conv) return x.as<schema::ConvT>().clamp_max == y.as<schema::ConvT>().clamp_max;
           return x.op() != schema::Operator::FullyConnected || x.as<schema::FullyConnectedT>().clamp_max == y.as<schema::FullyConnectedT>().clamp_max;
         });
}

}  // namespace

Result<Model> equalized(const Model& model, bool through_bounds) {
  Graph graph = model.impl().graph;
  OCTET_TRY(const bool changed, equalize(graph, through_bounds));
  if (!changed) return model;
  const bool bounded = through_bounds && !same_bounds(graph, model.impl().graph);
  graph.provenance.repair = bounded ? kEqualizedThroughBounds : kEqualized;
  return make_model(std::move(graph));
}

Result<Model> equalized_as(const Model& model, const Provenance& quantized) {
  if (quantized.repair.find(kEqualized) == std::string::npos) return model;
  return equalized(model, quantized.repair.find(kEqualizedThroughBounds) != std::string::npos);
}

namespace {

Result<Model> with_masks(const Model& model) {
  Graph graph = model.impl().graph;
  OCTET_TRY(const bool changed, recognize_masks(graph));
  return changed ? make_model(std::move(graph)) : Result<Model>(model);
}

}  // namespace

Result<Model> quantize(const Model& model, const Samples& samples, const QuantizeOptions& options) {
  try {
    const kernels::RoundingScope rounding;
    if (options.normalization != nullptr) OCTET_CHECK(check_normalization(*options.normalization));
    OCTET_CHECK(check_float(model.impl().graph));
    OCTET_CHECK(check_weight_calibrator(options.weight_calibrator));
    Repair repair(model, samples, options);
    OCTET_TRY(const Model masked, with_masks(model));
    OCTET_TRY(Candidate chosen, repair.calibrate(masked));
    std::optional<Candidate> bounded;
    if (options.equalize) {
      OCTET_TRY(chosen, repair.equalize(std::move(chosen)));
      OCTET_TRY(bounded, repair.equalize_through_bounds(masked, chosen));
    }
    if (options.correct_bias) {
      OCTET_TRY(chosen, repair.correct_bias_of_best(std::move(chosen)));
      if (bounded) {
        OCTET_TRY(*bounded, repair.correct_bias_of_best(*std::move(bounded)));
      }
    }
    if (bounded) {
      OCTET_TRY(chosen, repair.worth_bounds(std::move(chosen), *std::move(bounded)));
    }
    if (options.report_calibrators && !chosen.scores.empty()) options.report_calibrators(chosen.scores);
    const CalibratedRanges& calibrated = chosen.calibrated;
    OCTET_TRY(Graph graph, quantize_graph(chosen.model.impl().graph, calibrated.ranges, options));
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
