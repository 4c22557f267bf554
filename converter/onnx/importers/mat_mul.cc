#include "converter/onnx/importers/products.h"

namespace octet {
namespace {

Result<int> reshaped(NodeImport& node, int x, std::vector<int> shape, const std::string& suffix) {
  schema::ReshapeT op;
  op.shape = std::move(shape);
  return node.emit_inner(std::move(op), {x}, suffix);
}

/// As matrices, which operands of rank 1 are once they have another axis; it goes again at the end.
Result<void> import_product(NodeImport& node) {
  OCTET_TRY(int a, node.input(0));
  OCTET_TRY(int b, node.input(1));
  if (node.rank(a) == 0 || node.rank(b) == 0) return invalid("its inputs must not be scalars");
  OCTET_CHECK(refuse_integers(node, a, b));
  const bool row = node.rank(a) == 1;
  const bool column = node.rank(b) == 1;
  if (row) {
    OCTET_TRY(a, reshaped(node, a, {1, -1}, "@row"));
  }
  if (column) {
    OCTET_TRY(b, reshaped(node, b, {-1, 1}, "@column"));
  }
  if (!row && !column) return node.emit(schema::MatMulT{}, {a, b});
  OCTET_TRY(const int y, node.emit_inner(schema::MatMulT{}, {a, b}, "@matrix"));
  Shape shape = node.shape(y);
  if (column) shape.pop_back();
  if (row) shape.erase(shape.end() - (column ? 1 : 2));
  schema::ReshapeT back;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    OCTET_TRY(const int size, to_int(shape[i], "shape"));
    back.shape.push_back(i == 0 ? -1 : size);
  }
  return node.emit(std::move(back), {y});
}

Result<void> import_mat_mul(NodeImport& node) {
  if (!has_weights(node)) return import_product(node);
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) == 0) return invalid("its inputs must not be scalars");
  OCTET_TRY(const int weights, derive_weights(node, false, 1.0F));
  return node.emit(schema::FullyConnectedT{}, {x, weights});
}

}  // namespace

void register_mat_mul(ImporterTable& table) { table.add("MatMul", {2, 2, import_mat_mul}); }

}  // namespace octet
