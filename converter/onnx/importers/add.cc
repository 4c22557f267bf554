#include "converter/onnx/importers/arithmetic.h"

namespace octet {
namespace {

Result<void> import_add(NodeImport& node) { return emit_arithmetic(node, schema::BinaryFunction::Add, schema::AddT{}); }

/// The n inputs, added one after the other; a single one is itself.
Result<int> sum_before_last(NodeImport& node) {
  OCTET_TRY(int sum, node.input(0));
  for (std::size_t i = 1; i + 1 < node.input_count(); ++i) {
    OCTET_TRY(const int x, node.input(i));
    OCTET_TRY(sum, node.emit_inner(schema::AddT{}, {sum, x}, "@sum" + std::to_string(i)));
  }
  return sum;
}

Result<void> import_sum(NodeImport& node) {
  if (node.input_count() == 1) return node.alias(0);
  OCTET_TRY(const int sum, sum_before_last(node));
  OCTET_TRY(const int last, node.input(node.input_count() - 1));
  return node.emit(schema::AddT{}, {sum, last});
}

Result<void> import_mean(NodeImport& node) {
  if (node.input_count() == 1) return node.alias(0);
  OCTET_TRY(const int before, sum_before_last(node));
  OCTET_TRY(const int last, node.input(node.input_count() - 1));
  OCTET_TRY(const int sum, node.emit_inner(schema::AddT{}, {before, last}, "@sum"));
  Tensor share;
  share.name = node.output_name() + "@share";
  share.data = Constant::of(std::vector<float>{1.0F / static_cast<float>(node.input_count())});
  return node.emit(schema::MulT{}, {sum, node.add_constant(std::move(share))});
}

}  // namespace

void register_add(ImporterTable& table) {
  table.add("Add", {2, 2, import_add, true});
  table.add("Sum", {1, 1024, import_sum});
  table.add("Mean", {1, 1024, import_mean});
}

}  // namespace octet
