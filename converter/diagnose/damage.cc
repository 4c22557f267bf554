#include "converter/diagnose/damage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "converter/ordered_work.h"

namespace octet {
namespace {

/// The part of a float graph that one layer's form changes, as a model of its own.
struct Part {
  Model model;
  std::vector<int> inputs;           ///< tensors of the whole graph, in the order of the model's inputs
  std::vector<std::size_t> outputs;  ///< outputs of the whole graph, in the order of the model's outputs
};

class Cutter {
 public:
  Cutter(const Graph& whole, const QuantizedLayer& layer, const LayerForm& form) : whole_(whole), layer_(layer), form_(form) {
    part_.tensors = whole.tensors;
  }

  /// All that follows the layer or, if `alone`, the layer itself, its output in f32.
  Result<Part> operator()(bool alone) {
    std::vector<bool> changed(whole_.tensors.size(), false);
    changed[at(layer_.tensor)] = true;
    if (layer_.node == kAbsent) quantize_output();
    for (std::size_t n = 0; n < whole_.nodes.size(); ++n) {
      const Node& node = whole_.nodes[n];
      const bool own = static_cast<int>(n) == layer_.node;
      const bool follows = !alone && std::ranges::any_of(node.inputs, [&](int i) { return i != kAbsent && changed[at(i)]; });
      if (!own && !follows) continue;
      for (const int o : node.outputs) changed[at(o)] = true;
      add(node);
      if (own) replace_constants();
      if (own && !alone) quantize_output();
    }
    std::vector<std::size_t> outputs;
    for (std::size_t o = 0; o < whole_.outputs.size() && !alone; ++o)
      if (changed[at(whole_.outputs[o])]) outputs.push_back(o), part_.outputs.push_back(replaced(whole_.outputs[o]));
    if (alone) part_.outputs.push_back(layer_.tensor);
    find_inputs();
    std::vector<int> inputs = part_.inputs;
    OCTET_TRY(Model model, make_model(std::move(part_)));
    return Part{std::move(model), std::move(inputs), std::move(outputs)};
  }

 private:
  [[nodiscard]] int replaced(int tensor) const { return tensor == layer_.tensor && rounded_ != kAbsent ? rounded_ : tensor; }

  int add_tensor(Tensor t) {
    part_.tensors.push_back(std::move(t));
    return static_cast<int>(part_.tensors.size()) - 1;
  }

  void add(const Node& node) {
    part_.nodes.push_back(node);
    part_.nodes.back().sources.clear();
    for (int& i : part_.nodes.back().inputs) i = replaced(i);
  }

  void replace_constants() {
    for (const auto& [input, tensor] : form_.constants) part_.nodes.back().inputs[input] = add_tensor(tensor);
  }

  /// From here on, the layer's output is read as it is after quantization.
  void quantize_output() {
    if (!form_.output) return;
    const Tensor real = whole_.tensors[at(layer_.tensor)];
    Tensor bytes = real;
    bytes.type = Type::u8, bytes.quant = *form_.output;
    const int q = add_tensor(std::move(bytes));
    const int r = add_tensor(real);
    part_.nodes.push_back({real.name, attributes(schema::QuantizeT{}), {layer_.tensor}, {q}, {}, {}});
    part_.nodes.push_back({real.name, attributes(schema::DequantizeT{}), {q}, {r}, {}, {}});
    rounded_ = r;
  }

  /// What is read and not written.
  void find_inputs() {
    std::vector<bool> known(part_.tensors.size(), false);
    for (std::size_t i = 0; i < known.size(); ++i) known[i] = part_.tensors[i].constant();
    for (const Node& node : part_.nodes) {
      for (const int i : node.inputs) {
        if (i == kAbsent || known[at(i)]) continue;
        known[at(i)] = true;
        part_.inputs.push_back(i);
        part_.preprocessing.push_back(nullptr);
      }
      for (const int o : node.outputs) known[at(o)] = true;
    }
  }

  const Graph& whole_;
  const QuantizedLayer& layer_;
  const LayerForm& form_;
  Graph part_;
  int rounded_ = kAbsent;
};

/// Runs a part on what was recorded; visit(chunk, outputs of the part).
template <class Visit>
Result<void> run(const Recording& recording, const Part& part, const Visit& visit) {
  std::optional<Session> session;
  std::int64_t batch = 0;
  for (std::size_t chunk = 0; chunk < recording.chunks(); ++chunk) {
    const std::int64_t n = recording.chunk_samples(chunk);
    if (!session || n != batch) {
      session.reset();
      OCTET_TRY(Session made, part.model.session({.threads = 1, .batch = static_cast<int>(n)}));
      session.emplace(std::move(made));
      batch = n;
    }
    std::vector<InputTensor> in;
    for (std::size_t i = 0; i < part.inputs.size(); ++i) {
      const auto bytes = recording.bytes(chunk, part.inputs[i]);
      in.emplace_back(bytes.data(), bytes.size(), session->inputs()[i].type);
    }
    std::vector<std::vector<std::byte>> outputs;
    std::vector<OutputTensor> out;
    for (const TensorInfo& o : session->outputs()) outputs.emplace_back(o.size_bytes());
    for (std::size_t o = 0; o < outputs.size(); ++o) out.emplace_back(outputs[o].data(), outputs[o].size(), session->outputs()[o].type);
    OCTET_CHECK(session->run(in, out));
    visit(chunk, outputs);
  }
  return {};
}

std::span<const float> floats(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

struct Power {
  double signal = 0, noise = 0;

  void add(std::span<const float> exact, std::span<const float> changed) noexcept {
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const auto x = static_cast<double>(exact[i]);
      const double e = x - static_cast<double>(changed[i]);
      signal += x * x;
      noise += e * e;
    }
  }
  [[nodiscard]] double ratio() const noexcept {
    return noise == 0 ? 0 : signal == 0 ? std::numeric_limits<double>::infinity() : noise / signal;
  }
};

}  // namespace

double decibel(double signal, double noise) noexcept {
  if (noise == 0) return kNoError;
  return signal == 0 ? -kNoError : std::clamp(10 * std::log10(signal / noise), -kNoError, kNoError);
}

Result<double> damage(const Recording& recording, const QuantizedLayer& layer, const LayerForm& form) {
  const Graph& graph = recording.graph();
  OCTET_TRY(const Part part, Cutter(graph, layer, form)(false));
  std::vector<Power> powers(graph.outputs.size());
  OCTET_CHECK(run(recording, part, [&](std::size_t chunk, const auto& outputs) {
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      const int tensor = graph.outputs[part.outputs[o]];
      if (graph.tensors[at(tensor)].type == Type::f32) powers[part.outputs[o]].add(recording.values(chunk, tensor), floats(outputs[o]));
    }
  }));
  double ratio = 0;
  double outputs = 0;
  for (std::size_t o = 0; o < powers.size(); ++o) {
    if (graph.tensors[at(graph.outputs[o])].type != Type::f32) continue;
    ratio += powers[o].ratio();
    outputs += 1;
  }
  return outputs == 0 ? 0 : ratio / outputs;
}

Result<std::vector<double>> damages(const Recording& recording, const std::vector<QuantizedLayer>& layers, int threads,
                                    const std::function<void(std::int64_t)>& progress) {
  std::vector<double> ratios(layers.size());
  OCTET_CHECK(ordered_work<double>(
      layers.size(), threads,
      [&](std::size_t) { return [&](std::size_t i) { return damage(recording, layers[i], layers[i].form); }; },
      [&](std::size_t i, double ratio) {
        ratios[i] = ratio;
        if (progress) progress(static_cast<std::int64_t>(i) + 1);
      }));
  return ratios;
}

Result<void> compare_layer(const Recording& recording, const QuantizedLayer& layer, const LayerForm& form,
                           const std::function<void(std::span<const float>, std::span<const float>)>& visit) {
  if (layer.node == kAbsent || form.constants.empty()) {
    for (std::size_t c = 0; c < recording.chunks(); ++c) visit(recording.values(c, layer.tensor), recording.values(c, layer.tensor));
    return {};
  }
  OCTET_TRY(const Part part, Cutter(recording.graph(), layer, form)(true));
  return run(recording, part, [&](std::size_t chunk, const auto& outputs) { visit(recording.values(chunk, layer.tensor), floats(outputs[0])); });
}

}  // namespace octet
