#include "converter/diagnose.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "converter/calibrate.h"
#include "converter/diagnose/cause.h"
#include "converter/diagnose/fix.h"
#include "converter/ordered_work.h"
#include "converter/output_error.h"
#include "converter/quantize.h"

namespace octet {
namespace {

/// Layers with a smaller share of the damage, or that do less than this, need no fix.
constexpr double kWorthFixing = 0.05;
constexpr double kHarmlessDb = 35;

/// The first samples of many.
class FirstSamples final : public Samples {
 public:
  FirstSamples(const Samples& all, std::int64_t count) : all_(all), count_(count) {}
  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] Result<void> read(std::size_t input, std::int64_t first, std::int64_t n, std::span<float> values) const override {
    return all_.read(input, first, n, values);
  }
  [[nodiscard]] Result<void> read_integers(std::size_t input, std::int64_t first, std::int64_t n, std::span<std::int64_t> values) const override {
    return all_.read_integers(input, first, n, values);
  }

 private:
  const Samples& all_;
  std::int64_t count_;
};

/// The model with real inputs: of the look-ups that hold stored preprocessing, only the quantization is left.
Result<Model> with_real_inputs(const Model& quantized) {
  Graph graph = quantized.impl().graph;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (graph.preprocessing[i] == nullptr) continue;
    for (Node& node : graph.nodes) {
      if (node.op() != schema::Operator::Lookup || node.inputs[0] != graph.inputs[i]) continue;
      node.attributes = {};
      node.attributes.Set(schema::QuantizeT{});
    }
    graph.preprocessing[i] = nullptr;
    graph.tensors[static_cast<std::size_t>(graph.inputs[i])].type = Type::f32;
  }
  return make_model(std::move(graph));
}

Result<double> estimate(const Model& quantized, const Model& real, const Samples& samples, int threads) {
  if (samples.count() < 1) return Error{ErrorCode::invalid_argument, "an estimate needs samples", {}};
  OCTET_TRY(const Model candidate, with_real_inputs(quantized));
  OCTET_TRY(const double db, OutputError(real, samples, threads).sqnr_db(candidate));
  return std::min(db, kNoError);
}

class Diagnoser {
 public:
  Diagnoser(const Model& quantized, const Model& real, const Samples& samples, const DiagnoseOptions& options)
      : quantized_(quantized.impl().graph), real_(real), samples_(samples), options_(options), layers_(quantized_layers(quantized_, real.impl().graph)) {}

  Result<Diagnosis> run() {
    if (layers_.empty() || samples_.count() < 1) return Diagnosis{};
    // What follows a layer is half of the model on average, and is run twice; the float model and fixes are some more runs.
    OCTET_TRY(const Recording recording, Recording::make(real_, samples_, options_.samples, static_cast<double>(layers_.size()) + 20));
    OCTET_TRY(damages_, damages(recording, layers_, options_.threads, [&](std::int64_t done) { report(done); }));
    OCTET_TRY(std::vector<Cause> causes, find_causes(recording));
    Diagnosis result{worst_first(causes), recording.samples()};
    OCTET_CHECK(find_fixes(recording, result.layers));
    report(total());
    return result;
  }

 private:
  [[nodiscard]] std::int64_t total() const { return static_cast<std::int64_t>(2 * layers_.size() + options_.fixes); }
  void report(std::int64_t done) const {
    if (options_.progress) options_.progress(done, total());
  }

  Result<std::vector<Cause>> find_causes(const Recording& recording) {
    std::vector<Cause> causes(layers_.size());
    OCTET_CHECK(ordered_work<Cause>(
        layers_.size(), options_.threads,
        [&](std::size_t) { return [&](std::size_t i) { return find_cause(recording, layers_[i], damages_[i], quantized_); }; },
        [&](std::size_t i, Cause cause) {
          causes[i] = std::move(cause);
          report(static_cast<std::int64_t>(layers_.size() + i) + 1);
        }));
    return causes;
  }

  std::vector<LayerDiagnosis> worst_first(std::vector<Cause>& causes) {
    order_.resize(layers_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::ranges::stable_sort(order_, [&](std::size_t a, std::size_t b) { return damages_[a] > damages_[b]; });
    // Infinite where an output is nothing but noise.
    const auto bounded = [](double ratio) { return std::min(ratio, 1e20); };
    const double sum = std::transform_reduce(damages_.begin(), damages_.end(), 0.0, std::plus<>(), bounded);
    std::vector<LayerDiagnosis> result;
    for (const std::size_t i : order_) {
      const double db = decibel(1, damages_[i]);
      result.push_back({layers_[i].quantized_node, db, sum > 0 ? bounded(damages_[i]) / sum : 0, std::move(causes[i].name),
                        std::move(causes[i].detail), {}, db});
    }
    return result;
  }

  Result<void> find_fixes(const Recording& recording, std::vector<LayerDiagnosis>& worst) {
    std::size_t count = 0;
    while (count < std::min(worst.size(), options_.fixes) && worst[count].share >= kWorthFixing && worst[count].damage_db < kHarmlessDb) ++count;
    if (count == 0) return {};
    const FirstSamples some(samples_, recording.samples());
    const ObserveOptions observe_options{.histograms = true, .rows = true, .threads = options_.threads, .progress = {}};
    OCTET_TRY(const auto statistics, observe(real_, some, observe_options));
    FixContext context{recording, quantized_, statistics, {}};
    std::optional<Recording> equalized_recording;
    if (quantized_.provenance.repair.find(kEqualized) == std::string::npos) {
      OCTET_TRY(const Model model, equalized(real_, true));
      if (!model.impl().graph.provenance.repair.empty()) {
        OCTET_TRY(Recording r, Recording::make(model, samples_, recording.samples(), 1));
        equalized_recording.emplace(std::move(r));
        OCTET_TRY(auto observed, observe(model, some, observe_options));
        context.equalized.emplace(FixContext::Equalized{*equalized_recording, std::move(observed)});
      }
    }
    return ordered_work<Fix>(
        count, options_.threads,
        [&](std::size_t) { return [&](std::size_t i) { return find_fix(context, layers_[order_[i]], damages_[order_[i]]); }; },
        [&](std::size_t i, const Fix& fix) {
          worst[i].fix = fix.option;
          worst[i].fixed_db = decibel(1, fix.damage);
        });
  }

  const Graph& quantized_;
  const Model& real_;
  const Samples& samples_;
  const DiagnoseOptions& options_;
  std::vector<QuantizedLayer> layers_;
  std::vector<double> damages_;
  std::vector<std::size_t> order_;
};

}  // namespace

Result<double> estimate_outputs(const Model& quantized, const Model& real, const Samples& samples, int threads) {
  try {
    return estimate(quantized, real, samples, threads);
  } catch (const std::exception&) {
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

Result<Diagnosis> diagnose(const Model& quantized, const Model& real, const Samples& samples, const DiagnoseOptions& options) {
  try {
    return Diagnoser(quantized, real, samples, options).run();
  } catch (const std::exception&) {
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
