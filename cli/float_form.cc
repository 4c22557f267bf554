#include "cli/float_form.h"

#include <algorithm>
#include <array>
#include <map>

namespace octet::cli {
namespace {

using schema::Operator;

/// Operators that mean in f32 what they mean in u8.
constexpr std::array kSame = {Operator::Conv,   Operator::FullyConnected, Operator::MaxPool, Operator::AveragePool, Operator::Add,    Operator::Sub,
                              Operator::Mul,    Operator::Concat,         Operator::Reshape, Operator::Transpose,   Operator::Slice,  Operator::Expand,
                              Operator::Tile,   Operator::Pad,            Operator::MatMul,  Operator::Softmax,     Operator::Reduce, Operator::Resize};

/// s8 weights or a u8 constant as the numbers they stand for; channels are axis 0.
std::vector<float> dequantized(const Tensor& t) {
  const auto count = static_cast<std::size_t>(element_count(t.shape));
  const std::size_t channel = t.quant.scales.size() > 1 ? count / t.quant.scales.size() : std::max<std::size_t>(count, 1);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const int q = t.type == Type::s8 ? int{t.data.as<std::int8_t>()[i]} : int{t.data.as<std::uint8_t>()[i]};
    values[i] = t.quant.scales[i / channel] * static_cast<float>(q - t.quant.zero_point());
  }
  return values;
}

/// An s32 bias, at the scale of input times weights.
std::vector<float> real_bias(const Tensor& bias, const Tensor& x, const Tensor& weights) {
  const auto q = bias.data.as<std::int32_t>();
  std::vector<float> values(q.size());
  for (std::size_t c = 0; c < q.size(); ++c)
    values[c] = static_cast<float>(q[c]) * x.quant.scale() * weights.quant.scales[weights.quant.scales.size() > 1 ? c : 0];
  return values;
}

class Builder {
 public:
  Builder(const Graph& graph, const std::vector<Shape>& shapes) : from_(graph), shapes_(shapes) {}

  std::optional<Model> operator()(const Node& node) {
    Node alone;
    alone.name = node.name;
    alone.attributes = node.attributes;
    for (std::size_t k = 0; k < node.inputs.size(); ++k) alone.inputs.push_back(node.inputs[k] == kAbsent ? kAbsent : tensor(node, k));
    for (const int t : node.outputs) {
      alone.outputs.push_back(add(from_.tensors[at(t)], shapes_[at(t)]));
      to_.outputs.push_back(alone.outputs.back());
    }
    to_.nodes.push_back(std::move(alone));
    auto model = make_model(std::move(to_));
    if (!model) return std::nullopt;  // its attributes are those of the u8 form
    return *std::move(model);
  }

 private:
  int add(const Tensor& like, const Shape& shape) {
    to_.tensors.push_back({like.name, quantized(like) ? Type::f32 : like.type, shape, false, {}, {}});
    return static_cast<int>(to_.tensors.size()) - 1;
  }

  static bool quantized(const Tensor& t) noexcept { return t.quant.present() || t.type == Type::s32; }

  /// Input k, once even where a node reads a tensor twice.
  int tensor(const Node& node, std::size_t k) {
    const auto [known, fresh] = made_.try_emplace(node.inputs[k], 0);
    if (!fresh) return known->second;
    const Tensor& t = from_.tensors[at(node.inputs[k])];
    const int index = known->second = add(t, shapes_[at(node.inputs[k])]);
    if (!t.constant()) {
      to_.inputs.push_back(index);
      to_.preprocessing.emplace_back();
    } else if (t.type == Type::s32 && k == 2) {
      to_.tensors.back().data = Constant::of(real_bias(t, from_.tensors[at(node.inputs[0])], from_.tensors[at(node.inputs[1])]));
    } else if (t.quant.present()) {
      to_.tensors.back().data = Constant::of(dequantized(t));
    } else {
      to_.tensors.back().type = t.type;
      to_.tensors.back().data = t.data;
    }
    return index;
  }

  const Graph& from_;
  const std::vector<Shape>& shapes_;
  Graph to_;
  std::map<int, int> made_;
};

}  // namespace

std::optional<Model> float_form(const Graph& graph, const std::vector<Shape>& shapes, std::size_t n) {
  const Node& node = graph.nodes[n];
  if (std::ranges::find(kSame, node.op()) == kSame.end() || node.inputs[0] == kAbsent) return std::nullopt;
  if (!graph.tensors[static_cast<std::size_t>(node.inputs[0])].quant.present()) return std::nullopt;
  return Builder(graph, shapes)(node);
}

}  // namespace octet::cli
