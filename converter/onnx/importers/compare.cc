#include <iterator>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

using schema::Comparison;

struct Row {
  const char* onnx_operator;
  Comparison function;
};

constexpr Row kRows[] = {{"Equal", Comparison::Equal},
                         {"Less", Comparison::Less},
                         {"LessOrEqual", Comparison::LessOrEqual},
                         {"Greater", Comparison::Greater},
                         {"GreaterOrEqual", Comparison::GreaterOrEqual},
                         {"And", Comparison::And},
                         {"Or", Comparison::Or},
                         {"Xor", Comparison::Xor}};

Result<void> import_row(NodeImport& node) {
  const Row* row = std::begin(kRows);
  while (row->onnx_operator != node.op_type()) ++row;  // registered for exactly these
  schema::CompareT op;
  op.function = row->function;
  OCTET_TRY(const int a, node.input(0));
  OCTET_TRY(const int b, node.input(1));
  return node.emit(std::move(op), {a, b}, Type::boolean);
}

/// Not x is x xor true.
Result<void> import_not(NodeImport& node) {
  schema::CompareT op;
  op.function = Comparison::Xor;
  Tensor yes;
  yes.name = node.output_name() + "@true";
  yes.type = Type::boolean;
  yes.data = Constant::of(std::vector<std::uint8_t>{1});
  OCTET_TRY(const int x, node.input(0));
  return node.emit(std::move(op), {x, node.add_constant(std::move(yes))}, Type::boolean);
}

}  // namespace

void register_compare(ImporterTable& table) {
  for (const Row& row : kRows) table.add(row.onnx_operator, {2, 2, import_row});
  table.add("Not", {1, 1, import_not});
}

}  // namespace octet
