#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_mul(NodeImport& node) {
  OCTET_TRY(const int a, node.input(0));
  OCTET_TRY(const int b, node.input(1));
  if (node.type(a) != Type::f32) return unsupported(std::string("it computes in ") + name_of(node.type(a)) + ", only f32 is supported");
  return node.emit(schema::MulT{}, {a, b});
}

}  // namespace

void register_mul(ImporterTable& table) { table.add("Mul", {2, 2, import_mul}); }

}  // namespace octet
