#include "converter/passes/channel_scales.h"

#include <cmath>
#include <numeric>

namespace octet {
namespace {

using schema::Operator;

/// Channels of all tensors together; a file that declares more is left as it is.
constexpr std::int64_t kMaxChannels = std::int64_t{1} << 24;

/// clamp(a x) = a clamp(x) for every a > 0.
bool scales(float clamp_min, float clamp_max) noexcept {
  const auto keeps = [](float bound) { return bound == 0.0F || std::isinf(bound); };
  return keeps(clamp_min) && keeps(clamp_max);
}

template <class T>
bool clamp_scales(const Node& node) noexcept {
  return scales(node.as<T>().clamp_min, node.as<T>().clamp_max);
}

}  // namespace

float ChannelScales::bounded(const Node& product) noexcept {
  const auto bound = [](const auto& p) { return p.clamp_min == 0.0F && p.clamp_max > 0.0F && std::isfinite(p.clamp_max) ? p.clamp_max : 0.0F; };
  return product.op() == Operator::Conv ? bound(product.as<schema::ConvT>()) : bound(product.as<schema::FullyConnectedT>());
}

ChannelScales::ChannelScales(const Graph& graph, bool through_bounds) : graph_(graph), through_bounds_(through_bounds), reads_(graph.tensors.size(), 0), base_(graph.tensors.size(), -1) {
  std::int64_t total = 0;
  for (std::size_t t = 0; t < graph.tensors.size(); ++t) {
    const Tensor& tensor = graph.tensors[t];
    if (tensor.constant() || tensor.type != Type::f32 || tensor.shape.empty()) continue;
    base_[t] = static_cast<int>(total);
    total += tensor.shape.back();
    if (total > kMaxChannels) return;
  }
  parent_.resize(at(total));
  std::iota(parent_.begin(), parent_.end(), 0);
  pinned_.assign(at(total), false);
  for (const Node& node : graph.nodes)
    for (const int i : node.inputs)
      if (i != kAbsent) ++reads_[at(i)];
  for (const Node& node : graph.nodes) visit(node);
  for (const auto* ends : {&graph.inputs, &graph.outputs})
    for (const int t : *ends) pin(t);
  variable_.assign(at(total), -1);
  for (std::size_t c = 0; c < parent_.size(); ++c) {
    const auto root = at(find(static_cast<int>(c)));
    if (root == c && !pinned_[root]) variable_[root] = static_cast<int>(count_++);
  }
  for (std::size_t c = 0; c < parent_.size(); ++c) variable_[c] = variable_[at(find(static_cast<int>(c)))];
}

std::vector<int> ChannelScales::variables(int tensor) const {
  const int base = base_[at(tensor)];
  if (base < 0 || variable_.empty()) return std::vector<int>(at(std::max<std::int64_t>(width(tensor), 0)), -1);
  const auto first = variable_.begin() + base;
  return {first, first + width(tensor)};
}

bool ChannelScales::constant(int tensor) const { return graph_.tensors[at(tensor)].constant(); }

std::int64_t ChannelScales::width(int tensor) const {
  const Shape& shape = graph_.tensors[at(tensor)].shape;
  return shape.empty() ? 0 : shape.back();
}

int ChannelScales::find(int channel) {
  while (parent_[at(channel)] != channel) {
    parent_[at(channel)] = parent_[at(parent_[at(channel)])];
    channel = parent_[at(channel)];
  }
  return channel;
}

void ChannelScales::tie(int narrow, int wide, std::int64_t first, std::int64_t count) {
  if (base_[at(narrow)] < 0 || base_[at(wide)] < 0) return pin(narrow), pin(wide);
  for (std::int64_t i = 0; i < count; ++i) {
    const int a = find(base_[at(narrow)] + static_cast<int>(i % width(narrow)));
    const int b = find(base_[at(wide)] + static_cast<int>(first + i));
    if (a == b) continue;
    pinned_[at(a)] = pinned_[at(a)] || pinned_[at(b)];
    parent_[at(b)] = a;
  }
}

void ChannelScales::pin(int tensor) {
  if (tensor == kAbsent || base_[at(tensor)] < 0) return;
  for (std::int64_t i = 0; i < width(tensor); ++i) pinned_[at(find(base_[at(tensor)] + static_cast<int>(i)))] = true;
}

void ChannelScales::pin_all(const Node& node) {
  for (const int t : node.inputs) pin(t);
  for (const int t : node.outputs) pin(t);
}

void ChannelScales::visit(const Node& node) {
  switch (node.op()) {
    case Operator::Conv:
    case Operator::FullyConnected: return visit_product(node);
    case Operator::MaxPool:
    case Operator::AveragePool: return tie(node.inputs[0], node.outputs[0], 0, width(node.outputs[0]));
    case Operator::Add: return visit_add(node);
    case Operator::Mul: return visit_mul(node);
    case Operator::Concat: return visit_concat(node);
    case Operator::Reshape: return visit_reshape(node);
    case Operator::Transpose: return visit_transpose(node);
    case Operator::Pointwise: return visit_pointwise(node);
    default: return pin_all(node);
  }
}

void ChannelScales::visit_product(const Node& node) {
  const bool conv = node.op() == Operator::Conv;
  const bool passes = (conv ? clamp_scales<schema::ConvT>(node) : clamp_scales<schema::FullyConnectedT>(node)) || (through_bounds_ && bounded(node) > 0);
  if (!passes) pin(node.outputs[0]);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const int t = node.inputs[i];
    if (t != kAbsent && (!constant(t) || reads_[at(t)] != 1)) pin_all(node);
  }
}

/// a + b scales as a and b do, where those scale alike.
void ChannelScales::visit_add(const Node& node) {
  if (!clamp_scales<schema::AddT>(node) || constant(node.inputs[0]) || constant(node.inputs[1])) return pin_all(node);
  for (const int i : node.inputs) tie(i, node.outputs[0], 0, width(node.outputs[0]));
}

/// a b scales as the larger operand, if the smaller one (a gate, a constant) stays as it is.
void ChannelScales::visit_mul(const Node& node) {
  const int out = node.outputs[0];
  const auto free = [&](int t) { return !constant(t) && graph_.tensors[at(t)].shape == graph_.tensors[at(out)].shape; };
  const bool first = free(node.inputs[0]);
  if (!clamp_scales<schema::MulT>(node) || first == free(node.inputs[1])) return pin_all(node);
  pin(node.inputs[first ? 1 : 0]);
  tie(node.inputs[first ? 0 : 1], out, 0, width(out));
}

void ChannelScales::visit_concat(const Node& node) {
  const int out = node.outputs[0];
  const int axis = node.as<schema::ConcatT>().axis;
  const auto rank = static_cast<int>(graph_.tensors[at(out)].shape.size());
  const bool channels = axis == rank - 1 || axis == -1;
  std::int64_t first = 0;
  for (const int i : node.inputs) {
    if (constant(i)) return pin_all(node);
    tie(i, out, first, width(i));
    if (channels) first += width(i);
  }
}

/// The same elements in the same order: where one side's channels are whole multiples of the other's, element k of both is
/// in channel k modulo the smaller number.
void ChannelScales::visit_reshape(const Node& node) {
  const int in = node.inputs[0];
  const int out = node.outputs[0];
  if (width(in) > 0 && width(out) % width(in) == 0) return tie(in, out, 0, width(out));
  if (width(out) > 0 && width(in) % width(out) == 0) return tie(out, in, 0, width(in));
  pin_all(node);
}

void ChannelScales::visit_transpose(const Node& node) {
  const auto& perm = node.as<schema::TransposeT>().perm;
  if (perm.empty() || at(perm.back()) + 1 != perm.size()) return pin_all(node);
  tie(node.inputs[0], node.outputs[0], 0, width(node.outputs[0]));
}

void ChannelScales::visit_pointwise(const Node& node) {
  const auto& op = node.as<schema::PointwiseT>();
  const bool passes = op.function == schema::Function::LeakyRelu || (op.function == schema::Function::Clip && scales(op.a, op.b));
  if (!passes) return pin_all(node);
  tie(node.inputs[0], node.outputs[0], 0, width(node.outputs[0]));
}

}  // namespace octet
