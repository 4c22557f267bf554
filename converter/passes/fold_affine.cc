#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/onnx/tensor_proto.h"
#include "converter/passes/edit.h"
#include "converter/passes/passes.h"
#include "converter/passes/source_scales.h"

namespace octet {
namespace {

bool is_product(schema::Operator op) noexcept {
  return op == schema::Operator::Conv || op == schema::Operator::FullyConnected;
}

template <class T>
bool clamps_in(const Node& node) {
  const auto& op = node.as<T>();
  return op.clamp_min != -std::numeric_limits<float>::infinity() ||
         op.clamp_max != std::numeric_limits<float>::infinity();
}

bool clamps(const Node& node) {
  switch (node.op()) {
    case schema::Operator::Conv:
      return clamps_in<schema::ConvT>(node);
    case schema::Operator::FullyConnected:
      return clamps_in<schema::FullyConnectedT>(node);
    case schema::Operator::Add:
      return clamps_in<schema::AddT>(node);
    case schema::Operator::Mul:
      return clamps_in<schema::MulT>(node);
    default:
      return false;
  }
}

bool divides(const Node& node) { return node.op() == schema::Operator::Binary && node.as<schema::BinaryT>().function == schema::BinaryFunction::Div; }

/// The constant operand of an Add, Mul or Div of `x`, if it is one value or one for each of `channels` along the last axis.
const Tensor* channel_operand(const Graph& graph, const Node& node, int x, std::int64_t channels) {
  if (divides(node) && node.inputs[0] != x) return nullptr;
  const Tensor& c = graph.tensors[at(node.inputs[node.inputs[0] == x ? 1 : 0])];
  if (!c.constant() || c.type != Type::f32) return nullptr;
  const std::int64_t count = element_count(c.shape);
  if (count != 1 && (count != channels || c.shape.back() != channels)) return nullptr;
  // An operand of higher rank would raise that of the result.
  return graph.tensors[at(node.outputs[0])].shape == graph.tensors[at(x)].shape ? &c : nullptr;
}

/// y = scale * product + shift for each channel: what a chain of Mul, Div and Add amounts to.
struct Affine {
  std::vector<double> scale, shift;

  explicit Affine(std::size_t channels) : scale(channels, 1.0), shift(channels, 0.0) {}

  void then(const Node& node, std::span<const float> operand) {
    for (std::size_t c = 0; c < scale.size(); ++c) {
      const auto v = static_cast<double>(operand[operand.size() == 1 ? 0 : c]);
      if (divides(node)) {
        scale[c] /= v;
        shift[c] /= v;
      } else if (node.op() == schema::Operator::Mul) {
        scale[c] *= v;
        shift[c] *= v;
      } else {
        shift[c] += v;
      }
    }
  }
};

class FoldAffine {
 public:
  explicit FoldAffine(Graph& graph) : graph_(graph), uses_(graph), budget_(graph) {}

  void operator()() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!node.outputs.empty() && is_product(node.op()) && graph_.tensors[at(node.inputs[1])].type == Type::f32)
        fold_into(n);
    }
    erase_removed(graph_);
  }

 private:
  void fold_into(std::size_t product) {
    const std::vector<std::size_t> chain = chain_after(product);
    if (chain.empty()) return;
    Node& node = graph_.nodes[product];
    const std::int64_t channels = graph_.tensors[at(node.inputs[1])].shape[0];
    Affine affine(static_cast<std::size_t>(channels));
    int x = node.outputs[0];
    for (const std::size_t n : chain) {
      affine.then(graph_.nodes[n], channel_operand(graph_, graph_.nodes[n], x, channels)->data.as<float>());
      x = graph_.nodes[n].outputs[0];
    }
    if (!rewrite_constants(node, affine)) return;
    for (const std::size_t n : chain) absorb(node, graph_.nodes[n]);
  }

  /// Weights that were integers in the source stay those integers: only their scales may change.
  [[nodiscard]] bool may_scale(const Tensor& weights, const Tensor& factors) const {
    return !weights.source.quant.present() || std::ranges::all_of(factors.data.as<float>(), [](float v) { return std::isnormal(v) && v > 0; });
  }

  /// The Muls, Divs and Adds after a product, each the only reader of the one before.
  std::vector<std::size_t> chain_after(std::size_t product) const {
    std::vector<std::size_t> chain;
    const Tensor& weights = graph_.tensors[at(graph_.nodes[product].inputs[1])];
    for (std::size_t last = product; !clamps(graph_.nodes[last]);) {
      const int x = graph_.nodes[last].outputs[0];
      const int reader = uses_.sole_reader(x);
      if (reader < 0) break;
      const Node& next = graph_.nodes[at(reader)];
      const bool scales = next.op() == schema::Operator::Mul || divides(next);
      if ((!scales && next.op() != schema::Operator::Add) || clamps(next)) break;
      const Tensor* operand = channel_operand(graph_, next, x, weights.shape[0]);
      if (operand == nullptr || (scales && !may_scale(weights, *operand))) break;
      last = at(reader);
      chain.push_back(last);
    }
    return chain;
  }

  /// Gives the node its own, scaled weights and bias; false, and nothing changed, where they would not be finite.
  bool rewrite_constants(Node& node, const Affine& affine) {
    const Tensor weights = graph_.tensors[at(node.inputs[1])];
    const bool had_bias = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
    const std::size_t channels = affine.scale.size();
    const auto w = weights.data.as<float>();
    const std::size_t depth = w.size() / channels;
    if (!budget_.take((w.size() + channels) * sizeof(float))) return false;
    Tensor new_weights = weights;
    const bool from_source = weights.source.quant.present();
    if (from_source && std::ranges::any_of(affine.scale, [](double s) { return s != 1; })) {
      auto made = with_scaled_source(weights, affine.scale);
      if (!made) return false;
      new_weights = *std::move(made);
    }
    std::vector<float> scaled(w.size());
    std::vector<float> bias(channels);
    bool finite = true;
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
        scaled[i] = round_to_f32(static_cast<double>(w[i]) * affine.scale[c]);
        finite = finite && std::isfinite(scaled[i]);
      }
      const double b = had_bias ? static_cast<double>(graph_.tensors[at(node.inputs[2])].data.as<float>()[c]) : 0.0;
      bias[c] = round_to_f32(b * affine.scale[c] + affine.shift[c]);
      finite = finite && std::isfinite(bias[c]);
    }
    if (!finite) return false;
    Tensor new_bias;
    new_bias.name = had_bias ? graph_.tensors[at(node.inputs[2])].name : weights.name + "@bias";
    new_bias.shape = {weights.shape[0]};
    new_bias.data = Constant::of(std::move(bias));
    if (!from_source) new_weights.data = Constant::of(std::move(scaled));
    node.inputs = {node.inputs[0], add(std::move(new_weights)), add(std::move(new_bias))};
    return true;
  }

  int add(Tensor tensor) {
    graph_.tensors.push_back(std::move(tensor));
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  Graph& graph_;
  Uses uses_;
  CopyBudget budget_;
};

}  // namespace

Result<void> fold_affine(Graph& graph) {
  FoldAffine{graph}();
  return {};
}

}  // namespace octet
