#include "converter/calibrate.h"

#include <algorithm>
#include <optional>

#include "converter/ordered_work.h"
#include "converter/sample_bytes.h"
#include "engine/session.h"
#include "kernels/parallel.h"

namespace octet {
namespace {

bool moves_nothing(const Node& node) noexcept { return node.op() == schema::Operator::Reshape; }

/// Length of the rows to sample of each tensor: of what an int8 softmax reads, and of the model's outputs; 0 for the others.
std::vector<std::size_t> row_lengths(const Graph& g) {
  std::vector<std::size_t> lengths(g.tensors.size(), 0);
  const auto mark = [&](int tensor) {
    const Shape& shape = g.tensors[at(tensor)].shape;
    if (!shape.empty() && shape.back() > 1) lengths[at(tensor)] = static_cast<std::size_t>(shape.back());
  };
  for (const int i : g.outputs) mark(i);
  for (auto n = g.nodes.rbegin(); n != g.nodes.rend(); ++n) {
    if (n->op() == schema::Operator::Softmax) mark(n->inputs[0]);
    if (moves_nothing(*n) && lengths[at(n->outputs[0])] != 0) lengths[at(n->inputs[0])] = lengths[at(n->outputs[0])];
  }
  return lengths;
}

/// What one thread accumulates; order does not matter to any of it.
struct Accumulated {
  std::vector<Histogram> histograms;
  std::vector<RowSample> rows;
};

/// Samples [first, first + n), the range of each tensor over them, and the outputs if they are wanted.
struct Piece {
  std::int64_t first = 0, n = 0;
  std::vector<Range> ranges;
  Outputs outputs;
};

/// One thread's session and the observers of its tensors.
class Worker {
 public:
  Worker(const Model& model, const Samples& samples, std::int64_t unit, const std::vector<std::size_t>& row_lengths, const ObserveOptions& options,
         Accumulated& into)
      : model_(model), samples_(samples), unit_(unit), row_lengths_(row_lengths), options_(options), into_(into) {}

  Result<Piece> operator()(std::size_t index) {
    const kernels::RoundingScope rounding;
    piece_.first = static_cast<std::int64_t>(index) * unit_;
    piece_.n = std::min(unit_, samples_.count() - piece_.first);
    piece_.ranges.assign(model_.impl().graph.tensors.size(), {});
    piece_.outputs.clear();
    if (!session_ || batch_ != piece_.n) OCTET_CHECK(make_session_for(piece_.n));
    Session::Impl& impl = session_->impl();
    std::vector<InputTensor> inputs;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const TensorInfo& info = session_->inputs()[i];
      OCTET_CHECK(read_bytes(samples_, i, piece_.first, piece_.n, info, values_[i]));
      if (info.type == Type::f32) OCTET_CHECK(observe(impl.graph().inputs[i], {reinterpret_cast<const float*>(values_[i].data()), info.elements()}));
      inputs.emplace_back(values_[i].data(), values_[i].size(), info.type);
    }
    std::vector<OutputTensor> outputs;
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      outputs.emplace_back(outputs_[i].data(), outputs_[i].size(), session_->outputs()[i].type);
    // Each tensor is observed right after it was written, while it is in the cache and before its memory is used again.
    std::optional<Error> bad;
    impl.after_step = [&](std::size_t step) {
      for (const int tensor : impl.graph().nodes[impl.steps[step].node].outputs) {
        if (bad || impl.graph().tensors[at(tensor)].type != Type::f32) continue;
        const auto* data = reinterpret_cast<const float*>(impl.data(tensor));
        if (auto ok = observe(tensor, {data, static_cast<std::size_t>(element_count(impl.shapes[at(tensor)]))}); !ok) bad = std::move(ok).error();
      }
    };
    const auto ran = session_->run(inputs, outputs);
    impl.after_step = nullptr;
    if (bad) return *std::move(bad);
    OCTET_CHECK(ran);
    if (options_.wants_outputs && options_.wants_outputs(piece_.first))
      for (std::size_t o = 0; o < outputs_.size(); ++o) piece_.outputs.push_back(real_values(session_->outputs()[o].type, outputs_[o]));
    return std::move(piece_);
  }

 private:
  Result<void> make_session_for(std::int64_t n) {
    session_.reset();
    SessionOptions options;
    options.batch = static_cast<int>(n);
    OCTET_TRY(Session session, make_session(model_, options, {.stepwise = true}));
    session_.emplace(std::move(session));
    batch_ = n;
    values_.clear();
    outputs_.clear();
    for (const TensorInfo& i : session_->inputs()) values_.emplace_back(i.size_bytes());
    for (const TensorInfo& o : session_->outputs()) outputs_.emplace_back(o.size_bytes());
    return {};
  }

  Result<void> observe(int tensor, std::span<const float> values) {
    if (values.empty()) return {};
    const Extremes extremes = extremes_of(values);
    if (!extremes.finite)
      return Error{ErrorCode::invalid_file,
                   "a value is NaN or infinite in calibration samples " + std::to_string(piece_.first) + " to " + std::to_string(piece_.first + piece_.n - 1),
                   "tensor '" + model_.impl().graph.tensors[at(tensor)].name + "'"};
    piece_.ranges[at(tensor)] = extremes.range;
    if (!into_.histograms.empty()) into_.histograms[at(tensor)].add(values, extremes);
    if (!into_.rows.empty() && row_lengths_[at(tensor)] != 0) {
      const std::size_t rows = values.size() / static_cast<std::size_t>(piece_.n) / row_lengths_[at(tensor)];
      into_.rows[at(tensor)].add(values, static_cast<std::uint64_t>(piece_.first) * rows);
    }
    return {};
  }

  const Model& model_;
  const Samples& samples_;
  std::int64_t unit_;
  const std::vector<std::size_t>& row_lengths_;
  const ObserveOptions& options_;
  Accumulated& into_;
  Piece piece_;
  std::int64_t batch_ = 0;
  std::optional<Session> session_;
  std::vector<std::vector<std::byte>> values_, outputs_;
};

/// Takes pieces in order: extremes at once, moving averages at the end of each chunk.
class Ranges {
 public:
  Ranges(std::vector<Statistics>& statistics, std::int64_t count) : statistics_(statistics), chunk_(statistics.size()), count_(count) {}

  void add(const Piece& piece) {
    const std::int64_t end = piece.first + piece.n;
    const bool chunk_ends = end % kChunk == 0 || end == count_;
    for (std::size_t i = 0; i < statistics_.size(); ++i) {
      chunk_[i] = join(chunk_[i], piece.ranges[i]);
      if (!chunk_ends) continue;
      statistics_[i].range = join(statistics_[i].range, chunk_[i]);
      statistics_[i].average = moved(statistics_[i].average, chunk_[i]);
      chunk_[i] = {};
    }
  }

 private:
  std::vector<Statistics>& statistics_;
  std::vector<Range> chunk_;
  std::int64_t count_;
};

/// Adds what another thread has of a tensor, or takes it over.
template <class T>
void merge(T& from, std::optional<T>& into) {
  if (into) {
    into->merge(from);
  } else {
    into = std::move(from);
  }
}

void merge(std::vector<Accumulated>& parts, const std::vector<std::size_t>& row_lengths, std::vector<Statistics>& statistics) {
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    if (!statistics[i].range.observed) continue;
    for (Accumulated& part : parts) {
      if (!part.histograms.empty()) merge(part.histograms[i], statistics[i].histogram);
      if (!part.rows.empty() && row_lengths[i] != 0) merge(part.rows[i], statistics[i].rows);
    }
  }
}

}  // namespace

std::int64_t samples_at_a_time(const Model& model) {
  constexpr std::int64_t kMostBytes = std::int64_t{32} << 20;
  if (model.inputs().empty() || !std::ranges::all_of(model.inputs(), &TensorInfo::batched)) return 1;
  std::int64_t bytes = 0;
  for (const Tensor& t : model.impl().graph.tensors)
    if (!t.constant()) bytes += std::max<std::int64_t>(element_count(t.shape), 0) * static_cast<std::int64_t>(size_of(t.type));
  std::int64_t n = kChunk;
  while (n > 1 && n * bytes > kMostBytes) n /= 2;
  return n;
}

Result<std::vector<Statistics>> observe(const Model& model, const Samples& samples, const ObserveOptions& options) {
  if (samples.count() < 1) return Error{ErrorCode::invalid_argument, "calibration needs at least one sample", {}};
  const Graph& graph = model.impl().graph;
  const std::size_t tensors = graph.tensors.size();
  const std::int64_t unit = samples_at_a_time(model);
  const auto pieces = static_cast<std::size_t>((samples.count() + unit - 1) / unit);
  const std::vector<std::size_t> lengths = row_lengths(graph);
  std::vector<Accumulated> parts(std::min(pieces, static_cast<std::size_t>(std::max(options.threads, 1))));
  for (Accumulated& part : parts) {
    if (options.histograms) part.histograms.resize(tensors);
    if (options.rows)
      for (const std::size_t length : lengths) part.rows.emplace_back(length);
  }
  std::vector<Statistics> statistics(tensors);
  Ranges ranges(statistics, samples.count());
  OCTET_CHECK(ordered_work<Piece>(
      pieces, options.threads, [&](std::size_t thread) { return Worker(model, samples, unit, lengths, options, parts[thread]); },
      [&](std::size_t, Piece piece) {
        ranges.add(piece);
        if (!piece.outputs.empty()) options.take_outputs(piece.first, std::move(piece.outputs));
        if (options.progress) options.progress(piece.first + piece.n);
      }));
  merge(parts, lengths, statistics);
  // What moves no value is no step of a session: it was observed as its input.
  for (const Node& node : graph.nodes)
    if (moves_nothing(node) && !statistics[at(node.outputs[0])].range.observed) statistics[at(node.outputs[0])] = statistics[at(node.inputs[0])];
  return statistics;
}

namespace {

/// choose(statistics of tensor i) for every tensor, on several threads.
template <class T, class Choose>
std::vector<T> for_each_tensor(const std::vector<Statistics>& statistics, int threads, const Choose& choose) {
  std::vector<T> chosen(statistics.size());
  const auto work = [&](std::size_t i) -> Result<T> {
    const kernels::RoundingScope rounding;
    return choose(statistics[i]);
  };
  const auto done = ordered_work<T>(
      chosen.size(), threads, [&](std::size_t) { return work; }, [&](std::size_t i, T part) { chosen[i] = std::move(part); });
  if (!done) throw std::bad_alloc();  // nothing else can go wrong
  return chosen;
}

}  // namespace

std::vector<Range> choose_ranges(const std::vector<Statistics>& statistics, const Strategy& strategy, const StrategyOptions& options, int threads) {
  return for_each_tensor<Range>(statistics, threads, [&](const Statistics& s) { return s.range.observed ? strategy.range(s, options) : Range{}; });
}

std::vector<std::vector<Range>> choose_all_ranges(const std::vector<Statistics>& statistics, const StrategyOptions& options, int threads) {
  const auto by_tensor = for_each_tensor<std::vector<Range>>(statistics, threads, [&](const Statistics& s) {
    std::vector<Range> ranges(strategies().size());
    for (std::size_t i = 0; i < ranges.size() && s.range.observed; ++i) {
      const Strategy& strategy = strategies()[i];
      // Searching once is enough where two strategies are the same.
      const bool is_mse = strategy.needs_rows && !s.rows;
      ranges[i] = is_mse ? ranges[static_cast<std::size_t>(find_strategy("mse") - strategies().data())] : strategy.range(s, options);
    }
    return ranges;
  });
  std::vector<std::vector<Range>> by_strategy(strategies().size());
  for (std::size_t i = 0; i < by_strategy.size(); ++i)
    for (const auto& ranges : by_tensor) by_strategy[i].push_back(ranges[i]);
  return by_strategy;
}

Result<void> check_calibrator(const std::string& calibrator, double percentile) {
  const auto fail = [](std::string message) { return Error{ErrorCode::invalid_argument, std::move(message), {}}; };
  if (find_strategy(calibrator) == nullptr) return fail("unknown calibrator '" + calibrator + "'; there are: " + strategy_names());
  if (!(percentile > 50 && percentile <= 100)) return fail("a percentile must be above 50 and at most 100, not " + std::to_string(percentile));
  return {};
}

Result<std::vector<Range>> calibrate(const Model& model, const Samples& samples, const CalibrateOptions& options) {
  OCTET_CHECK(check_calibrator(options.calibrator, options.percentile));
  const Strategy& strategy = *find_strategy(options.calibrator);
  OCTET_TRY(const auto statistics, observe(model, samples, {strategy.needs_histogram, strategy.needs_rows, options.threads, options.progress}));
  return choose_ranges(statistics, strategy, {options.percentile, options.symmetric}, options.threads);
}

}  // namespace octet
