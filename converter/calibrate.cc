#include "converter/calibrate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/session.h"

namespace octet {
namespace {

/// Samples of one step of calibration: fixed, so that what a chunk observes does not depend on anything else.
constexpr std::int64_t kChunk = 32;

std::size_t at(int index) noexcept { return static_cast<std::size_t>(index); }

/// Extends a range by values; false if one is not finite.
bool observe(std::span<const float> values, Range& range) {
  float lo = range.observed ? range.min : values[0];
  float hi = range.observed ? range.max : values[0];
  bool finite = true;
  for (const float v : values) {
    finite = finite && std::isfinite(v);
    lo = std::min(lo, v);
    hi = std::max(hi, v);
  }
  range = {lo, hi, true};
  return finite;
}

/// One thread's sessions: one for whole chunks, one for the shorter last one.
class Worker {
 public:
  Worker(const Model& model, const Samples& samples, std::int64_t chunk) : model_(model), samples_(samples), chunk_(chunk) {}

  /// Runs chunk number `index` and observes its tensors.
  Result<std::vector<Range>> run(std::int64_t index) {
    const std::int64_t first = index * chunk_;
    const std::int64_t n = std::min(chunk_, samples_.count() - first);
    OCTET_CHECK(make(n));
    Session::Impl& impl = session_->impl();
    std::vector<InputTensor> inputs;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      OCTET_CHECK(samples_.read(i, first, n, values_[i]));
      inputs.emplace_back(values_[i]);
    }
    std::vector<OutputTensor> outputs;
    for (auto& o : outputs_) outputs.emplace_back(o);
    OCTET_CHECK(session_->run(inputs, outputs));
    std::vector<Range> ranges(impl.graph().tensors.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const Tensor& t = impl.graph().tensors[i];
      if (t.constant() || t.type != Type::f32) continue;
      const auto* data = reinterpret_cast<const float*>(impl.data(static_cast<int>(i)));
      if (!observe({data, static_cast<std::size_t>(element_count(impl.shapes[i]))}, ranges[i]))
        return Error{ErrorCode::invalid_file,
                     "a value is NaN or infinite in calibration samples " + std::to_string(first) + " to " + std::to_string(first + n - 1),
                     "tensor '" + t.name + "'"};
    }
    return ranges;
  }

 private:
  Result<void> make(std::int64_t n) {
    if (session_ && batch_ == n) return {};
    SessionOptions options;
    options.batch = static_cast<int>(n);
    OCTET_TRY(Session session, make_session(model_, options, {.keep_tensors = true}));
    session_.emplace(std::move(session));
    batch_ = n;
    values_.clear();
    outputs_.clear();
    for (const TensorInfo& i : session_->inputs()) values_.emplace_back(i.elements());
    for (const TensorInfo& o : session_->outputs()) outputs_.emplace_back(o.elements());
    return {};
  }

  const Model& model_;
  const Samples& samples_;
  std::int64_t chunk_;
  std::int64_t batch_ = 0;
  std::optional<Session> session_;
  std::vector<std::vector<float>> values_, outputs_;
};

Result<void> check_model(const Model& model, const Samples& samples, const CalibrateOptions& options) {
  const auto fail = [](std::string message) { return Error{ErrorCode::invalid_argument, std::move(message), {}}; };
  if (options.calibrator != "minmax") return fail("unknown calibrator '" + options.calibrator + "'; there is: minmax");
  if (samples.count() < 1) return fail("calibration needs at least one sample");
  for (const auto* infos : {&model.inputs(), &model.outputs()})
    for (const TensorInfo& t : *infos)
      if (t.type != Type::f32)
        return Error{ErrorCode::unsupported, std::string("only f32 inputs and outputs can be quantized, this is ") + name_of(t.type),
                     "tensor '" + t.name + "'"};
  return {};
}

void merge(const std::vector<Range>& from, std::vector<Range>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (!from[i].observed) continue;
    to[i] = to[i].observed ? Range{std::min(to[i].min, from[i].min), std::max(to[i].max, from[i].max), true} : from[i];
  }
}

/// Hands out chunks to workers and merges what they saw in the order of the chunks, whoever finished first.
class Calibration {
 public:
  Calibration(const Model& model, const Samples& samples, const CalibrateOptions& options)
      : model_(model), samples_(samples), options_(options), total_(model.impl().graph.tensors.size()) {
    const bool batched = std::ranges::all_of(model.inputs(), &TensorInfo::batched) && !model.inputs().empty();
    chunk_ = batched ? kChunk : 1;
    results_.resize(at(static_cast<int>((samples.count() + chunk_ - 1) / chunk_)));
  }

  Result<std::vector<Range>> run() {
    const auto workers = std::min<std::size_t>(static_cast<std::size_t>(std::max(options_.threads, 1)), results_.size());
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < workers; ++i) threads.emplace_back([this] { work(); });
    work();
    threads.clear();
    if (error_) return *error_;
    return total_;
  }

 private:
  /// Nothing may be thrown out of a thread.
  static Result<std::vector<Range>> attempt(Worker& worker, std::size_t index) {
    try {
      return worker.run(static_cast<std::int64_t>(index));
    } catch (const std::exception&) {
      return Error{ErrorCode::run_failed, "out of memory", {}};
    }
  }

  void work() {
    Worker worker(model_, samples_, chunk_);
    for (;;) {
      const std::size_t index = next_.fetch_add(1);
      if (index >= results_.size() || failed_.load()) return;
      auto ranges = attempt(worker, index);
      const std::scoped_lock lock(mutex_);
      if (!ranges) {
        failed_.store(true);
        // The first in order is reported, so that the message does not depend on the threads.
        if (!error_ || index < error_index_) error_ = std::move(ranges).error(), error_index_ = index;
        return;
      }
      results_[index] = *std::move(ranges);
      for (; merged_ < results_.size() && !results_[merged_].empty(); ++merged_) {
        merge(results_[merged_], total_);
        results_[merged_] = {};
        results_[merged_].shrink_to_fit();
      }
      if (options_.progress) options_.progress(std::min(static_cast<std::int64_t>(merged_) * chunk_, samples_.count()));
    }
  }

  const Model& model_;
  const Samples& samples_;
  const CalibrateOptions& options_;
  std::int64_t chunk_ = 1;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::vector<std::vector<Range>> results_;
  std::size_t merged_ = 0;
  std::vector<Range> total_;
  std::optional<Error> error_;
  std::size_t error_index_ = 0;
};

}  // namespace

Result<std::vector<Range>> calibrate(const Model& model, const Samples& samples, const CalibrateOptions& options) {
  OCTET_CHECK(check_model(model, samples, options));
  return Calibration(model, samples, options).run();
}

}  // namespace octet
