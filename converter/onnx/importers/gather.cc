#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_gather(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const int indices, node.input(1));
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", 0));
  schema::GatherT op;
  OCTET_TRY(op.axis, normalize_axis(axis, node.rank(x)));
  return node.emit(std::move(op), {x, indices});
}

}  // namespace

void register_gather(ImporterTable& table) { table.add("Gather", {2, 2, import_gather}); }

}  // namespace octet
