#include "converter/int8_form.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/limits.h"
#include "kernels/norm/norm.h"

namespace octet {
namespace {

using schema::Operator;

/// Inputs that need not be f32: indices, masks, and what only tells a size.
bool takes_integers(Operator op, std::size_t input) noexcept {
  return input == 1 && (op == Operator::Gather || op == Operator::GatherND || op == Operator::Expand || op == Operator::Softmax);
}

/// Functions whose results spread over orders of magnitude: a table of 256 steps would lose most of them.
bool spreads(schema::Function f) noexcept {
  using F = schema::Function;
  return f == F::Exp || f == F::Log || f == F::Sqrt || f == F::Reciprocal || f == F::Power || f == F::Tan ||
         f == F::Sinh || f == F::Cosh || f == F::Acosh || f == F::Atanh;
}

std::string lacks_int8_softmax(const Graph& g, const Node& node) {
  const int axis = node.as<schema::SoftmaxT>().axis;
  const bool last = axis == -1 || axis + 1 == static_cast<int>(g.tensors[at(node.inputs[0])].shape.size());
  return last ? std::string() : "an int8 softmax runs along the last axis only";
}

std::string lacks_int8_norm(const Graph& g, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i)
    if (node.inputs[i] != kAbsent && !g.tensors[at(node.inputs[i])].constant()) return "its scale or bias is not constant";
  const Shape& x = g.tensors[at(node.inputs[0])].shape;
  const std::int64_t n = element_count(Shape(x.end() - node.as<schema::LayerNormalizationT>().axes, x.end()));
  return n <= kernels::kMaxLayerNormSize ? std::string() : "its rows are too long for the sums of int8";
}

std::string lacks_int8_binary(const Graph& g, const Node& node) {
  const auto function = node.as<schema::BinaryT>().function;
  if (is_bounding(g, node)) return {};
  if (function != schema::BinaryFunction::PRelu) return std::string(schema::EnumNameBinaryFunction(function)) + " has no int8 form";
  return slope_axis(g, node) ? std::string() : "its slopes are not constants along one axis";
}

/// Why an operator on real values has no int8 form with these parameters; `judge_spread`: or should not have it.
std::string lacks_int8_operator(const Graph& g, const Node& node, bool judge_spread) {
  switch (node.op()) {
    case Operator::Pointwise:
      return judge_spread && spreads(node.as<schema::PointwiseT>().function) ? "its results spread too far for the steps of int8" : std::string();
    case Operator::Binary: return lacks_int8_binary(g, node);
    case Operator::Softmax: return lacks_int8_softmax(g, node);
    case Operator::LayerNormalization: return lacks_int8_norm(g, node);
    case Operator::MatMul:
      return g.tensors[at(node.inputs[0])].shape.back() <= kMaxMatMulDepth ? std::string() : "its sums are too long for s32";
    case Operator::Reduce: {
      const auto reduction = node.as<schema::ReduceT>().reduction;
      const bool sums = reduction == schema::Reduction::Mean || reduction == schema::Reduction::Sum;
      return keeps_scale(node) || sums ? std::string() : "this reduction has no int8 form";
    }
    case Operator::TopK: return "it ranks values more finely than int8 steps tell apart";
    case Operator::GroupNormalization:
    case Operator::ScatterND:
    case Operator::CumSum:
    case Operator::LogSoftmax: return std::string(name_of(node.op())) + " has no int8 form";
    default: return {};
  }
}

}  // namespace

bool has_weights(Operator op) noexcept { return op == Operator::Conv || op == Operator::FullyConnected; }

bool is_product(Operator op) noexcept { return has_weights(op) || op == Operator::MatMul; }

bool keeps_values(Operator op) noexcept {
  switch (op) {
    case Operator::Reshape:
    case Operator::Transpose:
    case Operator::Slice:
    case Operator::Expand:
    case Operator::Tile:
    case Operator::Gather:
    case Operator::GatherND: return true;
    default: return false;
  }
}

bool is_recurrent(Operator op) noexcept { return op == Operator::LSTM || op == Operator::GRU; }

bool keeps_scale(const Node& node) noexcept {
  if (node.op() == Operator::Reduce) {
    const auto reduction = node.as<schema::ReduceT>().reduction;
    return reduction == schema::Reduction::Max || reduction == schema::Reduction::Min;
  }
  const bool nearest = node.op() == Operator::Resize && node.as<schema::ResizeT>().row_weights.empty();
  return nearest || keeps_values(node.op()) || node.op() == Operator::MaxPool || node.op() == Operator::Pad;
}

bool chooses_values(const Node& node) noexcept {
  if (node.op() == Operator::Pointwise) {
    const auto& p = node.as<schema::PointwiseT>();
    return p.function == schema::Function::Clip && p.a == 0 && p.b == std::numeric_limits<float>::infinity();  // Relu
  }
  if (node.op() != Operator::Pad) return keeps_scale(node);
  const auto& pad = node.as<schema::PadT>();
  return pad.mode != schema::PadMode::Constant || pad.value == 0;
}

bool takes_constants(const Node& node) noexcept {
  return has_weights(node.op()) || node.op() == Operator::LayerNormalization || node.op() == Operator::Binary;
}

bool is_integer(const Graph& g, const Node& node) {
  const auto real = [&](int t) { return t != kAbsent && g.tensors[at(t)].type == Type::f32; };
  return std::ranges::none_of(node.inputs, real) && std::ranges::none_of(node.outputs, real);
}

std::optional<int> slope_axis(const Graph& g, const Node& node) {
  const Tensor& slope = g.tensors[at(node.inputs[1])];
  if (!slope.constant()) return std::nullopt;
  int axis = -1;
  for (std::size_t i = 0; i < slope.shape.size(); ++i) {
    if (slope.shape[i] == 1) continue;
    if (axis != -1) return std::nullopt;
    axis = static_cast<int>(g.tensors[at(node.inputs[0])].shape.size() - slope.shape.size() + i);
  }
  return axis;
}

bool is_bounding(const Graph& g, const Node& node) {
  if (node.op() != Operator::Binary || node.as<schema::BinaryT>().function != schema::BinaryFunction::Min) return false;
  const Tensor& x = g.tensors[at(node.inputs[0])];
  const Tensor& bounds = g.tensors[at(node.inputs[1])];
  const auto finite = [](float v) { return std::isfinite(v); };
  return x.type == Type::f32 && bounds.type == Type::f32 && !x.constant() && x.shape == g.tensors[at(node.outputs[0])].shape && slope_axis(g, node) &&
         std::ranges::all_of(bounds.data.as<float>(), finite);
}

std::string lacks_int8_form(const Graph& g, const Node& node, bool judge_spread) {
  const auto other_type = [&](int t) { return t != kAbsent && g.tensors[at(t)].type != Type::f32; };
  const auto says = [&](int t) { return "'" + g.tensors[at(t)].name + "' is " + name_of(g.tensors[at(t)].type); };
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (other_type(node.inputs[i]) && !takes_integers(node.op(), i)) return "its input " + says(node.inputs[i]);
  if (node.op() == Operator::ArgMax) return {};
  if (std::string reason = lacks_int8_operator(g, node, judge_spread); !reason.empty()) return reason;
  for (const int t : node.outputs)
    if (other_type(t)) return "its output " + says(t);
  return {};
}

}  // namespace octet
