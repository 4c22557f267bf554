#include <array>
#include <iterator>
#include <limits>

#include "converter/onnx/importers/arithmetic.h"

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

/// What is compared: the inputs, integers of a byte as s32.
Result<std::array<int, 2>> operands(NodeImport& node, Compose& make) {
  OCTET_TRY(int a, node.input(0));
  OCTET_TRY(int b, node.input(1));
  if (!is_narrow(node.type(a)) || node.type(a) != node.type(b)) return std::array{a, b};
  OCTET_TRY(a, make.cast(a, Type::s32));
  OCTET_TRY(b, make.cast(b, Type::s32));
  return std::array{a, b};
}

Result<void> import_row(NodeImport& node) {
  const Row* row = std::begin(kRows);
  while (row->onnx_operator != node.op_type()) ++row;  // registered for exactly these
  Compose make(node);
  OCTET_TRY(const auto of, operands(node, make));
  schema::CompareT op;
  op.function = row->function;
  return node.emit(std::move(op), {of[0], of[1]}, Type::boolean);
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

/// What is not equal to itself.
Result<void> import_is_nan(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  Compose make(node);
  OCTET_TRY(const int same, make.compare(Comparison::Equal, x, x));
  OCTET_TRY(const int y, make.negation(same));
  return make.finish(y);
}

Result<void> import_is_inf(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t positive, node.attributes.integer("detect_positive", 1));
  OCTET_TRY(const std::int64_t negative, node.attributes.integer("detect_negative", 1));
  if (node.type(x) != Type::f32) return unsupported(std::string("its input is ") + name_of(node.type(x)) + ", not f32");
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Compose make(node);
  int y = -1;
  if (positive == 0 && negative == 0) {  // never
    OCTET_TRY(y, make.compare(Comparison::Less, x, x));
  } else if (positive != 0 && negative != 0) {
    OCTET_TRY(const int size, make.pointwise(schema::Function::Abs, x));
    OCTET_TRY(y, make.compare(Comparison::Equal, size, make.number(Type::f32, kInfinity)));
  } else {
    OCTET_TRY(y, make.compare(Comparison::Equal, x, make.number(Type::f32, positive != 0 ? kInfinity : -kInfinity)));
  }
  return make.finish(y);
}

}  // namespace

void register_compare(ImporterTable& table) {
  for (const Row& row : kRows) table.add(row.onnx_operator, {2, 2, import_row});
  table.add("IsNaN", {1, 1, import_is_nan});
  table.add("IsInf", {1, 1, import_is_inf});
  table.add("Not", {1, 1, import_not});
}

}  // namespace octet
