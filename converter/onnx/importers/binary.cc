// Functions of two or more values that have no operator of their own, or another one where an input is constant.
#include <limits>

#include "converter/onnx/importers/arithmetic.h"
#include "engine/ops/common.h"

namespace octet {
namespace {

using schema::BinaryFunction;
using schema::Function;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

schema::BinaryT binary(BinaryFunction function) {
  schema::BinaryT op;
  op.function = function;
  return op;
}

schema::PointwiseT pointwise(Function function, float a = 0.0F, float b = 0.0F) {
  schema::PointwiseT op;
  op.function = function;
  op.a = a;
  op.b = b;
  return op;
}

/// x / constant is x times its reciprocal, where there is one.
Result<void> import_div(NodeImport& node) {
  OCTET_TRY(const int a, number_input(node, 0));
  const auto right = node.constant(1);
  const auto invertible = [](float v) { return std::isnormal(v) && std::isnormal(1.0F / v); };
  if (right && right->type == Type::f32 && std::ranges::all_of(right->data.as<float>(), invertible)) {
    const auto reciprocal = [](const Tensor& t) { return mapped(t, [](float v) { return 1.0F / v; }); };
    OCTET_TRY(const int b, node.derived(1, "reciprocal", reciprocal));
    return node.emit(schema::MulT{}, {a, b});
  }
  OCTET_TRY(const int b, node.input(1));
  if (scalar_constant(node, 0) == 1.0F && node.rank(a) <= node.rank(b)) return node.emit(pointwise(Function::Reciprocal), {b});
  return node.emit(binary(BinaryFunction::Div), {a, b});
}

/// The exponent as one number, if it is a constant one of any type.
std::optional<double> constant_exponent(const NodeImport& node) {
  const auto value = node.constant(1);
  if (!value || element_count(value->shape) != 1) return std::nullopt;
  switch (value->type) {
    case Type::f32: return static_cast<double>(value->data.as<float>()[0]);
    case Type::s32: return static_cast<double>(value->data.as<std::int32_t>()[0]);
    case Type::s64: return static_cast<double>(value->data.as<std::int64_t>()[0]);
    default: return std::nullopt;
  }
}

Result<void> import_pow(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (node.type(x) != Type::f32) return unsupported(std::string("its base is ") + name_of(node.type(x)) + ", not f32");
  const auto exponent = constant_exponent(node);
  const bool keeps_shape = exponent && node.constant(1)->shape.size() <= node.rank(x);
  if (!keeps_shape) {
    OCTET_TRY(const int b, node.input(1));
    if (node.type(b) != Type::f32) return unsupported(std::string("its exponent is ") + name_of(node.type(b)) + " and not constant");
    return node.emit(binary(BinaryFunction::Pow), {x, b});
  }
  if (*exponent == 1) return node.alias(0);
  if (*exponent == 2) return node.emit(schema::MulT{}, {x, x});
  if (*exponent == 0.5) return node.emit(pointwise(Function::Sqrt), {x});
  if (*exponent == -1) return node.emit(pointwise(Function::Reciprocal), {x});
  return node.emit(pointwise(Function::Power, static_cast<float>(*exponent)), {x});
}

/// The least or greatest of n inputs. A constant number is a bound.
Result<void> import_extreme(NodeImport& node) {
  const bool least = node.op_type() == "Min";
  if (node.input_count() == 1) return node.alias(0);
  const auto bound = [&](float v) { return least ? pointwise(Function::Clip, -kInfinity, v) : pointwise(Function::Clip, v, kInfinity); };
  OCTET_TRY(int result, number_input(node, 0));
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    const bool last = i + 1 == node.input_count();
    const std::string suffix = "@" + std::to_string(i);
    OCTET_TRY(const int x, node.input(i));
    const auto number = scalar_constant(node, i);
    if (number && !std::isnan(*number) && node.type(result) == Type::f32 && node.constant(i)->shape.size() <= node.rank(result)) {
      if (last) return node.emit(bound(*number), {result});
      OCTET_TRY(result, node.emit_inner(bound(*number), {result}, suffix));
      continue;
    }
    const auto first = i == 1 ? scalar_constant(node, 0) : std::nullopt;
    if (first && !std::isnan(*first) && node.type(x) == Type::f32 && node.constant(0)->shape.size() <= node.rank(x)) {
      if (last) return node.emit(bound(*first), {x});
      OCTET_TRY(result, node.emit_inner(bound(*first), {x}, suffix));
      continue;
    }
    const auto op = binary(least ? BinaryFunction::Min : BinaryFunction::Max);
    if (last) return node.emit(op, {result, x});
    OCTET_TRY(result, node.emit_inner(op, {result, x}, suffix));
  }
  return {};
}

/// The slope may not make x larger. One constant number is that of a LeakyRelu.
Result<void> import_prelu(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const int slope, node.input(1));
  if (node.type(x) != Type::f32) return unsupported(std::string("its input is ") + name_of(node.type(x)) + ", not f32");
  OCTET_TRY(const Shape y, broadcast_shape(node.shape(x), node.shape(slope)));
  if (y != node.shape(x)) return invalid("its slope of shape " + to_string(node.shape(slope)) + " does not fit into " + to_string(node.shape(x)));
  if (const auto number = scalar_constant(node, 1)) return node.emit(pointwise(Function::LeakyRelu, *number), {x});
  return node.emit(binary(BinaryFunction::PRelu), {x, slope});
}

}  // namespace

void register_binary(ImporterTable& table) {
  table.add("Div", {2, 2, import_div});
  table.add("Pow", {2, 2, import_pow});
  table.add("Min", {1, 1024, import_extreme});
  table.add("Max", {1, 1024, import_extreme});
  table.add("PRelu", {2, 2, import_prelu});
}

}  // namespace octet
