#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_tile(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const auto repeats, node.constant_integers(1, "repeats"));
  schema::TileT op;
  for (const std::int64_t r : repeats) {
    OCTET_TRY(const int n, to_int(r, "repeats"));
    op.repeats.push_back(n);
  }
  return node.emit(std::move(op), {x});
}

}  // namespace

void register_tile(ImporterTable& table) { table.add("Tile", {2, 2, import_tile}); }

}  // namespace octet
