#include "converter/onnx/importer.h"

namespace octet {
namespace {

/// How many: an attribute up to opset 9, an input since.
Result<std::int64_t> read_k(NodeImport& node) {
  if (node.opset() < 10) {
    if (!node.attributes.has("k")) return invalid("has no k");
    return node.attributes.integer("k", 1);
  }
  OCTET_TRY(const auto k, node.constant_integers(1, "K"));
  if (k.size() != 1) return invalid("its K has " + std::to_string(k.size()) + " values, not 1");
  return k[0];
}

Result<void> import_top_k(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_CHECK(check_supported_type(node, x, {Type::f32, Type::s32, Type::s64}));
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", -1));
  OCTET_TRY(const std::int64_t largest, node.attributes.integer("largest", 1));
  node.attributes.ignore("sorted");  // results are always in order, which unsorted ones may be as well
  OCTET_TRY(const std::int64_t k, read_k(node));
  schema::TopKT op;
  OCTET_TRY(op.axis, normalize_axis(axis, node.rank(x)));
  OCTET_TRY(op.k, to_int(k, "K"));
  op.largest = largest != 0;
  return node.emit_all(std::move(op), {x}, {node.type(x), Type::s64});
}

}  // namespace

void register_top_k(ImporterTable& table) { table.add("TopK", {1, 2, import_top_k}); }

}  // namespace octet
