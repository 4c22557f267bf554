#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_concat(NodeImport& node) {
  if (!node.attributes.has("axis")) return invalid("has no axis");
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", 0));
  std::vector<int> inputs;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    const auto value = node.input_count() > 1 ? node.constant(i) : std::nullopt;
    if (value && value->shape == Shape{0} && (i + 1 < node.input_count() || !inputs.empty())) continue;  // adds nothing
    OCTET_TRY(const int x, node.input(i));
    inputs.push_back(x);
  }
  schema::ConcatT op;
  OCTET_TRY(op.axis, normalize_axis(axis, node.rank(inputs[0])));
  return node.emit(std::move(op), std::move(inputs));
}

}  // namespace

void register_concat(ImporterTable& table) { table.add("Concat", {1, 1024, import_concat}); }

}  // namespace octet
