#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_transpose(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  std::vector<std::int64_t> reversed(node.rank(x));
  for (std::size_t i = 0; i < reversed.size(); ++i) reversed[i] = static_cast<std::int64_t>(reversed.size() - 1 - i);
  OCTET_TRY(const auto perm, node.attributes.integers("perm", reversed));
  schema::TransposeT op;
  for (const std::int64_t axis : perm) {
    OCTET_TRY(const int a, to_int(axis, "perm"));
    op.perm.push_back(a);
  }
  return node.emit(std::move(op), {x});
}

}  // namespace

void register_transpose(ImporterTable& table) { table.add("Transpose", {1, 1, import_transpose, true}); }

}  // namespace octet
