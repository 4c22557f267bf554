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
  OCTET_TRY(const int first, node.input(0));
  if (is_narrow(node.type(first))) return emit_narrow(node, BinaryFunction::Div);
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

/// Of an integer: exact where the exponent is one, else as a real number cut to an integer.
Result<void> import_integer_pow(NodeImport& node, int x) {
  OCTET_TRY(int b, node.input(1));
  Compose make(node);
  const Type type = node.type(x);
  const Type common = node.type(b) == Type::f32 ? Type::f32 : type;
  OCTET_TRY(const int base, make.cast(x, common));
  OCTET_TRY(b, make.cast(b, common));
  OCTET_TRY(int y, make.binary(BinaryFunction::Pow, base, b));
  OCTET_TRY(y, make.cast(y, type));
  return make.finish(y);
}

Result<void> import_pow(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (is_integer(node.type(x))) return import_integer_pow(node, x);
  if (node.type(x) != Type::f32) return unsupported(std::string("its base is ") + name_of(node.type(x)));
  const auto exponent = constant_exponent(node);
  const bool keeps_shape = exponent && node.constant(1)->shape.size() <= node.rank(x);
  if (!keeps_shape) {
    OCTET_TRY(const int given, node.input(1));
    OCTET_TRY(const int b, Compose(node).cast(given, Type::f32));
    return node.emit(binary(BinaryFunction::Pow), {x, b});
  }
  if (*exponent == 1) return node.alias(0);
  if (*exponent == 2) return node.emit(schema::MulT{}, {x, x});
  if (*exponent == 0.5) return node.emit(pointwise(Function::Sqrt), {x});
  if (*exponent == -1) return node.emit(pointwise(Function::Reciprocal), {x});
  return node.emit(pointwise(Function::Power, static_cast<float>(*exponent)), {x});
}

Result<void> import_mod(NodeImport& node) {
  OCTET_TRY(const std::int64_t fmod, node.attributes.integer("fmod", 0));
  OCTET_TRY(const int a, node.input(0));
  OCTET_TRY(const int b, node.input(1));
  const auto function = fmod != 0 ? BinaryFunction::Remainder : BinaryFunction::Mod;
  if (is_narrow(node.type(a))) return emit_narrow(node, function);
  if (fmod == 0 && node.type(a) == Type::f32) return unsupported("of reals, only fmod=1 is defined");
  return node.emit(binary(function), {a, b});
}

/// Of u8, the one unsigned type here: what is shifted out is gone.
Result<void> import_bit_shift(NodeImport& node) {
  if (!node.attributes.has("direction")) return invalid("has no direction");
  OCTET_TRY(const std::size_t direction, node.attributes.choice("direction", {"LEFT", "RIGHT"}));
  OCTET_TRY(const int x, node.input(0));
  if (node.type(x) != Type::u8) return unsupported(std::string("shifts ") + name_of(node.type(x)) + ", only u8 is supported");
  return emit_narrow(node, direction == 0 ? BinaryFunction::ShiftLeft : BinaryFunction::ShiftRight);
}

Result<void> import_narrow_extreme(NodeImport& node, BinaryFunction function) {
  Compose make(node);
  OCTET_TRY(int result, node.input(0));
  const Type type = node.type(result);
  OCTET_TRY(result, make.cast(result, Type::s32));
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    OCTET_TRY(int x, node.input(i));
    if (node.type(x) != type) return invalid("its inputs have different types");
    OCTET_TRY(x, make.cast(x, Type::s32));
    OCTET_TRY(result, make.binary(function, result, x));
  }
  OCTET_TRY(result, make.cast(result, type));
  return make.finish(result);
}

/// The least or greatest of n inputs. A constant number is a bound.
Result<void> import_extreme(NodeImport& node) {
  const bool least = node.op_type() == "Min";
  if (node.input_count() == 1) return node.alias(0);
  OCTET_TRY(const int first_input, node.input(0));
  if (is_narrow(node.type(first_input))) return import_narrow_extreme(node, least ? BinaryFunction::Min : BinaryFunction::Max);
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
  table.add("Div", {2, 2, import_div, true});
  table.add("Pow", {2, 2, import_pow});
  table.add("Min", {1, 1024, import_extreme});
  table.add("Max", {1, 1024, import_extreme});
  table.add("Mod", {2, 2, import_mod});
  table.add("BitShift", {2, 2, import_bit_shift});
  table.add("PRelu", {2, 2, import_prelu});
}

}  // namespace octet
