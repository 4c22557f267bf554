#include <fmt/format.h>

#include <cmath>
#include <map>

#include "cli/command.h"
#include "cli/feed.h"
#include "cli/top1.h"
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
  std::map<std::string, int> by_name;
  for (std::size_t i = 0; i < real.tensors.size(); ++i)
    if (!real.tensors[i].constant()) by_name[real.tensors[i].name] = static_cast<int>(i);
  std::vector<Layer> layers;
  for (std::size_t n = 0; n < quantized.nodes.size(); ++n) {
    const int out = quantized.nodes[n].outputs[0];
    const Tensor& t = quantized.tensors[static_cast<std::size_t>(out)];
    std::string name = t.name;
    if (name.ends_with(kQuantizedSuffix) && !by_name.contains(name))
      name.resize(name.size() - std::string(kQuantizedSuffix).size());
    const auto found = by_name.find(name);
    if (quantized.nodes[n].sources.empty() || found == by_name.end()) continue;
    const Tensor& r = real.tensors[static_cast<std::size_t>(found->second)];
    const bool comparable =
        r.type == Type::f32 && (t.type == Type::f32 || (t.type == Type::u8 && t.quant.scales.size() == 1));
    if (r.shape != t.shape || r.batched != t.batched || !comparable) continue;
    layers.push_back({n, out, found->second, {}});
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

std::vector<std::string> row(const std::string& name, const std::string& op, const Comparison& c) {
  return {name,
          op,
          fmt::format("{:.2f}", c.sqnr_db()),
          fmt::format("{:.6f}", c.cosine()),
          fmt::format("{:.4g}", c.max_abs),
          fmt::format("{:.4f}", 100 * c.clipped_share())};
}

Result<void> report(const Options& o, const Graph& graph, const Verification& v, std::int64_t samples) {
  nlohmann::json layers = nlohmann::json::array();
  Table table({"<layer", "<op", ">SQNR dB", ">cosine", ">max abs", ">clipped %"});
  for (const Layer& l : v.layers()) {
    const Node& node = graph.nodes[l.node];
    const Comparison& c = l.comparison;
    table.add(row(node.name, name_of(node.op()), c));
    layers.push_back({{"name", node.name},
                      {"op", name_of(node.op())},
                      {"sqnr_db", c.sqnr_db()},
                      {"cosine", c.cosine()},
                      {"max_abs", c.max_abs},
                      {"clipped", c.clipped_share()}});
  }
  const Comparison& out = v.output(0);
  if (!o.json.to_stdout()) {
    for (std::size_t i = 0; i < graph.outputs.size(); ++i)
      table.add(row(graph.tensors[static_cast<std::size_t>(graph.outputs[i])].name, "output", v.output(i)));
    fmt::print("{}\n{} samples: output SQNR {:.2f} dB, top-1 agreement {:.2f} %\n", table.text(), samples,
               out.sqnr_db(), 100 * v.agreement());
  }
  return o.json.write({{"layers", layers},
                       {"output", {{"sqnr_db", out.sqnr_db()}, {"cosine", out.cosine()}, {"max_abs", out.max_abs}}},
                       {"top1_agreement", v.agreement()},
                       {"samples", samples}});
}

Result<int> verify(const Options& o) {
  OCTET_TRY(const Model quantized, Model::load(o.model));
  OCTET_TRY(Model real, load_model(o.against, o.shapes));
  if (!real.impl().graph.provenance.calibrator.empty())
    return usage_error("--against " + o.against + " is quantized itself; it must be the float model");
  OCTET_CHECK(check_outputs(quantized, real));
  const Graph& graph = quantized.impl().graph;
  if (graph.provenance.source_hash != real.impl().graph.provenance.source_hash)
    fmt::print(stderr, "octet verify: warning: {} was not made of this very {}\n", printable(o.model),
               printable(o.against));
  // Its layers hold scaled channels; the same scales go to the float side, whose outputs they leave as they are.
  if (graph.provenance.repair.find(kEqualized) != std::string::npos) {
    OCTET_TRY(real, equalized(real));
  }
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
  OCTET_CHECK(report(o, graph, verification, feed.count()));
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
  o->json.add(c);
  c.footer(
      "Example:\n"
      "  octet verify lenet.octet --against lenet.onnx --data t10k-images-idx3-ubyte.gz --samples 1000\n"
      "\n"
      "SQNR: 10 log10(signal power / error power) of each layer's output. clipped: share of values beyond what the\n"
      "quantized tensor can represent.");
  return [o] { return verify(*o); };
}

}  // namespace octet::cli
