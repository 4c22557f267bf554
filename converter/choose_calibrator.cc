#include "converter/choose_calibrator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "converter/ordered_work.h"
#include "converter/quantize.h"
#include "engine/operator.h"
#include "engine/session.h"

namespace octet {
namespace {

/// The samples that are tried, in pieces of `unit`.
struct Part {
  std::int64_t unit = 1, count = 0;  ///< count: of all samples
  std::vector<std::int64_t> firsts;

  [[nodiscard]] std::int64_t samples(std::size_t piece) const { return std::min(unit, count - firsts[piece]); }
};

std::uint64_t macs_of(const Graph& g) {
  std::vector<Shape> shapes;
  for (const Tensor& t : g.tensors) shapes.push_back(t.shape);
  std::uint64_t macs = 0;
  for (const Node& n : g.nodes) macs += find_operator(n.op())->macs(NodeView(g, n, shapes));
  return macs;
}

Part part_of(const Model& model, std::int64_t count) {
  constexpr std::uint64_t kMacs = std::uint64_t{1} << 35U;          // a second or two of float arithmetic
  constexpr std::uint64_t kOutputs = std::uint64_t{1} << 24U;       // values of the float model's outputs that are kept
  std::uint64_t outputs = 1;
  for (const TensorInfo& o : model.outputs()) outputs += o.elements();
  const std::uint64_t wanted = std::min(kMacs / std::max<std::uint64_t>(macs_of(model.impl().graph), 1), kOutputs / outputs);
  Part part;
  part.unit = samples_at_a_time(model);
  part.count = count;
  const std::int64_t pieces = (count + part.unit - 1) / part.unit;
  const std::int64_t tried = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::clamp<std::uint64_t>(wanted, 8, 256)) / part.unit, 1, pieces);
  for (std::int64_t i = 0; i < tried; ++i) part.firsts.push_back(i * pieces / tried * part.unit);
  return part;
}

/// Runs pieces of samples on one thread.
class Runner {
 public:
  Runner(const Model& model, const Samples& samples, const Part& part) : model_(model), samples_(samples), part_(part) {}

  Result<Outputs> operator()(std::size_t piece) {
    const std::int64_t n = part_.samples(piece);
    if (!session_ || batch_ != n) {
      session_.reset();
      OCTET_TRY(Session session, model_.session({.threads = 1, .batch = static_cast<int>(n)}));
      session_.emplace(std::move(session));
      batch_ = n;
    }
    std::vector<std::vector<float>> values;
    for (const TensorInfo& i : session_->inputs()) values.emplace_back(i.elements());
    std::vector<InputTensor> in;
    for (std::size_t i = 0; i < values.size(); ++i) {
      OCTET_CHECK(samples_.read(i, part_.firsts[piece], n, values[i]));
      in.emplace_back(values[i]);
    }
    Outputs outputs;
    for (const TensorInfo& o : session_->outputs()) outputs.emplace_back(o.elements());
    std::vector<OutputTensor> out;
    for (auto& o : outputs) out.emplace_back(o);
    OCTET_CHECK(session_->run(in, out));
    return outputs;
  }

 private:
  const Model& model_;
  const Samples& samples_;
  const Part& part_;
  std::int64_t batch_ = 0;
  std::optional<Session> session_;
};

Result<std::vector<Outputs>> run(const Model& model, const Samples& samples, const Part& part, int threads) {
  std::vector<Outputs> all(part.firsts.size());
  OCTET_CHECK(ordered_work<Outputs>(
      all.size(), threads, [&](std::size_t) { return Runner(model, samples, part); },
      [&](std::size_t piece, Outputs outputs) { all[piece] = std::move(outputs); }));
  return all;
}

double sqnr_db(const std::vector<Outputs>& exact, const std::vector<Outputs>& quantized) {
  const std::size_t outputs = exact[0].size();
  double ratio = 0;
  for (std::size_t o = 0; o < outputs; ++o) {
    double signal = 0;
    double noise = 0;
    for (std::size_t piece = 0; piece < exact.size(); ++piece) {
      for (std::size_t i = 0; i < exact[piece][o].size(); ++i) {
        const auto x = static_cast<double>(exact[piece][o][i]);
        const double e = x - static_cast<double>(quantized[piece][o][i]);
        signal += x * x;
        noise += e * e;
      }
    }
    ratio += noise == 0 ? 0 : noise / signal;
  }
  return -10 * std::log10(ratio / static_cast<double>(outputs));
}

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
  Trial(const Model& model, const Samples& samples, const QuantizeOptions& options)
      : model_(model), samples_(samples), options_(options), part_(part_of(model, samples.count())) {
    options_.normalization = nullptr;  // samples are real values
  }

  /// Everything the strategies need, and the float model's outputs on the part that is tried.
  Result<std::vector<Statistics>> observe_all() {
    ObserveOptions o{true, true, options_.threads, options_.progress};
    o.wants_outputs = [&](std::int64_t first) { return std::ranges::binary_search(part_.firsts, first); };
    o.take_outputs = [&](std::int64_t, Outputs outputs) { exact_.push_back(std::move(outputs)); };
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
    return std::move(candidates_[chosen]);
  }

 private:
  Result<double> score_of(const std::vector<Range>& ranges) {
    OCTET_TRY(Graph graph, quantize_graph(model_.impl().graph, ranges, options_));
    for (std::size_t i = 0; i < graphs_.size(); ++i)
      if (same(graph, graphs_[i])) return graph_scores_[i];
    OCTET_TRY(const Model quantized, make_model(graph));
    OCTET_TRY(const auto outputs, run(quantized, samples_, part_, options_.threads));
    for (Tensor& t : graph.tensors) t.data = {};
    graphs_.push_back(std::move(graph));
    graph_scores_.push_back(sqnr_db(exact_, outputs));
    return graph_scores_.back();
  }

  const Model& model_;
  const Samples& samples_;
  QuantizeOptions options_;
  Part part_;
  std::vector<Outputs> exact_;
  std::vector<Graph> graphs_;  ///< the different ones, without constants
  std::vector<double> graph_scores_;
  std::vector<CalibratedRanges> candidates_;
  std::vector<CalibratorScore> scores_;
};

}  // namespace

Result<CalibratedRanges> calibrated_ranges(const Model& model, const Samples& samples, const QuantizeOptions& options) {
  const StrategyOptions strategy_options{options.percentile, options.symmetric_activations};
  if (options.calibrator == kAutoCalibrator) {
    OCTET_CHECK(check_calibrator(strategies()[0].name, options.percentile));
    OCTET_TRY(CalibratedRanges best, Trial(model, samples, options).best(strategy_options));
    best.options += best.options.empty() ? "chosen by auto" : ", chosen by auto";
    return best;
  }
  OCTET_CHECK(check_calibrator(options.calibrator, options.percentile));
  const Strategy& strategy = *find_strategy(options.calibrator);
  OCTET_TRY(const auto statistics, observe(model, samples, {strategy.needs_histogram, strategy.needs_rows, options.threads, options.progress}));
  return CalibratedRanges{choose_ranges(statistics, strategy, strategy_options, options.threads), strategy.name, describe(strategy, options.percentile)};
}

}  // namespace octet
