#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_arg_extreme(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_CHECK(check_supported_type(node, x, {Type::f32, Type::s32, Type::s64}));
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", 0));
  OCTET_TRY(const std::int64_t keep_dims, node.attributes.integer("keepdims", 1));
  OCTET_TRY(const std::int64_t last, node.attributes.integer("select_last_index", 0));
  schema::ArgMaxT op;
  OCTET_TRY(op.axis, normalize_axis(axis, node.rank(x)));
  op.keep_dims = keep_dims != 0;
  op.last = last != 0;
  op.least = node.op_type() == "ArgMin";
  return node.emit(std::move(op), {x}, Type::s64);
}

}  // namespace

void register_arg_max(ImporterTable& table) {
  table.add("ArgMax", {1, 1, import_arg_extreme});
  table.add("ArgMin", {1, 1, import_arg_extreme});
}

}  // namespace octet
