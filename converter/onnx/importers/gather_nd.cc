#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

Result<void> import_gather_nd(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const int indices, node.input(1));
  OCTET_TRY(const std::int64_t batch, node.attributes.integer("batch_dims", 0));
  schema::GatherNDT op;
  OCTET_TRY(op.batch_axes, to_int(batch, "batch_dims"));
  return node.emit(std::move(op), {x, indices});
}

Result<void> import_gather_elements(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const int indices, node.input(1));
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", 0));
  OCTET_TRY(const int axis, normalize_axis(wanted, node.rank(x)));
  Compose make(node);
  OCTET_TRY(const int y, gather_elements(node, make, x, indices, static_cast<std::size_t>(axis)));
  return make.finish(y);
}

}  // namespace

void register_gather_nd(ImporterTable& table) {
  table.add("GatherND", {2, 2, import_gather_nd});
  table.add("GatherElements", {2, 2, import_gather_elements});
}

}  // namespace octet
