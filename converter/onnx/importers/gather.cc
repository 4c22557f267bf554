#include "converter/onnx/importer.h"

namespace octet {
namespace {

/// The bytes that these indices are, where they are a Cast of bytes.
int bytes_of(const NodeImport& node, int indices) {
  const Node* cast = node.recent_maker(indices);
  if (cast == nullptr || cast->op() != schema::Operator::Cast) return kAbsent;
  const int x = cast->inputs[0];
  if (node.type(x) == Type::u8) return x;
  const Node* numbers = node.recent_maker(x);
  const bool integers = numbers != nullptr && numbers->op() == schema::Operator::Dequantize &&
                        node.tensor(numbers->inputs[0]).quant == Quantization{{1.0F}, {0}, -1} && !node.tensor(numbers->inputs[0]).source.s8;
  return integers ? numbers->inputs[0] : kAbsent;
}

/// An entry of a table of 256 bytes for each byte, which is how octet export writes a Lookup.
Result<void> emit_lookup(NodeImport& node, int x, const Tensor& table) {
  schema::LookupT lookup;
  const auto bytes = table.data.as<std::uint8_t>();
  lookup.tables.assign(bytes.begin(), bytes.end());
  OCTET_TRY(const int y, node.emit_tensor(std::move(lookup), {x}, {node.output_name(), Type::u8, {{1.0F}, {0}, -1}}));
  node.set_output(0, y);
  return {};
}

Result<void> import_gather(NodeImport& node) {
  OCTET_TRY(const int indices, node.input(1));
  if (const auto table = node.constant(0); table && table->type == Type::u8 && table->shape == Shape{256})
    if (const int bytes = bytes_of(node, indices); bytes != kAbsent) return emit_lookup(node, bytes, *table);
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", 0));
  schema::GatherT op;
  OCTET_TRY(op.axis, normalize_axis(axis, node.rank(x)));
  return node.emit(std::move(op), {x, indices});
}

}  // namespace

void register_gather(ImporterTable& table) { table.add("Gather", {2, 2, import_gather, true}); }

}  // namespace octet
