#include "converter/onnx/importers/arithmetic.h"

namespace octet {
namespace {

/// x - constant is x + (-constant), which may become part of what makes x.
Result<void> import_sub(NodeImport& node) {
  const auto right = node.constant(1);
  if (!right || right->type != Type::f32) return emit_arithmetic(node, schema::BinaryFunction::Sub, schema::SubT{});
  OCTET_TRY(const int a, node.input(0));
  OCTET_TRY(const int b, node.derived(1, "negated", [](const Tensor& t) { return mapped(t, [](float v) { return -v; }); }));
  return node.emit(schema::AddT{}, {a, b});
}

}  // namespace

void register_sub(ImporterTable& table) { table.add("Sub", {2, 2, import_sub, true}); }

}  // namespace octet
