#include "converter/diagnose/layer.h"

#include <algorithm>

#include "converter/quantize.h"

namespace octet {
namespace {

std::vector<int> makers(const Graph& g) {
  std::vector<int> maker(g.tensors.size(), kAbsent);
  for (std::size_t n = 0; n < g.nodes.size(); ++n)
    for (const int t : g.nodes[n].outputs) maker[at(t)] = static_cast<int>(n);
  return maker;
}

Tensor f32_constant(const Tensor& like, std::vector<float> values) { return {like.name, Type::f32, like.shape, false, {}, Constant::of(std::move(values))}; }

/// Values of an s32 bias at s_x * s_w[c].
Tensor dequantized_bias(const Tensor& bias, const Quantization& x, const Quantization& w) {
  const auto q = bias.data.as<std::int32_t>();
  std::vector<float> values(q.size());
  for (std::size_t c = 0; c < q.size(); ++c) {
    const double scale = static_cast<double>(x.scale()) * static_cast<double>(w.scales[w.scales.size() == 1 ? 0 : c]);
    values[c] = static_cast<float>(scale * q[c]);
  }
  return f32_constant(bias, std::move(values));
}

class Matcher {
 public:
  Matcher(const Graph& quantized, const Graph& real)
      : quantized_(quantized), real_(real), twins_(real), real_maker_(makers(real)), quantized_maker_(makers(quantized)),
        corrected_(quantized.provenance.repair.find(kBiasCorrected) != std::string::npos) {}

  std::vector<QuantizedLayer> layers() const {
    std::vector<QuantizedLayer> result;
    for (std::size_t n = 0; n < quantized_.nodes.size(); ++n) {
      const Node& node = quantized_.nodes[n];
      const Tensor& out = quantized_.tensors[at(node.outputs[0])];
      const int twin = twins_.of(out);
      if (twin == kAbsent) continue;
      QuantizedLayer layer{real_maker_[at(twin)], twin, n, {}};
      if (layer.node != kAbsent) layer.form.constants = constants(node, real_.nodes[at(layer.node)]);
      if (out.type == Type::u8 && !moves(node)) layer.form.output = out.quant;
      if (layer.form.output || !layer.form.constants.empty()) result.push_back(std::move(layer));
    }
    return result;
  }

 private:
  [[nodiscard]] std::vector<std::pair<std::size_t, Tensor>> constants(const Node& node, const Node& twin) const {
    std::vector<std::pair<std::size_t, Tensor>> result;
    const auto tensor = [&](std::size_t i) -> const Tensor& { return quantized_.tensors[at(node.inputs[i])]; };
    for (std::size_t i = 0; i < std::min(node.inputs.size(), twin.inputs.size()); ++i) {
      if (node.inputs[i] == kAbsent || twin.inputs[i] == kAbsent) continue;
      const Tensor& c = tensor(i);
      const Tensor& r = real_.tensors[at(twin.inputs[i])];
      if (!c.constant() || !r.constant() || c.shape != r.shape || r.type != Type::f32) continue;
      if (c.type == Type::s8 && node.inputs[0] != kAbsent && tensor(0).type == Type::f32) {
        result.emplace_back(i, c);
      } else if (c.quant.present() && c.quant.axis <= 0) {
        result.emplace_back(i, dequantized(c));
      } else if (c.type == Type::s32 && i == 2 && !corrected_ && tensor(0).quant.present() && tensor(1).quant.present() && c.shape.size() == 1 &&
                 (tensor(1).quant.scales.size() == 1 || static_cast<std::int64_t>(tensor(1).quant.scales.size()) == c.shape[0])) {
        result.emplace_back(i, dequantized_bias(c, tensor(0).quant, tensor(1).quant));
      }
    }
    return result;
  }

  /// The output is made of bytes of the inputs: it has no error of its own.
  [[nodiscard]] bool moves(const Node& node) const {
    bool any = false;
    for (const int i : node.inputs) {
      if (i == kAbsent || quantized_.tensors[at(i)].type != Type::u8) continue;
      const Tensor& t = quantized_.tensors[at(i)];
      if (t.constant() || t.quant != quantized_.tensors[at(node.outputs[0])].quant || rescaled(i)) return false;
      any = true;
    }
    return any;
  }

  /// Made by a change of scale that belongs to its reader.
  [[nodiscard]] bool rescaled(int tensor) const {
    const int maker = quantized_maker_[at(tensor)];
    if (maker == kAbsent) return false;
    const Node& node = quantized_.nodes[at(maker)];
    return node.op() == schema::Operator::Lookup && node.sources.empty() && quantized_maker_[at(node.inputs[0])] != kAbsent;
  }

  const Graph& quantized_;
  const Graph& real_;
  Twins twins_;
  std::vector<int> real_maker_, quantized_maker_;
  bool corrected_;  ///< biases make up for the errors of other layers, too, which are not there when one is quantized alone
};

}  // namespace

Twins::Twins(const Graph& real) : real_(real) {
  for (std::size_t i = 0; i < real.tensors.size(); ++i)
    if (!real.tensors[i].constant()) by_name_[real.tensors[i].name] = static_cast<int>(i);
}

int Twins::of(const Tensor& t) const {
  if (t.type != Type::f32 && (t.type != Type::u8 || t.quant.scales.size() != 1)) return kAbsent;
  auto found = by_name_.find(t.name);
  const std::string suffix = kQuantizedSuffix;
  if (found == by_name_.end() && t.name.ends_with(suffix)) found = by_name_.find(t.name.substr(0, t.name.size() - suffix.size()));
  if (found == by_name_.end()) return kAbsent;
  const Tensor& real = real_.tensors[at(found->second)];
  return real.type == Type::f32 && real.shape == t.shape && real.batched == t.batched ? found->second : kAbsent;
}

Tensor dequantized(const Tensor& t) {
  const auto count = static_cast<std::size_t>(element_count(t.shape));
  const Quantization& q = t.quant;
  const std::size_t inner = q.scales.size() == 1 ? count : count / q.scales.size();
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t c = q.scales.size() == 1 ? 0 : i / inner;
    const int zero_point = q.zero_points.empty() ? 0 : q.zero_points[c];
    const int byte = t.type == Type::s8 ? t.data.as<std::int8_t>()[i] : t.data.as<std::uint8_t>()[i];
    values[i] = q.scales[c] * static_cast<float>(byte - zero_point);
  }
  return f32_constant(t, std::move(values));
}

std::vector<QuantizedLayer> quantized_layers(const Graph& quantized, const Graph& real) { return Matcher(quantized, real).layers(); }

}  // namespace octet
