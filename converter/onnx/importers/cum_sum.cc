#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_cum_sum(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const auto axis, node.constant_integers(1, "axis"));
  if (axis.size() != 1) return invalid("its axis has " + std::to_string(axis.size()) + " values, not 1");
  OCTET_TRY(const std::int64_t exclusive, node.attributes.integer("exclusive", 0));
  OCTET_TRY(const std::int64_t reverse, node.attributes.integer("reverse", 0));
  schema::CumSumT op;
  OCTET_TRY(op.axis, normalize_axis(axis[0], node.rank(x)));
  op.exclusive = exclusive != 0;
  op.reverse = reverse != 0;
  return node.emit(std::move(op), {x});
}

}  // namespace

void register_cum_sum(ImporterTable& table) { table.add("CumSum", {2, 2, import_cum_sum}); }

}  // namespace octet
