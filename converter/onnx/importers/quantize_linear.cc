// QuantizeLinear and DequantizeLinear, as Octet's Quantize and Dequantize. What is s8 in the source is u8 here, 128 more in values and
// zero-points; the tensor remembers it (SourceForm). Constants become real values that remember the integers they were.
#include <array>

#include "converter/onnx/expansions.h"
#include "converter/onnx/importers/computed_quantization.h"
#include "converter/onnx/source_quantization.h"
#include "converter/onnx/tensor_proto.h"

namespace octet {
namespace {

std::size_t channel_in(const Quantization& q, std::size_t c) { return std::min(c, q.scales.size() - 1); }

/// Scale and zero-point of channel c.
std::string say(const Quantization& q, std::size_t c = 0) {
  const std::size_t k = channel_in(q, c);
  const std::string of = q.axis == -1 ? "" : "of channel " + std::to_string(k) + " ";
  return "scale " + of + text_of(q.scales[k]) + " and zero-point " + std::to_string(q.zero_points[k]);
}

Result<void> check_plain(NodeImport& node) {
  for (const char* name : {"block_size", "precision"}) {
    OCTET_TRY(const std::int64_t value, node.attributes.integer(name, 0));
    if (value != 0) return unsupported(std::string(name) + " " + std::to_string(value) + " is not supported");
  }
  return {};
}

/// A table that leaves bytes alone or, between s8 and u8, adds 128.
schema::LookupT relabel(bool shift) {
  schema::LookupT lookup;
  for (unsigned i = 0; i < 256; ++i) lookup.tables.push_back(static_cast<std::uint8_t>(i ^ (shift ? 0x80U : 0U)));
  return lookup;
}

/// One value for each channel along `axis`, to be broadcast against `rank` axes.
int channel_constant(NodeImport& node, std::vector<float> values, int axis, std::size_t rank, const char* suffix) {
  Tensor t;
  t.name = node.output_name() + suffix;
  t.shape.assign(axis < 0 ? 0 : rank - static_cast<std::size_t>(axis), 1);
  if (axis >= 0) t.shape[0] = static_cast<std::int64_t>(values.size());
  t.data = Constant::of(std::move(values));
  return node.add_constant(std::move(t));
}

bool one_zero_point(const SourceQuantization& q) {
  return std::ranges::all_of(q.quant.zero_points, [&](std::int32_t z) { return z == q.quant.zero_points[0]; });
}

/// Of integers whose scales are beside them: those of a channel, with one zero-point for all.
Quantization steps_of(const SourceQuantization& q) { return {{1.0F}, {q.as_u8().zero_points[0]}, -1}; }

/// (q - z) s in f32, for what Dequantize does not do.
Result<void> dequantize_in_f32(NodeImport& node, int x, const SourceQuantization& q) {
  OCTET_TRY(int y, as_numbers(node, x));
  const std::size_t rank = node.rank(x);
  std::vector<float> zero_points(q.quant.zero_points.begin(), q.quant.zero_points.end());
  OCTET_TRY(y, node.emit_inner(schema::SubT{}, {y, channel_constant(node, std::move(zero_points), q.quant.axis, rank, "@zero-point")}, "@centred"));
  return node.emit(schema::MulT{}, {y, channel_constant(node, q.quant.scales, q.quant.axis, rank, "@scale")});
}

/// The parameters of the QuantizeLinear that makes x, if it is one of the last few nodes; a SourceForm has those for each channel.
std::optional<Quantization> made_with(const NodeImport& node, int x) {
  const Node* maker = node.recent_maker(x);
  const Tensor& t = node.tensor(x);
  if (maker == nullptr || maker->op() != schema::Operator::Quantize) return std::nullopt;
  if (t.source.quant.present()) return t.source.quant;
  SourceQuantization of{t.source.s8 ? Type::s8 : Type::u8, t.quant};
  if (t.source.s8) of.quant.zero_points[0] -= 128;
  return of.quant;
}

/// Of a pair where one of the two has parameters for each channel: the first whose parameters are not the same.
std::optional<std::size_t> differing_channel(const Quantization& a, const Quantization& b) {
  for (std::size_t c = 0; c < std::max(a.scales.size(), b.scales.size()); ++c) {
    const std::size_t in_a = channel_in(a, c);
    const std::size_t in_b = channel_in(b, c);
    if (a.scales[in_a] != b.scales[in_b] || a.zero_points[in_a] != b.zero_points[in_b]) return c;
  }
  return std::nullopt;
}

/// The error of a DequantizeLinear that is not the inverse of its QuantizeLinear.
Result<void> check_pair(const Quantization& made_by, const Quantization& q) {
  if (made_by.axis != -1 && q.axis != -1 && made_by.axis != q.axis)
    return invalid("its scales are those of axis " + std::to_string(q.axis) + ", those of its input of axis " + std::to_string(made_by.axis));
  const auto c = differing_channel(made_by, q);
  return c ? invalid("its " + say(q, *c) + " are not those of its input, " + say(made_by, *c)) : Result<void>();
}

/// `of_integers`: of what x holds, whatever it was made with.
Result<void> dequantize_activation(NodeImport& node, int x, const SourceQuantization& q, bool of_integers) {
  const auto made_by = made_with(node, x);
  if (!of_integers && made_by && (made_by->axis != -1 || !q.per_tensor())) OCTET_CHECK(check_pair(*made_by, q.quant));
  if (!q.per_tensor() && q.type != Type::s32 && one_zero_point(q) && node.tensor(x).quant == steps_of(q)) {
    OCTET_TRY(const int steps, node.emit_inner(schema::DequantizeT{}, {x}, "@steps", Type::f32));
    return node.emit(schema::MulT{}, {steps, channel_constant(node, q.quant.scales, q.quant.axis, node.rank(x), "@scale")});
  }
  if (!q.per_tensor() || q.type == Type::s32) return dequantize_in_f32(node, x, q);
  const Quantization quant = q.as_u8();
  const Quantization made = node.tensor(x).quant;
  // Integers that stand for themselves, or had scales for each channel along an axis that a node in between may have moved.
  const bool raw = of_integers || made == Quantization{{1.0F}, {q.type == Type::s8 ? 128 : 0}, -1} || node.tensor(x).source.quant.present();
  if (made.present() && made != quant && !raw) {
    SourceQuantization other{q.type, made};
    if (q.type == Type::s8) other.quant.zero_points[0] -= 128;
    return invalid("its " + say(q.quant) + " are not those of its input, " + say(other.quant));
  }
  if (made != quant) {
    OCTET_TRY(x, relabeled(node, x, quant, q.type == Type::s8));
  }
  return node.emit(schema::DequantizeT{}, {x}, Type::f32);
}

Result<void> import_dequantize(NodeImport& node) {
  OCTET_CHECK(check_plain(node));
  node.attributes.ignore("output_dtype");  // a kind of float
  node.attributes.ignore(kOfIntegers);
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", 1));
  if (has_computed_quantization(node)) {
    OCTET_TRY(const int x, node.input(0));
    return import_computed_dequantize(node, x, axis);
  }
  const auto constant = node.constant(0);
  int x = kAbsent;
  if (!constant) {
    OCTET_TRY(x, node.input(0));
  }
  const Type type = constant ? constant->type : source_type(node.tensor(x));
  if (type != Type::u8 && type != Type::s8 && type != Type::s32)
    return invalid(std::string("its input is ") + name_of(type) + ", not u8, s8 or s32: is a QuantizeLinear missing?");
  OCTET_TRY(const auto q, read_quantization(node, 1, 2, type, constant ? constant->shape : node.shape(x), axis));
  if (q.type != type) return invalid(std::string("its zero-point is ") + name_of(q.type) + ", its input " + name_of(type));
  if (!constant) {
    OCTET_TRY(const std::int64_t of_integers, node.attributes.integer(kOfIntegers, 0));
    return dequantize_activation(node, x, q, of_integers != 0);
  }
  OCTET_TRY(Tensor real, dequantized(*constant, q));
  node.set_constant_output(std::move(real));
  return {};
}

/// x / s rounded, with z added, in f32: for scales along an axis.
Result<void> quantize_in_f32(NodeImport& node, int x, const SourceQuantization& q) {
  const std::size_t rank = node.rank(x);
  schema::BinaryT divide;
  divide.function = schema::BinaryFunction::Div;
  OCTET_TRY(int y, node.emit_inner(std::move(divide), {x, channel_constant(node, q.quant.scales, q.quant.axis, rank, "@scale")}, "@steps"));
  const bool s8 = q.type == Type::s8;
  if (one_zero_point(q)) {
    OCTET_TRY(const int bytes, node.emit_tensor(schema::QuantizeT{}, {y}, {node.output_name(), Type::u8, steps_of(q), {q.quant, s8}}));
    node.set_output(0, bytes);
    return {};
  }
  schema::PointwiseT round;
  round.function = schema::Function::Round;
  OCTET_TRY(y, node.emit_inner(std::move(round), {y}, "@whole"));
  std::vector<float> zero_points(q.quant.zero_points.begin(), q.quant.zero_points.end());
  OCTET_TRY(y, node.emit_inner(schema::AddT{}, {y, channel_constant(node, std::move(zero_points), q.quant.axis, rank, "@zero-point")}, "@shifted"));
  OCTET_TRY(const int bytes, node.emit_tensor(schema::QuantizeT{}, {y}, {node.output_name(), Type::u8, {{1.0F}, {s8 ? 128 : 0}, -1}, {q.quant, s8}}));
  node.set_output(0, bytes);
  return {};
}

/// The type of the output where no zero-point tells: the attribute's, or u8.
Result<Type> declared_output(NodeImport& node) {
  OCTET_TRY(const std::int64_t declared, node.attributes.integer("output_dtype", 0));
  if (declared == 0) return Type::u8;
  OCTET_TRY(const int element_type, to_int(declared, "output_dtype"));
  OCTET_TRY(const Type type, declared_type(element_type));
  if (type != Type::u8 && type != Type::s8) return invalid(std::string("its output_dtype is ") + name_of(type));
  return type;
}

Result<void> import_quantize(NodeImport& node) {
  OCTET_CHECK(check_plain(node));
  node.attributes.ignore("saturate");  // of 8-bit floats
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", 1));
  const bool declares = node.attributes.has("output_dtype");
  OCTET_TRY(const Type declared, declared_output(node));
  const auto constant = node.constant(0);
  int x = kAbsent;
  if (!constant) {
    OCTET_TRY(x, node.input(0));
  }
  const Type type = constant ? constant->type : node.type(x);
  if (type != Type::f32) return unsupported(std::string("its input is ") + name_of(type) + ", not f32");
  if (has_computed_quantization(node)) {
    OCTET_TRY(x, node.input(0));
    return import_computed_quantize(node, x, declared, axis);
  }
  OCTET_TRY(const auto q, read_quantization(node, 1, 2, declared, constant ? constant->shape : node.shape(x), axis));
  if (q.type == Type::s32) return invalid("its zero-point is s32, not u8 or s8");
  if (declares && q.type != declared) return invalid(std::string("its zero-point is ") + name_of(q.type) + ", its output_dtype " + name_of(declared));
  if (constant) {
    OCTET_TRY(Tensor integers, quantized(*constant, q));
    node.set_constant_output(std::move(integers));
    return {};
  }
  if (!q.per_tensor()) return quantize_in_f32(node, x, q);
  OCTET_TRY(const int y, node.emit_tensor(schema::QuantizeT{}, {x}, {node.output_name(), Type::u8, q.as_u8(), {{}, q.type == Type::s8}}));
  node.set_output(0, y);
  return {};
}

}  // namespace

Result<int> relabeled(NodeImport& node, int x, const Quantization& quant, bool s8, const std::string& suffix) {
  return node.emit_tensor(relabel(node.type(x) == Type::s8), {x}, {node.output_name() + suffix, Type::u8, quant, {{}, s8}});
}

Result<int> as_numbers(NodeImport& node, int x) {
  if (!node.tensor(x).quant.present()) return node.emit_inner(schema::CastT{}, {x}, "@numbers", Type::f32);
  const bool s8 = node.tensor(x).source.s8;
  OCTET_TRY(const int bytes, relabeled(node, x, {{1.0F}, {s8 ? 128 : 0}, -1}, s8));
  return node.emit_inner(schema::DequantizeT{}, {bytes}, "@numbers", Type::f32);
}

void register_quantize_linear(ImporterTable& table) {
  table.add("DequantizeLinear", {2, 3, import_dequantize, true});
  table.add("QuantizeLinear", {2, 3, import_quantize, true});
}

}  // namespace octet
