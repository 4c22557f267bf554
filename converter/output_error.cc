#include "converter/output_error.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "converter/graph_walk.h"
#include "converter/ordered_work.h"
#include "converter/sample_bytes.h"
#include "engine/model.h"
#include "engine/operator.h"

namespace octet {
namespace {

SamplePart part_of(const Model& model, std::int64_t count) {
  constexpr std::uint64_t kMacs = std::uint64_t{1} << 35U;          // a second or two of float arithmetic
  constexpr std::uint64_t kOutputs = std::uint64_t{1} << 24U;       // values of the float model's outputs that are kept
  std::uint64_t outputs = 1;
  for (const TensorInfo& o : model.outputs()) outputs += o.elements();
  const std::uint64_t wanted = std::min(kMacs / std::max<std::uint64_t>(macs_of(model.impl().graph), 1), kOutputs / outputs);
  SamplePart part;
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
  Runner(const Model& model, const Samples& samples, const SamplePart& part) : model_(model), samples_(samples), part_(part) {}

  Result<Outputs> operator()(std::size_t piece) {
    const std::int64_t n = part_.samples(piece);
    if (!session_ || batch_ != n) {
      session_.reset();
      OCTET_TRY(Session session, model_.session({.threads = 1, .batch = static_cast<int>(n)}));
      session_.emplace(std::move(session));
      batch_ = n;
    }
    std::vector<std::vector<std::byte>> values, results;
    std::vector<InputTensor> in;
    for (const TensorInfo& i : session_->inputs()) values.emplace_back(i.size_bytes());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const TensorInfo& info = session_->inputs()[i];
      OCTET_CHECK(read_bytes(samples_, i, part_.firsts[piece], n, info, values[i]));
      in.emplace_back(values[i].data(), values[i].size(), info.type);
    }
    std::vector<OutputTensor> out;
    for (const TensorInfo& o : session_->outputs()) results.emplace_back(o.size_bytes());
    for (std::size_t o = 0; o < results.size(); ++o) out.emplace_back(results[o].data(), results[o].size(), session_->outputs()[o].type);
    OCTET_CHECK(session_->run(in, out));
    Outputs outputs;
    for (std::size_t o = 0; o < results.size(); ++o) outputs.push_back(real_values(session_->outputs()[o].type, results[o]));
    return outputs;
  }

 private:
  const Model& model_;
  const Samples& samples_;
  const SamplePart& part_;
  std::int64_t batch_ = 0;
  std::optional<Session> session_;
};

}  // namespace

OutputError::OutputError(const Model& exact, const Samples& samples, int threads)
    : exact_model_(exact), samples_(samples), threads_(threads), part_(part_of(exact, samples.count())) {}

Result<std::vector<Outputs>> OutputError::run(const Model& model) const {
  std::vector<Outputs> all(part_.firsts.size());
  OCTET_CHECK(ordered_work<Outputs>(
      all.size(), threads_, [&](std::size_t) { return Runner(model, samples_, part_); },
      [&](std::size_t piece, Outputs outputs) { all[piece] = std::move(outputs); }));
  return all;
}

Result<double> OutputError::sqnr_db(const Model& quantized) {
  if (exact_.empty()) {
    OCTET_TRY(exact_, run(exact_model_));
  }
  OCTET_TRY(const auto outputs, run(quantized));
  return compare(outputs);
}

bool OutputError::uses(std::int64_t first, std::int64_t n) const {
  return std::ranges::any_of(part_.firsts, [&](std::int64_t f) { return f < first + n && first < f + part_.unit; });
}

bool OutputError::wants_exact(std::int64_t first_sample) const {
  return exact_.size() < part_.firsts.size() && std::ranges::binary_search(part_.firsts, first_sample);
}

double OutputError::compare(const std::vector<Outputs>& quantized) const {
  double ratio = 0;
  std::size_t outputs = 0;  // that have elements
  for (std::size_t o = 0; o < exact_[0].size(); ++o) {
    if (exact_[0][o].empty()) continue;
    ++outputs;
    double signal = 0;
    double noise = 0;
    for (std::size_t piece = 0; piece < exact_.size(); ++piece) {
      for (std::size_t i = 0; i < exact_[piece][o].size(); ++i) {
        const auto x = static_cast<double>(exact_[piece][o][i]);
        const double e = x - static_cast<double>(quantized[piece][o][i]);
        signal += x * x;
        noise += e * e;
      }
    }
    ratio += noise == 0 ? 0 : noise / signal;
  }
  return -10 * std::log10(ratio / static_cast<double>(std::max<std::size_t>(outputs, 1)));
}

}  // namespace octet
