// Activations that are quantized with a scale for each channel, as NNCF does before depthwise convolutions: x / s -> Quantize (of scale 1)
// -> Dequantize -> * s. The product before takes 1 / s into the scales of its weights (fold_affine does, once no Relu stands
// between), the depthwise convolution behind takes s, and what is left is one scale for all.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "converter/passes/edit.h"
#include "converter/passes/passes.h"
#include "converter/passes/source_scales.h"

namespace octet {
namespace {

using schema::Operator;

class FoldChannelScales {
 public:
  explicit FoldChannelScales(Graph& graph) : graph_(graph), uses_(graph), budget_(graph) {}

  void operator()() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (graph_.nodes[n].op() == Operator::Quantize) divide_before_clip(graph_.nodes[n]);
      if (graph_.nodes[n].op() == Operator::Dequantize) fold_into_reader(graph_.nodes[n]);
    }
    erase_removed(graph_);
  }

 private:
  /// The second input of a node where it is a constant of one positive value for each channel, the last axis.
  [[nodiscard]] std::span<const float> channel_values(const Node& node) const {
    const Tensor& c = graph_.tensors[at(node.inputs[1])];
    const Shape& x = graph_.tensors[at(node.inputs[0])].shape;
    const bool fits = c.constant() && c.type == Type::f32 && !x.empty() && !c.shape.empty() && c.shape.size() <= x.size() &&
                      c.shape.back() == x.back() && element_count(c.shape) == x.back();
    if (!fits || !std::ranges::all_of(c.data.as<float>(), [](float v) { return std::isnormal(v) && v > 0; })) return {};
    return c.data.as<float>();
  }

  /// Clip(x, 0, bound) / s -> Clip(x / s, 0, inf), where bound / s is beyond the last step of Quantize, or the first half of it.
  void divide_before_clip(const Node& quantize) {
    const int divide = uses_.maker(quantize.inputs[0]);
    if (divide < 0 || uses_.sole_reader(quantize.inputs[0]) < 0) return;
    Node& second = graph_.nodes[at(divide)];
    if (second.op() != Operator::Binary || second.as<schema::BinaryT>().function != schema::BinaryFunction::Div) return;
    const auto scales = channel_values(second);
    const int clip = uses_.maker(second.inputs[0]);
    if (scales.empty() || clip < 0 || uses_.sole_reader(second.inputs[0]) < 0) return;
    Node& first = graph_.nodes[at(clip)];
    if (first.op() != Operator::Pointwise || first.as<schema::PointwiseT>().function != schema::Function::Clip) return;
    auto& bounds = first.as<schema::PointwiseT>();
    const int product = uses_.maker(first.inputs[0]);
    if (bounds.a != 0 || product < 0 || uses_.sole_reader(first.inputs[0]) < 0 || !is_product(graph_.nodes[at(product)])) return;
    const Quantization& q = graph_.tensors[at(quantize.outputs[0])].quant;
    const auto saturates = [&](float s) {
      return static_cast<double>(bounds.b) / static_cast<double>(s) / static_cast<double>(q.scale()) + q.zero_point() > 254.51;
    };
    if (!std::ranges::all_of(scales, saturates)) return;
    bounds.b = std::numeric_limits<float>::infinity();
    std::swap(first.attributes, second.attributes);
    std::swap(first.name, second.name);
    std::swap(first.sources, second.sources);
    first.inputs.push_back(second.inputs[1]);
    second.inputs.pop_back();
    graph_.tensors[at(first.outputs[0])].name += "@scaled";
  }

  [[nodiscard]] static bool is_product(const Node& node) noexcept { return node.op() == Operator::Conv || node.op() == Operator::FullyConnected; }

  /// Dequantize, * s, a depthwise convolution: s goes into the scales of its weights.
  void fold_into_reader(Node& dequantize) {
    const int multiply = uses_.sole_reader(dequantize.outputs[0]);
    if (multiply < 0 || graph_.nodes[at(multiply)].op() != Operator::Mul) return;
    Node& mul = graph_.nodes[at(multiply)];
    const auto scales = mul.inputs[0] == dequantize.outputs[0] ? channel_values(mul) : std::span<const float>();
    const int reader = uses_.sole_reader(mul.outputs[0]);
    if (scales.empty() || reader < 0 || graph_.nodes[at(reader)].op() != Operator::Conv) return;
    Node& conv = graph_.nodes[at(reader)];
    const Tensor weights = graph_.tensors[at(conv.inputs[1])];
    if (conv.inputs[0] != mul.outputs[0] || !weights.constant() || !weights.source.quant.present()) return;
    const auto channels = static_cast<std::size_t>(weights.shape[0]);
    if (at(conv.as<schema::ConvT>().groups) != scales.size() || channels % scales.size() != 0) return;
    if (!budget_.take(weights.data.bytes().size())) return;
    std::vector<double> factors(channels);
    for (std::size_t c = 0; c < channels; ++c) factors[c] = static_cast<double>(scales[c / (channels / scales.size())]);
    auto scaled = with_scaled_source(weights, factors);
    if (!scaled) return;
    graph_.tensors.push_back(*std::move(scaled));
    conv.inputs[1] = static_cast<int>(graph_.tensors.size()) - 1;
    absorb(dequantize, mul);
    graph_.tensors[at(dequantize.outputs[0])].name += "@steps";
  }

  Graph& graph_;
  Uses uses_;
  CopyBudget budget_;
};

}  // namespace

Result<void> fold_channel_scales(Graph& graph) {
  FoldChannelScales{graph}();
  return {};
}

}  // namespace octet
