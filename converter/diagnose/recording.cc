#include "converter/diagnose/recording.h"

#include <algorithm>
#include <optional>

#include "converter/calibrate.h"
#include "converter/graph_walk.h"
#include "converter/sample_bytes.h"
#include "engine/operator.h"
#include "engine/session.h"

namespace octet {
namespace {

/// Bytes of recorded tensors, and multiply-accumulates of all runs of the model together (some seconds).
constexpr double kMostBytes = 256.0 * (1 << 20);
constexpr double kMostMacs = 3e11;
/// Fewer say nothing, whatever they cost.
constexpr std::int64_t kFewestSamples = 2;

double tensor_bytes(const Graph& g) {
  double bytes = 0;
  for (const Tensor& t : g.tensors)
    if (!t.constant()) bytes += static_cast<double>(std::max<std::int64_t>(element_count(t.shape), 0)) * static_cast<double>(size_of(t.type));
  return bytes;
}

}  // namespace

std::span<const float> Recording::values(std::size_t chunk, int tensor) const noexcept {
  const auto b = bytes(chunk, tensor);
  return {reinterpret_cast<const float*>(b.data()), b.size() / sizeof(float)};
}

Result<Recording> Recording::make(const Model& real, const Samples& samples, std::int64_t most, double runs) {
  Recording r(real);
  const double by_memory = kMostBytes / std::max(tensor_bytes(r.graph()), 1.0);
  const double by_time = kMostMacs / std::max(static_cast<double>(macs_of(r.graph())) * std::max(runs, 1.0), 1.0);
  const double wanted = std::max(std::min({by_memory, by_time, static_cast<double>(most)}), static_cast<double>(kFewestSamples));
  const std::int64_t total = std::min(static_cast<std::int64_t>(wanted), samples.count());
  const std::int64_t unit = std::min(samples_at_a_time(real), total);
  const std::int64_t pieces = (total + unit - 1) / unit;
  std::optional<Session> session;
  for (std::int64_t p = 0; p < pieces; ++p) {
    const std::int64_t n = std::min(unit, total - p * unit);
    if (!session || n != unit) {
      session.reset();
      OCTET_TRY(Session made, make_session(real, {.threads = 1, .batch = static_cast<int>(n)}, {.keep_tensors = true}));
      session.emplace(std::move(made));
    }
    const std::int64_t first = p * (samples.count() - total) / std::max<std::int64_t>(pieces - 1, 1) + p * unit;
    OCTET_CHECK(r.record(*session, samples, first, n));
  }
  return r;
}

Result<void> Recording::record(Session& session, const Samples& samples, std::int64_t first, std::int64_t n) {
  std::vector<std::vector<std::byte>> inputs;
  std::vector<InputTensor> in;
  for (const TensorInfo& i : session.inputs()) inputs.emplace_back(i.size_bytes());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo& info = session.inputs()[i];
    OCTET_CHECK(read_bytes(samples, i, first, n, info, inputs[i]));
    in.emplace_back(inputs[i].data(), inputs[i].size(), info.type);
  }
  std::vector<std::vector<std::byte>> outputs;
  std::vector<OutputTensor> out;
  for (const TensorInfo& o : session.outputs()) outputs.emplace_back(o.size_bytes());
  for (std::size_t o = 0; o < outputs.size(); ++o) out.emplace_back(outputs[o].data(), outputs[o].size(), session.outputs()[o].type);
  OCTET_CHECK(session.run(in, out));
  Chunk chunk{n, std::vector<std::vector<std::byte>>(graph().tensors.size())};
  for (std::size_t t = 0; t < chunk.tensors.size(); ++t) {
    const std::byte* data = session.impl().data(static_cast<int>(t));
    if (graph().tensors[t].constant() || data == nullptr) continue;
    chunk.tensors[t].assign(data, data + static_cast<std::size_t>(element_count(session.impl().shapes[t])) * size_of(graph().tensors[t].type));
  }
  samples_ += n;
  chunks_.push_back(std::move(chunk));
  return {};
}

}  // namespace octet
