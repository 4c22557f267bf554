// ONNX operators that are functions of one value: rows of a table.
#include <cmath>
#include <iterator>
#include <limits>

#include "converter/onnx/importers/arithmetic.h"

namespace octet {
namespace {

using schema::Function;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A parameter of the function: the value of an attribute, or a constant where `attribute` is null.
struct Parameter {
  const char* attribute = nullptr;
  float value = 0.0F;
};

struct Row {
  const char* onnx_operator;
  Function function;
  Parameter a = {}, b = {};
};

constexpr Row kRows[] = {
    {"Relu", Function::Clip, {nullptr, 0.0F}, {nullptr, kInfinity}},
    {"LeakyRelu", Function::LeakyRelu, {"alpha", 0.01F}},
    {"ThresholdedRelu", Function::ThresholdedRelu, {"alpha", 1.0F}},
    {"Elu", Function::Elu, {"alpha", 1.0F}},
    {"Selu", Function::Selu, {"alpha", 1.67326319217681884765625F}, {"gamma", 1.05070102214813232421875F}},
    {"Celu", Function::Celu, {"alpha", 1.0F}},
    {"Sigmoid", Function::Sigmoid},
    {"HardSigmoid", Function::HardSigmoid, {"alpha", 0.2F}, {"beta", 0.5F}},
    {"HardSwish", Function::HardSwish},
    {"Swish", Function::Swish, {"alpha", 1.0F}},
    {"Mish", Function::Mish},
    {"Tanh", Function::Tanh},
    {"Erf", Function::Erf},
    {"Softplus", Function::Softplus},
    {"Softsign", Function::Softsign},
    {"Exp", Function::Exp},
    {"Log", Function::Log},
    {"Sqrt", Function::Sqrt},
    {"Reciprocal", Function::Reciprocal},
    {"Abs", Function::Abs},
    {"Neg", Function::Neg},
    {"Sign", Function::Sign},
    {"Floor", Function::Floor},
    {"Ceil", Function::Ceil},
    {"Round", Function::Round},
    {"Sin", Function::Sin},
    {"Cos", Function::Cos},
    {"Tan", Function::Tan},
    {"Asin", Function::Asin},
    {"Acos", Function::Acos},
    {"Atan", Function::Atan},
    {"Sinh", Function::Sinh},
    {"Cosh", Function::Cosh},
    {"Asinh", Function::Asinh},
    {"Acosh", Function::Acosh},
    {"Atanh", Function::Atanh},
    {"Shrink", Function::Shrink, {"lambd", 0.5F}, {"bias", 0.0F}},
};

Result<float> read(NodeImport& node, const Parameter& p) {
  if (p.attribute == nullptr) return p.value;
  OCTET_TRY(const float value, node.attributes.real(p.attribute, p.value));
  if (!std::isfinite(value)) return invalid(std::string(p.attribute) + " is " + std::to_string(value));
  return value;
}

/// The node's input, which must be f32.
Result<int> real_input(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (node.type(x) != Type::f32) return unsupported(std::string("its input is ") + name_of(node.type(x)) + ", not f32" + hint_of_quantized(node, x));
  return x;
}

/// Of integers: by their arithmetic.
Result<void> import_integer_row(NodeImport& node, Function function, int x) {
  using F = schema::BinaryFunction;
  Compose make(node);
  const Type type = node.type(x);
  const Type wide = is_narrow(type) ? Type::s32 : type;
  OCTET_TRY(const int w, make.cast(x, wide));
  const int zero = make.number(wide, 0);
  int y = w;
  if (function == Function::Clip) {  // Relu
    OCTET_TRY(y, make.binary(F::Max, w, zero));
  } else if (function == Function::Sign) {
    OCTET_TRY(const int below, make.binary(F::Min, w, make.number(wide, 1)));
    OCTET_TRY(y, make.binary(F::Max, below, make.number(wide, -1)));
  } else {
    OCTET_TRY(y, make.binary(F::Sub, zero, w));
    if (function == Function::Abs) {
      OCTET_TRY(y, make.binary(F::Max, w, y));
    }
  }
  OCTET_TRY(y, make.cast(y, type));
  return make.finish(y);
}

bool has_integer_form(Function function) noexcept {
  return function == Function::Clip || function == Function::Sign || function == Function::Neg || function == Function::Abs;
}

Result<void> import_row(NodeImport& node) {
  const Row* row = std::begin(kRows);
  while (row->onnx_operator != node.op_type()) ++row;  // registered for exactly these
  schema::PointwiseT op;
  op.function = row->function;
  OCTET_TRY(op.a, read(node, row->a));
  OCTET_TRY(op.b, read(node, row->b));
  OCTET_TRY(const int input, node.input(0));
  const Type type = node.type(input);
  if ((is_integer(type) || is_narrow(type)) && has_integer_form(row->function)) return import_integer_row(node, row->function, input);
  OCTET_TRY(const int x, real_input(node));
  return node.emit(std::move(op), {x});
}

Result<void> import_gelu(NodeImport& node) {
  OCTET_TRY(const std::size_t form, node.attributes.choice("approximate", {"none", "tanh"}));
  schema::PointwiseT op;
  op.function = form == 0 ? Function::Gelu : Function::GeluTanh;
  OCTET_TRY(const int x, real_input(node));
  return node.emit(std::move(op), {x});
}

/// A bound of Clip: an attribute up to opset 10, an optional constant input since. Absent ones are infinite, as are the
/// largest floats, which is how opset 6 spells them.
Result<float> clip_bound(NodeImport& node, const char* name, std::size_t input, float absent) {
  float bound = absent;
  if (node.opset() < 11) {
    OCTET_TRY(bound, node.attributes.real(name, absent));
  } else if (node.has_input(input)) {
    OCTET_TRY(const Tensor value, node.constant(input, name));
    if (value.type != Type::f32 || element_count(value.shape) != 1)
      return invalid(std::string("its ") + name + " must be one f32, not " + name_of(value.type) + " of shape " +
                     to_string(value.shape));
    bound = value.data.as<float>()[0];
  }
  if (std::isnan(bound)) return invalid(std::string("its ") + name + " is NaN");
  if (std::abs(bound) == std::numeric_limits<float>::max()) return std::copysign(kInfinity, bound);
  return bound;
}

/// Of integers, or with bounds that are computed: they are inputs of x's type.
Result<void> import_clip_of_inputs(NodeImport& node, int x) {
  using F = schema::BinaryFunction;
  Compose make(node);
  const Type type = node.type(x);
  const Type wide = is_narrow(type) ? Type::s32 : type;
  OCTET_TRY(int y, make.cast(x, wide));
  for (const std::size_t i : {1U, 2U}) {
    if (!node.has_input(i)) continue;
    OCTET_TRY(int bound, node.input(i));
    if (node.type(bound) != type || element_count(node.shape(bound)) != 1)
      return invalid(std::string("a bound is ") + name_of(node.type(bound)) + " of shape " + to_string(node.shape(bound)) + ", not one " + name_of(type));
    OCTET_TRY(bound, make.cast(bound, wide));
    OCTET_TRY(y, make.binary(i == 1 ? F::Max : F::Min, y, bound));
  }
  OCTET_TRY(y, make.cast(y, type));
  return make.finish(y);
}

Result<void> import_clip(NodeImport& node) {
  schema::PointwiseT op;
  op.function = Function::Clip;
  if (node.opset() < 11 && node.has_input(1)) return invalid("Clip takes its bounds from inputs only since opset 11");
  OCTET_TRY(const int input, node.input(0));
  if (node.opset() >= 12 && (is_integer(node.type(input)) || is_narrow(node.type(input)))) return import_clip_of_inputs(node, input);
  OCTET_TRY(const int x, real_input(node));
  if ((node.has_input(1) && !node.constant(1)) || (node.has_input(2) && !node.constant(2))) return import_clip_of_inputs(node, x);
  OCTET_TRY(op.a, clip_bound(node, "min", 1, -kInfinity));
  OCTET_TRY(op.b, clip_bound(node, "max", 2, kInfinity));
  return node.emit(std::move(op), {x});
}

}  // namespace

void register_pointwise(ImporterTable& table) {
  for (const Row& row : kRows) table.add(row.onnx_operator, {1, 1, import_row, true});
  table.add("Clip", {1, 3, import_clip, true});
  table.add("Gelu", {1, 1, import_gelu});
}

}  // namespace octet
