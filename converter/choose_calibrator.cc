#include "converter/choose_calibrator.h"

#include <algorithm>

#include "converter/quantize.h"
#include "engine/model.h"

namespace octet {
namespace {

/// Whether two quantizations of one graph are the same.
bool same(const Graph& a, const Graph& b) {
  return std::ranges::equal(a.tensors, b.tensors, {}, &Tensor::quant, &Tensor::quant);
}

std::string describe(const Strategy& strategy, double percentile) {
  if (std::string_view(strategy.name) != "percentile") return {};
  std::string text = std::to_string(percentile);
  return "p = " + text.substr(0, std::max(text.find_last_not_of('0') + 1, text.find('.') + 2));
}

/// Scores every strategy; what they make of the model is alive one at a time.
class Trial {
 public:
  Trial(const Model& model, const Samples& samples, OutputError& error, const QuantizeOptions& options)
      : model_(model), samples_(samples), error_(error), options_(options) {
    options_.normalization = nullptr;  // samples are real values
  }

  /// Everything the strategies need, and the float model's outputs on the part that is tried.
  Result<std::vector<Statistics>> observe_all() {
    ObserveOptions o{true, true, options_.threads, options_.progress};
    o.wants_outputs = [&](std::int64_t first) { return error_.wants_exact(first); };
    o.take_outputs = [&](std::int64_t, Outputs outputs) { error_.take_exact(std::move(outputs)); };
    return observe(model_, samples_, o);
  }

  Result<CalibratedRanges> best(const StrategyOptions& strategy_options) {
    OCTET_TRY(const auto statistics, observe_all());
    auto ranges = choose_all_ranges(statistics, strategy_options, options_.threads);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const Strategy& strategy = strategies()[i];
      OCTET_TRY(const double score, score_of(ranges[i]));
      scores_.push_back({strategy.name, score, false});
      candidates_.push_back({std::move(ranges[i]), strategy.name, describe(strategy, strategy_options.percentile)});
    }
    std::size_t chosen = 0;
    for (std::size_t i = 1; i < scores_.size(); ++i)
      if (scores_[i].sqnr_db > scores_[chosen].sqnr_db) chosen = i;
    if (!(scores_[chosen].sqnr_db >= scores_[0].sqnr_db + kClearlyBetterDb)) chosen = 0;
    scores_[chosen].chosen = true;
    if (options_.report_calibrators) options_.report_calibrators(scores_);
    CalibratedRanges best = std::move(candidates_[chosen]);
    if (chosen != 0 && !(scores_[chosen].sqnr_db >= scores_[0].sqnr_db + kMayTurnDb)) best.minmax = std::move(candidates_[0].ranges);
    return best;
  }

 private:
  Result<double> score_of(const std::vector<Range>& ranges) {
    OCTET_TRY(Graph graph, quantize_graph(model_.impl().graph, ranges, options_));
    for (std::size_t i = 0; i < graphs_.size(); ++i)
      if (same(graph, graphs_[i])) return graph_scores_[i];
    OCTET_TRY(const Model quantized, make_model(graph));
    OCTET_TRY(const double score, error_.sqnr_db(quantized));
    for (Tensor& t : graph.tensors) t.data = {};
    graphs_.push_back(std::move(graph));
    graph_scores_.push_back(score);
    return graph_scores_.back();
  }

  const Model& model_;
  const Samples& samples_;
  OutputError& error_;
  QuantizeOptions options_;
  std::vector<Graph> graphs_;  ///< the different ones, without constants
  std::vector<double> graph_scores_;
  std::vector<CalibratedRanges> candidates_;
  std::vector<CalibratorScore> scores_;
};

}  // namespace

Result<CalibratedRanges> calibrated_ranges(const Model& model, const Samples& samples, OutputError& error, const QuantizeOptions& options) {
  const StrategyOptions strategy_options{options.percentile, options.symmetric_activations};
  if (options.calibrator == kAutoCalibrator) {
    OCTET_CHECK(check_calibrator(strategies()[0].name, options.percentile));
    OCTET_TRY(CalibratedRanges best, Trial(model, samples, error, options).best(strategy_options));
    best.options += best.options.empty() ? "chosen by auto" : ", chosen by auto";
    return best;
  }
  OCTET_CHECK(check_calibrator(options.calibrator, options.percentile));
  const Strategy& strategy = *find_strategy(options.calibrator);
  OCTET_TRY(const auto statistics, observe(model, samples, {strategy.needs_histogram, strategy.needs_rows, options.threads, options.progress}));
  return CalibratedRanges{choose_ranges(statistics, strategy, strategy_options, options.threads), strategy.name, describe(strategy, options.percentile)};
}

}  // namespace octet
