#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_where(NodeImport& node) {
  OCTET_TRY(const int condition, node.input(0));
  OCTET_TRY(const int a, node.input(1));
  OCTET_TRY(const int b, node.input(2));
  return node.emit(schema::WhereT{}, {condition, a, b}, node.type(a));
}

}  // namespace

void register_where(ImporterTable& table) { table.add("Where", {3, 3, import_where, true}); }

}  // namespace octet
