#include "converter/imported_quantization.h"

#include <algorithm>
#include <cmath>

#include "converter/int8_form.h"
#include "converter/quantize.h"
#include "engine/model.h"
#include "engine/try.h"
#include "kernels/parallel.h"

namespace octet {
namespace {

constexpr double kAccumulatorLimit = 2147483648.0;  // 2^31

/// How far integers are made smaller (see channel_of), as a power of two.
constexpr int kLeastShift = -4;

/// What rounding may take from a bias and its channel's integers, in steps of the output.
constexpr double kMostLost = 0.5;

/// Scale number c, whether there is one or one for each channel.
double scale_of(const Quantization& q, std::size_t c) { return static_cast<double>(q.scales[q.scales.size() == 1 ? 0 : c]); }

/// q - z of a weight, from its real value: s (q - z) was rounded once, and so is within half a step by far.
std::int32_t integer_of(float value, const Quantization& q, std::size_t c) {
  return static_cast<std::int32_t>(std::nearbyint(static_cast<double>(value) / scale_of(q, c)));
}

/// Whether a value is some s (q - z).
bool is_integer(float value, const Quantization& q, std::size_t c) {
  if (!(std::abs(static_cast<double>(value)) <= 256.0 * scale_of(q, c))) return false;
  const std::int32_t integer = integer_of(value, q, c);
  return std::abs(integer) <= 255 && static_cast<float>(integer) * q.scales[q.scales.size() == 1 ? 0 : c] == value;
}

/// How many s8 it takes to add up to an integer.
int s8_parts(std::int32_t v) { return v < 0 ? (-v + 127) / 128 : (v + 126) / 127; }

/// What of an integer fits in s8; the integer keeps the rest.
std::int8_t take_s8(std::int32_t& v) {
  const auto part = static_cast<std::int8_t>(std::clamp(v, -128, 127));
  v -= part;
  return part;
}

std::span<const float> bias_of(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 3 || node.inputs[2] == kAbsent) return {};
  return graph.tensors[at(node.inputs[2])].data.as<float>();
}

/// The integers q - z of one output channel, and its bias in steps of their sums.
struct Channel {
  std::vector<std::int32_t> integers;
  double bias = 0;
  double output_steps = 0;  // in one of the sums; 0 where the output is real
  int shift = 0;            // the integers are to be multiplied by 2^shift, the scale divided

  [[nodiscard]] std::int32_t shifted(std::int32_t v) const { return static_cast<std::int32_t>(std::nearbyint(std::ldexp(v, shift))); }
  [[nodiscard]] double rounded_bias() const { return std::nearbyint(std::ldexp(bias, shift)); }
  [[nodiscard]] bool fits_s32() const {
    double sum = 0;
    for (const std::int32_t v : integers) sum += std::abs(shifted(v));
    return std::abs(rounded_bias()) + 255.0 * sum < kAccumulatorLimit;
  }
  /// What rounding takes from the bias and, if they are made smaller, the integers, in steps of the sums; nothing where the source's f32
  /// has only rounded an integer's product.
  [[nodiscard]] double lost() const {
    const double difference = std::abs(bias - std::ldexp(rounded_bias(), -shift));
    double lost = difference > std::ldexp(std::abs(bias), -22) ? difference : 0;
    if (shift < 0)
      for (const std::int32_t v : integers) lost += 255.0 * std::abs(v - std::ldexp(shifted(v), -shift));
    return lost;
  }
};

/// A bias that the source has in f32 (NNCF does) lies between the steps of the sums, which are coarse where the channel's integers are
/// small: then these are made larger. The bias of a dead channel, whose scale is next to nothing, may be as large as s32 can be (ONNX
/// Runtime's quantizer saturates it): then they are made smaller.
Channel channel_of(std::span<const float> weights, float bias, const Quantization& x, const Quantization& w, std::size_t c, const Quantization& y) {
  Channel channel;
  std::int32_t largest = 0;
  for (const float v : weights) {
    channel.integers.push_back(integer_of(v, w, c));
    largest = std::max(largest, std::abs(channel.integers.back()));
  }
  const double unit = static_cast<double>(x.scale()) * scale_of(w, c);
  channel.bias = static_cast<double>(bias) / unit;
  if (y.present()) channel.output_steps = unit / static_cast<double>(y.scale());
  const auto fits = [&](int shift) {
    return (std::max(largest, 1) << shift) <= 127 && std::isnormal(std::ldexp(static_cast<float>(scale_of(w, c)), -shift));
  };
  while (channel.lost() > 0 && fits(channel.shift + 1)) ++channel.shift;
  if (!channel.fits_s32()) channel.shift = 0;
  while (!channel.fits_s32() && y.present() && channel.shift > kLeastShift) --channel.shift;
  return channel;
}

/// The source's u8 quantization of a constant that had one scale there and still is made of these integers.
std::optional<Quantization> source_bytes(const Tensor& constant) {
  const Quantization& source = constant.source.quant;
  if (source.scales.size() != 1) return std::nullopt;
  Quantization q = source;
  if (constant.source.s8) q.zero_points[0] += 128;
  const auto is_byte = [&](float v) {
    if (!is_integer(v, source, 0)) return false;
    const std::int32_t byte = integer_of(v, source, 0) + q.zero_point();
    return byte >= 0 && byte <= 255;
  };
  return std::ranges::all_of(constant.data.as<float>(), is_byte) ? std::optional(q) : std::nullopt;
}

}  // namespace

std::vector<Quantization> find_imported(const Graph& graph) {
  std::vector<Quantization> found(graph.tensors.size());
  std::vector<bool> differ(graph.tensors.size(), false);  // has a reader that wants other values
  for (const int i : graph.outputs) differ[at(i)] = true;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const int i = node.inputs[k];
      if (i == kAbsent) continue;
      Quantization wanted;
      if (node.op() == schema::Operator::Quantize) wanted = graph.tensors[at(node.outputs[0])].quant;
      if (k == 0 && keeps_scale(node) && graph.tensors[at(i)].type == Type::f32 && !differ[at(node.outputs[0])]) wanted = found[at(node.outputs[0])];
      Quantization& given = found[at(i)];
      differ[at(i)] = differ[at(i)] || !wanted.present() || (given.present() && given != wanted);
      given = wanted;
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i)
    if (differ[i]) found[i] = {};
  return found;
}

std::string lacks_imported_weights(const Graph& graph, const Node& node, const Quantization& x, const Quantization& y) {
  const Tensor& w = graph.tensors[at(node.inputs[1])];
  const Quantization& q = w.source.quant;
  const auto channels = at(w.shape[0]);
  if (!q.present()) return "its weights '" + w.name + "' are not quantized in the source";
  if (q.scales.size() != 1 && (q.axis != 0 || q.scales.size() != channels)) return "the scales of its weights '" + w.name + "' are not those of its outputs";
  const auto values = w.data.as<float>();
  const std::span<const float> bias = bias_of(graph, node);
  const std::size_t depth = values.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const auto own = values.subspan(c * depth, depth);
    if (!std::ranges::all_of(own, [&](float v) { return is_integer(v, q, c); })) return "its weights '" + w.name + "' are not the source's integers any more";
    const Channel channel = channel_of(own, bias.empty() ? 0.0F : bias[c], x, q, c, y);
    if (!channel.fits_s32()) return "its sums are too long for s32";
    if (channel.lost() * channel.output_steps > kMostLost) return "its bias lies between the steps of its sums, which are too coarse";
  }
  return {};
}

ImportedWeights imported_weights(const Graph& graph, const Node& node, const Quantization& x, const Quantization& y) {
  const Tensor& w = graph.tensors[at(node.inputs[1])];
  const Quantization& q = w.source.quant;
  const auto values = w.data.as<float>();
  const auto channels = at(w.shape[0]);
  const std::size_t depth = values.size() / channels;
  const std::span<const float> bias = bias_of(graph, node);
  ImportedWeights made;
  made.quant = {q.scales, {}, q.scales.size() == 1 ? -1 : 0};
  std::vector<std::int32_t> integers;
  for (std::size_t c = 0; c < channels; ++c) {
    const Channel channel = channel_of(values.subspan(c * depth, depth), bias.empty() ? 0.0F : bias[c], x, q, c, y);
    for (const std::int32_t v : channel.integers) integers.push_back(channel.shifted(v));
    if (!bias.empty()) made.bias.push_back(static_cast<std::int32_t>(channel.rounded_bias()));
    if (channel.shift == 0) continue;
    if (made.quant.axis == -1) made.quant = {std::vector<float>(channels, q.scales[0]), {}, 0};
    made.quant.scales[c] = std::ldexp(made.quant.scales[c], -channel.shift);
  }
  for (const std::int32_t v : integers) made.parts = std::max(made.parts, s8_parts(v));
  const auto row = at(w.shape.back());
  for (std::size_t first = 0; first < integers.size(); first += row) {
    for (int part = 0; part < made.parts; ++part)
      for (std::size_t i = first; i < first + row; ++i) made.weights.push_back(take_s8(integers[i]));
  }
  return made;
}

std::optional<Quantization> exact_bytes(const Tensor& constant) {
  if (auto q = source_bytes(constant)) return q;
  const auto values = constant.data.as<float>();
  const float first = values.empty() ? 0 : values[0];
  if (!std::ranges::all_of(values, [&](float v) { return v == first; })) return std::nullopt;
  if (first == 0) return Quantization{{1.0F}, {0}, -1};
  if (!std::isnormal(first)) return std::nullopt;
  return Quantization{{std::abs(first)}, {first < 0 ? 1 : 0}, -1};
}

bool came_quantized(const Model& model) {
  const Graph& graph = model.impl().graph;
  const auto is_step = [](const Node& n) { return n.op() == schema::Operator::Quantize || n.op() == schema::Operator::Dequantize; };
  return std::ranges::any_of(graph.nodes, is_step) || std::ranges::none_of(graph.tensors, [](const Tensor& t) { return t.type == Type::f32; });
}

Result<Model> quantize_imported(const Model& model, const QuantizeOptions& options) {
  try {
    const kernels::RoundingScope rounding;
    if (!came_quantized(model)) return Error{ErrorCode::unsupported, "has no quantize or dequantize step", {}};
    OCTET_TRY(Graph graph, quantize_imported_graph(model.impl().graph, options));
    graph.provenance.tool_version = version();
    graph.provenance.calibrator = kImported;
    graph.provenance.weight_calibrator = kImported;
    return make_model(std::move(graph));
  } catch (const std::exception&) {
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
