#include "converter/onnx/importers/computed_quantization.h"

#include <limits>

#include "converter/onnx/importers/compose.h"
#include "converter/onnx/source_quantization.h"

namespace octet {
namespace {

using schema::BinaryFunction;
using schema::Function;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A scale or zero-point, one or as many as x has along `axis`, so that it broadcasts against x.
Result<int> beside(NodeImport& node, Compose& make, int values, int x, std::int64_t axis, const char* what) {
  if (node.rank(values) > 1) return unsupported(std::string("its ") + what + " has shape " + to_string(node.shape(values)) + ": blocks are not supported");
  if (node.rank(values) == 0) return values;
  if (node.shapes(values)[1] == Shape{1}) return make.reshape(values, {});
  OCTET_TRY(const int a, normalize_axis(axis, node.rank(x)));
  const auto at = static_cast<std::size_t>(a);
  if (node.shapes(values)[0][0] != node.shapes(x)[0][at] || node.shapes(values)[1][0] != node.shapes(x)[1][at])
    return invalid("its " + std::string(what) + " has " + std::to_string(node.shape(values)[0]) + " values where there must be 1, or " +
                   std::to_string(node.shape(x)[at]) + " along axis " + std::to_string(a));
  Shape shape = make.open(values);
  shape.resize(node.rank(x) - at, 1);
  return make.reshape(values, shape);
}

Result<int> scale_beside(NodeImport& node, Compose& make, int x, std::int64_t axis) {
  if (node.constant(1)) OCTET_CHECK(read_scales(node, 1));
  OCTET_TRY(const int scale, node.input(1));
  if (node.type(scale) != Type::f32) return invalid(std::string("its scale is ") + name_of(node.type(scale)) + ", not f32");
  return beside(node, make, scale, x, axis, "scale");
}

/// The zero-point as numbers; 0 where there is none. `type` is what x is made of or becomes: the zero-point's, or what it was.
Result<int> zero_point_beside(NodeImport& node, Compose& make, int x, std::int64_t axis, Type& type) {
  if (!node.has_input(2)) return make.number(Type::f32, 0);
  OCTET_TRY(const int z, node.input(2));
  type = source_type(node.tensor(z));
  if (type != Type::u8 && type != Type::s8 && type != Type::s32) return invalid(std::string("its zero-point is ") + name_of(type) + ", not u8 or s8");
  OCTET_TRY(const int numbers, as_numbers(node, z));
  return beside(node, make, numbers, x, axis, "zero-point");
}

/// The scale's and zero-point's numbers of values must be the same; shapes are those of the node's inputs.
Result<void> check_counts(NodeImport& node) {
  if (!node.has_input(2)) return {};
  OCTET_TRY(const int scale, node.input(1));
  OCTET_TRY(const int zero_point, node.input(2));
  const std::int64_t scales = element_count(node.shape(scale));
  const std::int64_t zero_points = element_count(node.shape(zero_point));
  if (scales == zero_points) return {};
  return invalid("has " + std::to_string(zero_points) + " zero-points for " + std::to_string(scales) + " scales");
}

/// x over all its elements; x itself if it is a scalar.
Result<int> over_all(NodeImport& node, Compose& make, schema::Reduction reduction, int x) {
  if (node.rank(x) == 0) return x;
  return make.reduce(reduction, x, all_axes(node.rank(x)), false);
}

/// clamp(x) as integers of type u8 or s8; x is whole.
Result<int> as_integers(Compose& make, int x, Type type) {
  const float least = type == Type::s8 ? -128.0F : 0.0F;
  OCTET_TRY(const int clamped, make.pointwise(Function::Clip, x, least, least + 255.0F));
  return make.cast(clamped, type);
}

Result<int> quantized(Compose& make, int x, int scale, int zero_point, Type type) {
  OCTET_TRY(int y, make.binary(BinaryFunction::Div, x, scale));
  OCTET_TRY(y, make.pointwise(Function::Round, y));
  OCTET_TRY(y, make.binary(BinaryFunction::Add, y, zero_point));
  return as_integers(make, y, type);
}

/// The range of all of x, 0 included, in 255 steps; the scale of zeros alone is 1, as ONNX Runtime has it.
Result<void> import_dynamic_quantize(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (node.type(x) != Type::f32) return unsupported(std::string("its input is ") + name_of(node.type(x)) + ", not f32");
  const auto shapes = node.shapes(x);
  if (shapes[0] != shapes[1]) return node.follows_batch("it works along the batch");
  Compose make(node);
  OCTET_TRY(int least, over_all(node, make, schema::Reduction::Min, x));
  OCTET_TRY(least, make.pointwise(Function::Clip, least, -kInfinity, 0.0F));
  OCTET_TRY(int most, over_all(node, make, schema::Reduction::Max, x));
  OCTET_TRY(most, make.pointwise(Function::Clip, most, 0.0F, kInfinity));
  OCTET_TRY(const int range, make.binary(BinaryFunction::Sub, most, least));
  OCTET_TRY(const int step, make.binary(BinaryFunction::Div, range, make.number(Type::f32, 255)));
  OCTET_TRY(const int none, make.compare(schema::Comparison::Equal, range, make.number(Type::f32, 0)));
  OCTET_TRY(const int scale, make.where(none, make.number(Type::f32, 1), step));
  OCTET_TRY(int zero, make.binary(BinaryFunction::Div, least, scale));
  OCTET_TRY(zero, make.binary(BinaryFunction::Sub, make.number(Type::f32, 0), zero));
  OCTET_TRY(zero, make.pointwise(Function::Round, zero));
  OCTET_TRY(const int zero_point, as_integers(make, zero, Type::u8));
  OCTET_TRY(zero, make.cast(zero_point, Type::f32));
  OCTET_TRY(const int y, quantized(make, x, scale, zero, Type::u8));
  OCTET_CHECK(make.finish(y, 0));
  OCTET_CHECK(make.finish(scale, 1));
  return make.finish(zero_point, 2);
}

}  // namespace

bool has_computed_quantization(const NodeImport& node) { return !node.constant(1) || (node.has_input(2) && !node.constant(2)); }

Result<void> import_computed_quantize(NodeImport& node, int x, Type fallback, std::int64_t axis) {
  Compose make(node);
  Type type = fallback;
  OCTET_CHECK(check_counts(node));
  OCTET_TRY(const int scale, scale_beside(node, make, x, axis));
  OCTET_TRY(const int zero_point, zero_point_beside(node, make, x, axis, type));
  if (type == Type::s32) return invalid("its zero-point is s32, not u8 or s8");
  OCTET_TRY(const int y, quantized(make, x, scale, zero_point, type));
  return make.finish(y);
}

Result<void> import_computed_dequantize(NodeImport& node, int x, std::int64_t axis) {
  const Type type = source_type(node.tensor(x));
  if (type != Type::u8 && type != Type::s8 && type != Type::s32)
    return invalid(std::string("its input is ") + name_of(type) + ", not u8, s8 or s32: is a QuantizeLinear missing?");
  Compose make(node);
  Type other = type;
  OCTET_CHECK(check_counts(node));
  OCTET_TRY(const int scale, scale_beside(node, make, x, axis));
  OCTET_TRY(const int zero_point, zero_point_beside(node, make, x, axis, other));
  if (other != type) return invalid(std::string("its zero-point is ") + name_of(other) + ", its input " + name_of(type));
  OCTET_TRY(int y, as_numbers(node, x));
  if (node.has_input(2)) {
    OCTET_TRY(y, make.binary(BinaryFunction::Sub, y, zero_point));
  }
  OCTET_TRY(y, make.binary(BinaryFunction::Mul, y, scale));
  return make.finish(y);
}

void register_computed_quantization(ImporterTable& table) { table.add("DynamicQuantizeLinear", {1, 1, import_dynamic_quantize}); }

}  // namespace octet
