// Operators element by element, tables, normalizations, reductions.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "converter/onnx/exporters/export_graph.h"
#include "converter/quantize_math.h"
#include "kernels/pointwise/pointwise.h"

namespace octet {
namespace {

using onnx::NodeProto;
using onnx::TensorProto;
using schema::Function;
using schema::Operator;
using Ints = std::vector<std::int64_t>;

std::string name_of_output(ExportGraph& e, const Node& node) { return e.tensor(node.outputs[0]).name; }

/// The layout in which every input is there already and means the same elements, so that no Transpose is needed.
Layout layout_of(ExportGraph& e, const Node& node) {
  for (const int i : node.inputs)
    if (e.tensor(i).shape != e.tensor(node.outputs[0]).shape || !e.has(i, Layout::channels_first)) return Layout::plain;
  return Layout::channels_first;
}

template <class T, const char* const& kOperator>
Result<void> write_arithmetic(ExportGraph& e, const Node& node) {
  const auto& a = node.as<T>();
  const Layout layout = layout_of(e, node);
  const std::string y = e.value(kOperator, {e.real(node.inputs[0], layout), e.real(node.inputs[1], layout)}, name_of_output(e, node) + "_real");
  e.set_real(node.outputs[0], clamped(e, y, a.clamp_min, a.clamp_max), layout);
  return {};
}
constexpr const char* kAdd = "Add";
constexpr const char* kSub = "Sub";
constexpr const char* kMul = "Mul";

/// What a function is called, with which attributes its parameters a and b are.
struct NamedFunction {
  Function function;
  const char* op;
  const char* a = nullptr;
  const char* b = nullptr;
};
constexpr std::array kNamed = {
    NamedFunction{Function::Sigmoid, "Sigmoid"},   NamedFunction{Function::HardSigmoid, "HardSigmoid", "alpha", "beta"},
    NamedFunction{Function::HardSwish, "HardSwish"}, NamedFunction{Function::Tanh, "Tanh"},
    NamedFunction{Function::LeakyRelu, "LeakyRelu", "alpha"}, NamedFunction{Function::Elu, "Elu", "alpha"},
    NamedFunction{Function::Selu, "Selu", "alpha", "gamma"}, NamedFunction{Function::Celu, "Celu", "alpha"},
    NamedFunction{Function::Erf, "Erf"},           NamedFunction{Function::Softplus, "Softplus"},
    NamedFunction{Function::Softsign, "Softsign"}, NamedFunction{Function::ThresholdedRelu, "ThresholdedRelu", "alpha"},
    NamedFunction{Function::Exp, "Exp"},           NamedFunction{Function::Log, "Log"},
    NamedFunction{Function::Sqrt, "Sqrt"},         NamedFunction{Function::Reciprocal, "Reciprocal"},
    NamedFunction{Function::Abs, "Abs"},           NamedFunction{Function::Neg, "Neg"},
    NamedFunction{Function::Sign, "Sign"},         NamedFunction{Function::Floor, "Floor"},
    NamedFunction{Function::Ceil, "Ceil"},         NamedFunction{Function::Round, "Round"},
    NamedFunction{Function::Sin, "Sin"},           NamedFunction{Function::Cos, "Cos"},
    NamedFunction{Function::Tan, "Tan"},           NamedFunction{Function::Asin, "Asin"},
    NamedFunction{Function::Acos, "Acos"},         NamedFunction{Function::Atan, "Atan"},
    NamedFunction{Function::Sinh, "Sinh"},         NamedFunction{Function::Cosh, "Cosh"},
    NamedFunction{Function::Asinh, "Asinh"},       NamedFunction{Function::Acosh, "Acosh"},
    NamedFunction{Function::Atanh, "Atanh"},       NamedFunction{Function::Shrink, "Shrink", "lambd", "bias"},
};

/// A function of x by the operators of opset 17; nothing where there is no way to write it.
std::string function_of(ExportGraph& e, Function function, float a, float b, const std::string& x, const std::string& wish) {
  const auto times = [&](const std::string& value, float factor) { return e.value("Mul", {value, e.number(factor, wish + "_factor")}, wish + "_scaled"); };
  for (const NamedFunction& f : kNamed) {
    if (f.function != function) continue;
    NodeProto& n = e.add(f.op, {x}, wish);
    if (f.a != nullptr) ExportGraph::set(n, f.a, a);
    if (f.b != nullptr) ExportGraph::set(n, f.b, b);
    return n.output(0);
  }
  switch (function) {
    case Function::Clip: return clamped(e, x, a, b);
    case Function::Silu: return e.value("Mul", {x, e.value("Sigmoid", {x}, wish + "_gate")}, wish);
    case Function::Swish: return e.value("Mul", {x, e.value("Sigmoid", {times(x, a)}, wish + "_gate")}, wish);
    case Function::Mish: return e.value("Mul", {x, e.value("Tanh", {e.value("Softplus", {x}, wish + "_softplus")}, wish + "_gate")}, wish);
    case Function::Power: return e.value("Pow", {x, e.number(a, wish + "_exponent")}, wish);
    case Function::Gelu: {
      const std::string erf = e.value("Erf", {times(x, static_cast<float>(std::sqrt(0.5)))}, wish + "_erf");
      const std::string gate = e.value("Add", {erf, e.number(1.0F, wish + "_one")}, wish + "_gate");
      return times(e.value("Mul", {x, gate}, wish + "_gated"), 0.5F);
    }
    case Function::GeluTanh: {
      const std::string square = e.value("Mul", {x, x}, wish + "_square");
      const std::string inner = e.value("Add", {times(square, 0.044715F), e.number(1.0F, wish + "_one")}, wish + "_inner");
      const std::string argument = times(e.value("Mul", {x, inner}, wish + "_argument"), static_cast<float>(std::sqrt(2.0 / std::acos(-1.0))));
      const std::string gate = e.value("Add", {e.value("Tanh", {argument}, wish + "_tanh"), e.number(1.0F, wish + "_one")}, wish + "_gate");
      return times(e.value("Mul", {x, gate}, wish + "_gated"), 0.5F);
    }
    default: return {};
  }
}

Result<void> write_pointwise(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::PointwiseT>();
  const Layout layout = layout_of(e, node);
  const std::string y = function_of(e, a.function, a.a, a.b, e.real(node.inputs[0], layout), name_of_output(e, node) + "_function");
  if (y.empty()) return Error{ErrorCode::unsupported, std::string(schema::EnumNameFunction(a.function)) + " cannot be exported", {}};
  e.set_real(node.outputs[0], y, layout);
  return {};
}

/// A function that a table may have been made of.
struct Candidate {
  Function function;
  float a = 0, b = 0;
};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::array kCandidates = {
    Candidate{Function::Clip, -kInfinity, kInfinity}, Candidate{Function::Clip, 0, kInfinity}, Candidate{Function::Clip, 0, 6},
    Candidate{Function::Sigmoid}, Candidate{Function::Tanh}, Candidate{Function::HardSwish}, Candidate{Function::HardSigmoid, 1.0F / 6, 0.5F},
    Candidate{Function::HardSigmoid, 0.2F, 0.5F}, Candidate{Function::Silu}, Candidate{Function::LeakyRelu, 0.01F}, Candidate{Function::LeakyRelu, 0.1F},
    Candidate{Function::LeakyRelu, 0.2F}, Candidate{Function::Elu, 1}, Candidate{Function::Mish}, Candidate{Function::Gelu}, Candidate{Function::GeluTanh},
    Candidate{Function::Erf}, Candidate{Function::Softplus}, Candidate{Function::Abs}, Candidate{Function::Neg},
};

const Candidate* recognized(const Quantization& x, const Quantization& y, const std::vector<std::uint8_t>& table) {
  for (const Candidate& c : kCandidates) {
    const auto same = make_table(x, y, [&](double v) {
      return kernels::evaluate(static_cast<kernels::Function>(c.function), v, static_cast<double>(c.a), static_cast<double>(c.b));
    });
    if (same == table) return &c;
  }
  return nullptr;
}

/// y = table[x], as a Gather from the table; of several tables, from all of them one after the other.
Result<void> write_table(ExportGraph& e, const Node& node, const schema::LookupT& lookup) {
  const std::string wish = name_of_output(e, node);
  NodeProto& cast = e.add("Cast", {e.own(node.inputs[0])}, wish + "_index");
  ExportGraph::set(cast, "to", std::int64_t{TensorProto::INT32});
  std::string index = cast.output(0);
  if (lookup.axis >= 0) {
    std::vector<std::int32_t> offsets(lookup.tables.size() / 256);
    for (std::size_t c = 0; c < offsets.size(); ++c) offsets[c] = static_cast<std::int32_t>(256 * c);
    Shape shape(e.rank(node.inputs[0]) - static_cast<std::size_t>(lookup.axis), 1);
    shape[0] = static_cast<std::int64_t>(offsets.size());
    index = e.value("Add", {index, e.constant(offsets, shape, TensorProto::INT32, wish + "_offsets")}, wish + "_indices");
  }
  const Shape size = {static_cast<std::int64_t>(lookup.tables.size())};
  e.set_own(node.outputs[0], e.value("Gather", {e.constant(lookup.tables, size, TensorProto::UINT8, wish + "_table"), index}, wish + "_u8"));
  return {};
}

/// A table that changes nothing but what the bytes stand for; `shifted`: between s8 and u8.
bool relabels(const std::vector<std::uint8_t>& table, bool shifted) {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i] != (i ^ (shifted ? 0x80U : 0U))) return false;
  return table.size() == 256;
}

Quantization as_s8(Quantization q) {
  q.zero_points[0] -= 128;
  return q;
}

/// Another scale for the values of x. The bound, where QuantizeLinear saturates anyway, keeps ONNX Runtime from making one pair of two,
/// with a scale that is neither's.
std::string bounded(ExportGraph& e, const std::string& x, const Quantization& to) {
  if (to.zero_point() == 0) return clamped(e, x, 0, kInfinity);
  const auto real = [&](int byte) { return static_cast<float>(byte - to.zero_point()) * to.scale(); };
  return clamped(e, x, real(0), real(255));
}

Result<void> write_lookup(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::LookupT>();
  const Tensor& x = e.tensor(node.inputs[0]);
  const Tensor& y = e.tensor(node.outputs[0]);
  const bool s8 = x.type == Type::s8 || y.type == Type::s8;
  if (s8 && !relabels(a.tables, x.type != y.type)) return Error{ErrorCode::unsupported, "a table of s8 cannot be exported", {}};
  if (x.type == Type::s8 && y.quant.present()) {
    e.set_real(node.outputs[0], e.dequantize(e.own(node.inputs[0]), as_s8(y.quant), TensorProto::INT8, 0, y.name + "_real"));
    return {};
  }
  if (y.type == Type::s8 && x.quant.present()) {
    const Quantization q = as_s8(x.quant);
    const std::string zero_point = e.constant(std::vector<std::int8_t>{static_cast<std::int8_t>(q.zero_point())}, {}, TensorProto::INT8, y.name + "_zero_point");
    e.set_own(node.outputs[0], e.value("QuantizeLinear", {e.real(node.inputs[0]), e.number(q.scale(), y.name + "_scale"), zero_point}, y.name + "_s8"));
    return {};
  }
  if (s8) return Error{ErrorCode::unsupported, "a table of s8 cannot be exported", {}};
  if (!x.quant.present() && relabels(a.tables, false)) {
    e.set_own(node.outputs[0], e.own(node.inputs[0]));
    return {};
  }
  const Candidate* c = a.axis < 0 && x.quant.present() && y.quant.present() ? recognized(x.quant, y.quant, a.tables) : nullptr;
  if (c == nullptr) return write_table(e, node, a);
  const Layout layout = layout_of(e, node);
  const std::string real = e.real(node.inputs[0], layout);
  const bool same_values = c->function == Function::Clip && c->a == -kInfinity;
  e.set_real(node.outputs[0], same_values ? bounded(e, real, y.quant) : function_of(e, c->function, c->a, c->b, real, y.name + "_function"), layout);
  return {};
}

Result<void> write_softmax(ExportGraph& e, const Node& node) {
  NodeProto& n = e.add("Softmax", {e.real(node.inputs[0])}, name_of_output(e, node) + "_real");
  ExportGraph::set(n, "axis", std::int64_t{node.as<schema::SoftmaxT>().axis});
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], y);
  return {};
}

Result<void> write_log_softmax(ExportGraph& e, const Node& node) {
  NodeProto& n = e.add("LogSoftmax", {e.real(node.inputs[0])}, name_of_output(e, node) + "_real");
  ExportGraph::set(n, "axis", std::int64_t{node.as<schema::LogSoftmaxT>().axis});
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], y);
  return {};
}

Result<void> write_layer_norm(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::LayerNormalizationT>();
  const Shape& x = e.tensor(node.inputs[0]).shape;
  const Shape shape(x.end() - a.axes, x.end());
  const std::string wish = name_of_output(e, node);
  const auto like = [&](const std::string& value, const char* suffix) {
    return e.value("Reshape", {value, e.integers({shape.begin(), shape.end()}, wish + suffix + "_shape")}, wish + suffix);
  };
  const auto parameter = [&](std::size_t i) { return node.inputs.size() > i && node.inputs[i] != kAbsent; };
  std::vector<float> ones(static_cast<std::size_t>(element_count(shape)), 1.0F);
  Inputs inputs = {e.real(node.inputs[0])};
  inputs.push_back(parameter(1) ? like(e.real(node.inputs[1]), "_gamma") : e.constant(ones, shape, TensorProto::FLOAT, wish + "_ones"));
  if (parameter(2)) inputs.push_back(like(e.real(node.inputs[2]), "_beta"));
  NodeProto& n = e.add("LayerNormalization", inputs, wish + "_real");
  ExportGraph::set(n, "axis", std::int64_t{-a.axes});
  ExportGraph::set(n, "epsilon", a.epsilon);
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], y);
  return {};
}

/// Groups as the channels of an InstanceNormalization, then scale and bias for each channel, which is the last axis.
Result<void> write_group_norm(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::GroupNormalizationT>();
  const std::string wish = name_of_output(e, node);
  const Shape& shape = e.tensor(node.inputs[0]).shape;
  const auto groups = static_cast<std::size_t>(a.groups);
  const std::string x = e.real(node.inputs[0], Layout::channels_first);
  const std::string grouped = e.value("Reshape", {x, e.integers({0, a.groups, -1}, wish + "_groups")}, wish + "_grouped");
  const Shape count = {a.groups};
  NodeProto& n = e.add("InstanceNormalization", {grouped, e.constant(std::vector<float>(groups, 1.0F), count, TensorProto::FLOAT, wish + "_ones"),
                                                 e.constant(std::vector<float>(groups), count, TensorProto::FLOAT, wish + "_zeros")}, wish + "_normal");
  ExportGraph::set(n, "epsilon", a.epsilon);
  const std::string normal = n.output(0);
  Ints back = {0, shape.back()};
  back.insert(back.end(), shape.begin() + 1, shape.end() - 1);
  const std::string y = e.value("Reshape", {normal, e.integers(back, wish + "_shape")}, wish + "_image");
  const std::string last = e.transposed(y, to_channels_last(shape.size()));
  const std::string scaled = e.value("Mul", {last, e.real(node.inputs[1])}, wish + "_scaled");
  e.set_real(node.outputs[0], e.value("Add", {scaled, e.real(node.inputs[2])}, wish + "_real"));
  return {};
}

Result<void> write_reduce(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::ReduceT>();
  const std::string op = std::string("Reduce") + schema::EnumNameReduction(a.reduction);
  const Ints axes(a.axes.begin(), a.axes.end());
  Inputs inputs = {e.real(node.inputs[0])};
  const bool by_input = a.reduction == schema::Reduction::Sum;
  if (by_input) inputs.push_back(e.integers(axes, node.name + "_axes"));
  NodeProto& n = e.add(op, inputs, name_of_output(e, node) + "_real");
  if (!by_input) ExportGraph::set(n, "axes", axes);
  ExportGraph::set(n, "keepdims", std::int64_t{a.keep_dims ? 1 : 0});
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], y);
  return {};
}

Result<void> write_arg_max(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::ArgMaxT>();
  NodeProto& n = e.add(a.least ? "ArgMin" : "ArgMax", {e.real(node.inputs[0])}, name_of_output(e, node));
  ExportGraph::set(n, "axis", std::int64_t{a.axis});
  ExportGraph::set(n, "keepdims", std::int64_t{a.keep_dims ? 1 : 0});
  if (a.last) ExportGraph::set(n, "select_last_index", std::int64_t{1});
  e.set_own(node.outputs[0], n.output(0));
  return {};
}

Result<void> write_top_k(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::TopKT>();
  NodeProto& n = e.add("TopK", {e.real(node.inputs[0]), e.integers({a.k}, node.name + "_k")}, name_of_output(e, node) + "_real");
  n.add_output(e.fresh(node.name + "_indices"));
  ExportGraph::set(n, "axis", std::int64_t{a.axis});
  if (!a.largest) ExportGraph::set(n, "largest", std::int64_t{0});
  const Inputs made(n.output().begin(), n.output().end());
  e.set_real(node.outputs[0], made[0]);
  if (node.outputs.size() > 1) e.set_own(node.outputs[1], made[1]);
  return {};
}

Result<void> write_binary(ExportGraph& e, const Node& node) {
  using F = schema::BinaryFunction;
  const F function = node.as<schema::BinaryT>().function;
  if (function == F::ShiftLeft || function == F::ShiftRight)  // ONNX shifts unsigned integers only
    return Error{ErrorCode::unsupported, std::string(schema::EnumNameBinaryFunction(function)) + " cannot be exported", {}};
  const std::string op = function == F::Remainder ? "Mod" : schema::EnumNameBinaryFunction(function);
  NodeProto& n = e.add(op, {e.real(node.inputs[0]), e.real(node.inputs[1])}, name_of_output(e, node) + "_real");
  if (function == F::Remainder) ExportGraph::set(n, "fmod", std::int64_t{1});
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], y);
  return {};
}

Result<void> write_compare(ExportGraph& e, const Node& node) {
  const std::string op = schema::EnumNameComparison(node.as<schema::CompareT>().function);
  e.set_own(node.outputs[0], e.value(op, {e.real(node.inputs[0]), e.real(node.inputs[1])}, name_of_output(e, node)));
  return {};
}

Result<void> write_where(ExportGraph& e, const Node& node) {
  e.set_real(node.outputs[0], e.value("Where", {e.own(node.inputs[0]), e.real(node.inputs[1]), e.real(node.inputs[2])}, name_of_output(e, node) + "_real"));
  return {};
}

Result<void> write_cast(ExportGraph& e, const Node& node) {
  NodeProto& n = e.add("Cast", {e.own(node.inputs[0])}, name_of_output(e, node));
  ExportGraph::set(n, "to", std::int64_t{onnx_type(e.tensor(node.outputs[0]).type)});
  e.set_own(node.outputs[0], n.output(0));
  return {};
}

/// Both are steps that a u8 tensor's values have around them anyway.
Result<void> write_quantize(ExportGraph& e, const Node& node) {
  const Layout layout = layout_of(e, node);
  e.set_real(node.outputs[0], e.real(node.inputs[0], layout), layout);
  return {};
}

constexpr std::array kRows = {
    ExporterRow{Operator::Add, write_arithmetic<schema::AddT, kAdd>},
    ExporterRow{Operator::Sub, write_arithmetic<schema::SubT, kSub>},
    ExporterRow{Operator::Mul, write_arithmetic<schema::MulT, kMul>},
    ExporterRow{Operator::Pointwise, write_pointwise},
    ExporterRow{Operator::Lookup, write_lookup},
    ExporterRow{Operator::Softmax, write_softmax},
    ExporterRow{Operator::LogSoftmax, write_log_softmax},
    ExporterRow{Operator::LayerNormalization, write_layer_norm},
    ExporterRow{Operator::GroupNormalization, write_group_norm},
    ExporterRow{Operator::Reduce, write_reduce},
    ExporterRow{Operator::ArgMax, write_arg_max},
    ExporterRow{Operator::TopK, write_top_k},
    ExporterRow{Operator::Binary, write_binary},
    ExporterRow{Operator::Compare, write_compare},
    ExporterRow{Operator::Where, write_where},
    ExporterRow{Operator::Cast, write_cast},
    ExporterRow{Operator::Quantize, write_quantize},
    ExporterRow{Operator::Dequantize, write_quantize},
};

}  // namespace

std::span<const ExporterRow> exporters_of_functions() noexcept { return kRows; }

}  // namespace octet
