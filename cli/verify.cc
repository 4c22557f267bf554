#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "cli/command.h"
#include "cli/diagnosis.h"
#include "cli/feed.h"
#include "cli/top1.h"
#include "converter/diagnose/layer.h"
#include "converter/quantize.h"
#include "engine/session.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  std::string model, against;
  std::vector<std::string> shapes;
  DataOptions data;
  NormalizationOptions normalization;
  std::int64_t damage_samples = 64;
  int threads = default_threads();
  JsonOption json;
};

/// How far a quantized tensor is from the float one, over all samples.
struct Comparison {
  double signal = 0, noise = 0, dot = 0, power = 0, max_abs = 0;
  std::uint64_t clipped = 0, count = 0;

  /// x is the float value, y what the quantized model has, [lo, hi] what it can represent.
  void add(double x, double y, double lo, double hi) noexcept {
    signal += x * x;
    noise += (x - y) * (x - y);
    dot += x * y;
    power += y * y;
    max_abs = std::max(max_abs, std::abs(x - y));
    clipped += x < lo || x > hi;
    ++count;
  }

  /// 10 log10(sum x^2 / sum (x - y)^2); 200 stands for "no error".
  [[nodiscard]] double sqnr_db() const noexcept {
    constexpr double kNoError = 200;
    if (noise == 0) return kNoError;
    return signal == 0 ? -kNoError : std::min(10 * std::log10(signal / noise), kNoError);
  }
  [[nodiscard]] double cosine() const noexcept {
    return signal == 0 || power == 0 ? (signal == power ? 1 : 0) : dot / std::sqrt(signal * power);
  }
  [[nodiscard]] double clipped_share() const noexcept {
    return count == 0 ? 0 : static_cast<double>(clipped) / static_cast<double>(count);
  }
};

/// A node of the quantized graph and the tensors compared: its output and the float tensor of that name.
struct Layer {
  std::size_t node;
  int quantized, real;
  Comparison comparison;
};

/// Every source node's result in the quantized graph that the float graph has too.
Result<std::vector<Layer>> match(const Graph& quantized, const Graph& real) {
  const Twins twins(real);
  std::vector<Layer> layers;
  for (std::size_t n = 0; n < quantized.nodes.size(); ++n) {
    const int out = quantized.nodes[n].outputs[0];
    const int twin = twins.of(quantized.tensors[static_cast<std::size_t>(out)]);
    if (!quantized.nodes[n].sources.empty() && twin != kAbsent) layers.push_back({n, out, twin, {}});
  }
  if (layers.empty())
    return usage_error("no layer of the two models has the same name and shape: is one made of the other?");
  return layers;
}

void compare(const Session::Impl& q, const Session::Impl& r, int quantized, int real, Comparison& c) {
  const Tensor& t = q.graph().tensors[static_cast<std::size_t>(quantized)];
  const auto n = static_cast<std::size_t>(element_count(q.shapes[static_cast<std::size_t>(quantized)]));
  const auto* x = reinterpret_cast<const float*>(r.data(real));
  if (t.type == Type::f32) {
    const auto* y = reinterpret_cast<const float*>(q.data(quantized));
    for (std::size_t i = 0; i < n; ++i)
      c.add(static_cast<double>(x[i]), static_cast<double>(y[i]), -HUGE_VAL, HUGE_VAL);
    return;
  }
  const auto scale = static_cast<double>(t.quant.scale());
  const std::int32_t z = t.quant.zero_point();
  const auto* y = reinterpret_cast<const std::uint8_t*>(q.data(quantized));
  // A value counts as clipped from half a step beyond the outermost level.
  const double lo = scale * (-z - 0.5);
  const double hi = scale * (255 - z + 0.5);
  for (std::size_t i = 0; i < n; ++i) c.add(static_cast<double>(x[i]), scale * (y[i] - z), lo, hi);
}

/// Both models on the same samples, batch by batch.
class Verification {
 public:
  Verification(const Model& quantized, const Model& real, std::vector<Layer> layers)
      : quantized_(quantized), real_(real), layers_(std::move(layers)), outputs_(quantized.outputs().size()) {}

  Result<void> run(const Feed& feed, const Feed& real_feed) {
    constexpr std::int64_t kBatch = 16;
    const auto make = [&](std::int64_t batch) -> Result<Session> {
      const SessionOptions options{.threads = 1, .batch = static_cast<int>(batch)};
      OCTET_TRY(Session real, make_session(real_, options, {.keep_tensors = true}));
      real_session_.emplace(std::move(real));
      return make_session(quantized_, options, {.keep_tensors = true});
    };
    return Runner::run(feed, kBatch, "verifying", make,
                       [&](Session& session, const auto& outputs, std::int64_t first, std::int64_t n) {
                         return batch(session, outputs, real_feed, first, n);
                       });
  }

  [[nodiscard]] const std::vector<Layer>& layers() const noexcept { return layers_; }
  [[nodiscard]] const Comparison& output(std::size_t i) const noexcept { return outputs_[i]; }
  [[nodiscard]] double agreement() const noexcept {
    return samples_ == 0 ? 0 : static_cast<double>(agreed_) / static_cast<double>(samples_);
  }

 private:
  Result<void> batch(Session& session, const std::vector<std::vector<std::byte>>& outputs, const Feed& real_feed,
                     std::int64_t first, std::int64_t n) {
    Session& real = *real_session_;
    std::vector<std::vector<std::byte>> in_bytes, out_bytes;
    for (const TensorInfo& i : real.inputs()) in_bytes.emplace_back(i.size_bytes());
    for (const TensorInfo& o : real.outputs()) out_bytes.emplace_back(o.size_bytes());
    std::vector<InputTensor> in;
    std::vector<OutputTensor> out;
    for (std::size_t i = 0; i < in_bytes.size(); ++i) {
      OCTET_CHECK(real_feed.read_bytes(i, first, n, in_bytes[i]));
      in.emplace_back(in_bytes[i].data(), in_bytes[i].size(), real.inputs()[i].type);
    }
    for (std::size_t o = 0; o < out_bytes.size(); ++o)
      out.emplace_back(out_bytes[o].data(), out_bytes[o].size(), real.outputs()[o].type);
    OCTET_CHECK(real.run(in, out));
    for (Layer& l : layers_) compare(session.impl(), real.impl(), l.quantized, l.real, l.comparison);
    for (std::size_t o = 0; o < outputs_.size(); ++o)
      compare(session.impl(), real.impl(), session.impl().graph().outputs[o], real.impl().graph().outputs[o],
              outputs_[o]);
    OCTET_TRY(const auto a, top1(session.outputs()[0], outputs[0], n));
    OCTET_TRY(const auto b, top1(real.outputs()[0], out_bytes[0], n));
    for (std::size_t i = 0; i < a.size(); ++i) agreed_ += a[i] == b[i];
    samples_ += a.size();
    return {};
  }

  const Model& quantized_;
  const Model& real_;
  std::optional<Session> real_session_;
  std::vector<Layer> layers_;
  std::vector<Comparison> outputs_;
  std::uint64_t agreed_ = 0, samples_ = 0;
};

Result<void> check_outputs(const Model& quantized, const Model& real) {
  const auto& a = quantized.outputs();
  const auto& b = real.outputs();
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i)
    same = a[i].name == b[i].name && a[i].shape == b[i].shape && a[i].batched == b[i].batched && a[i].type == b[i].type;
  if (!same) return usage_error("the two models' outputs differ: is one made of the other?");
  for (const TensorInfo& output : a)
    if (output.type != Type::f32)
      return usage_error("output '" + output.name + "' is " + name_of(output.type) +
                         "; only f32 outputs can be compared");
  return {};
}

std::vector<std::string> row(const std::string& name, const std::string& op, const LayerDiagnosis* d, const Comparison& c) {
  return {name,
          op,
          d == nullptr ? "" : fmt::format("{:.2f}", d->damage_db),
          d == nullptr ? "" : fmt::format("{:.1f}", 100 * d->share),
          fmt::format("{:.2f}", c.sqnr_db()),
          fmt::format("{:.6f}", c.cosine()),
          fmt::format("{:.4g}", c.max_abs),
          fmt::format("{:.4f}", 100 * c.clipped_share())};
}

/// Layers in the order of the damage they do, then those without any of their own.
void print(const Graph& graph, const Verification& v, const Diagnosis& diagnosis, std::int64_t samples) {
  Table table({"<layer", "<op", ">damage dB", ">share %", ">SQNR dB", ">cosine", ">max abs", ">clipped %"});
  std::set<std::size_t> done;
  const auto add = [&](const Layer& l, const LayerDiagnosis* d) {
    done.insert(l.node);
    table.add(row(graph.nodes[l.node].name, name_of(graph.nodes[l.node].op()), d, l.comparison));
  };
  for (const LayerDiagnosis& d : diagnosis.layers)
    for (const Layer& l : v.layers())
      if (l.node == d.node) add(l, &d);
  for (const Layer& l : v.layers())
    if (!done.contains(l.node)) add(l, nullptr);
  for (std::size_t i = 0; i < graph.outputs.size(); ++i)
    table.add(row(graph.tensors[static_cast<std::size_t>(graph.outputs[i])].name, "output", nullptr, v.output(i)));
  fmt::print("{}\n{} samples: output SQNR {:.2f} dB, top-1 agreement {:.2f} %\n", table.text(), samples, v.output(0).sqnr_db(),
             100 * v.agreement());
  if (const std::string text = paragraph(graph, diagnosis); !text.empty()) fmt::print("\n{}", text);
}

nlohmann::json layers_json(const Graph& graph, const Verification& v, const Diagnosis& diagnosis) {
  std::map<std::size_t, const LayerDiagnosis*> diagnosed;
  for (const LayerDiagnosis& d : diagnosis.layers) diagnosed[d.node] = &d;
  nlohmann::json layers = nlohmann::json::array();
  for (const Layer& l : v.layers()) {
    const Comparison& c = l.comparison;
    layers.push_back({{"name", graph.nodes[l.node].name},
                      {"op", name_of(graph.nodes[l.node].op())},
                      {"sqnr_db", c.sqnr_db()},
                      {"cosine", c.cosine()},
                      {"max_abs", c.max_abs},
                      {"clipped", c.clipped_share()}});
    if (const auto d = diagnosed.find(l.node); d != diagnosed.end()) layers.back().update(to_json(graph, *d->second));
  }
  return layers;
}

Result<void> report(const Options& o, const Graph& graph, const Verification& v, const Diagnosis& diagnosis, std::int64_t samples) {
  if (!o.json.to_stdout()) print(graph, v, diagnosis, samples);
  const Comparison& out = v.output(0);
  nlohmann::json worst = nlohmann::json::array();
  for (const LayerDiagnosis& d : diagnosis.layers) worst.push_back(to_json(graph, d));
  return o.json.write({{"layers", layers_json(graph, v, diagnosis)},
                       {"output", {{"sqnr_db", out.sqnr_db()}, {"cosine", out.cosine()}, {"max_abs", out.max_abs}}},
                       {"top1_agreement", v.agreement()},
                       {"samples", samples},
                       {"diagnosis", worst},
                       {"diagnosis_samples", diagnosis.samples}});
}

/// Nothing where it was not asked for.
Result<Diagnosis> diagnose_layers(const Options& o, const Model& quantized, const Model& real, const Feed& feed) {
  if (o.damage_samples == 0) return Diagnosis{};
  DiagnoseOptions options;
  options.samples = o.damage_samples;
  options.threads = o.threads;
  std::optional<Progress> progress;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress.emplace("diagnosing", total);
    progress->at(done);
  };
  return diagnose(quantized, real, feed, options);
}

Result<int> verify(const Options& o) {
  OCTET_TRY(const Model quantized, Model::load(o.model));
  // As convert took it: a quantized model is compared with real values, not with what was quantized at run time.
  OCTET_TRY(Model real, load_model(o.against, o.shapes, !quantized.impl().graph.provenance.calibrator.empty()));
  if (!real.impl().graph.provenance.calibrator.empty())
    return usage_error("--against " + o.against + " is quantized itself; it must be the float model");
  OCTET_CHECK(check_outputs(quantized, real));
  const Graph& graph = quantized.impl().graph;
  if (graph.provenance.source_hash != real.impl().graph.provenance.source_hash)
    to_stderr(fmt::format("octet verify: warning: {} was not made of this very {}\n", printable(o.model), printable(o.against)));
  // Its layers hold scaled channels; the same scales go to the float side, whose outputs they leave as they are.
  OCTET_TRY(real, equalized_as(real, graph.provenance));
  OCTET_TRY(auto layers, match(graph, real.impl().graph));
  OCTET_TRY(auto normalization, o.normalization.get());
  // A model with stored preprocessing takes raw bytes; the float model then gets the same preprocessing.
  const bool stored = !graph.preprocessing.empty() && graph.preprocessing[0] != nullptr;
  if (stored && normalization != nullptr)
    return usage_error(o.model + " has its preprocessing stored: leave --scale, --mean and --std away");
  if (stored) {
    const Preprocessing& p = *graph.preprocessing[0];
    normalization = std::make_shared<const Normalization>(Normalization{p.scale, p.mean, p.std});
  }
  OCTET_TRY(const Feed feed, Feed::open(quantized.inputs(), o.data, stored ? nullptr : normalization));
  OCTET_TRY(const Feed real_feed, feed.with(real.inputs(), normalization));
  Verification verification(quantized, real, std::move(layers));
  OCTET_CHECK(verification.run(feed, real_feed));
  OCTET_TRY(const Diagnosis diagnosis, diagnose_layers(o, quantized, real, real_feed));
  OCTET_CHECK(report(o, graph, verification, diagnosis, feed.count()));
  return kDone;
}

}  // namespace

Command add_verify(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("verify", "Compare a quantized model with its float source, layer by layer");
  c.add_option("MODEL", o->model, "The .octet model")->required();
  c.add_option("--against", o->against, "The .onnx model it was made of")->required()->type_name("MODEL.onnx");
  add_shape_option(c, o->shapes);
  o->data.add(c, true);
  o->normalization.add(c);
  c.add_option("--damage-samples", o->damage_samples, "Samples for the damage each layer does; 0: leave that out")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  add_threads_option(c, o->threads, "Threads of the diagnosis; its result does not depend on them");
  o->json.add(c);
  c.footer(
      "Example:\n"
      "  octet verify lenet.octet --against lenet.onnx --data t10k-images-idx3-ubyte.gz --samples 1000\n"
      "\n"
      "SQNR: 10 log10(signal power / error power) of each layer's output. clipped: share of values beyond what the\n"
      "quantized tensor can represent. damage: SQNR of the model's outputs when this layer alone is quantized; share: of the\n"
      "noise all layers make there. The worst layers are explained, with the option of convert that would help.");
  return [o] { return verify(*o); };
}

}  // namespace octet::cli
