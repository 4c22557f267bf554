#include "converter/onnx/importer.h"
#include "converter/onnx/source_quantization.h"
#include "converter/onnx/tensor_proto.h"

namespace octet {
namespace {

Result<void> emit_cast(NodeImport& node, Type type) {
  OCTET_TRY(const int x, node.input(0));
  const Tensor& t = node.tensor(x);
  if (source_type(t) == type) return node.alias(0);
  if (t.quant.present()) {
    OCTET_TRY(const int numbers, as_numbers(node, x));
    return node.emit(schema::CastT{}, {numbers}, type);
  }
  return node.emit(schema::CastT{}, {x}, type);
}

Result<void> import_cast(NodeImport& node) {
  node.attributes.ignore("saturate");  // of casts to 8-bit floats
  if (!node.attributes.has("to")) return invalid("has no attribute 'to'");
  OCTET_TRY(const std::int64_t to, node.attributes.integer("to", 0));
  OCTET_TRY(const int element_type, to_int(to, "to"));
  OCTET_TRY(const Type type, declared_type(element_type));
  return emit_cast(node, type);
}

Result<void> import_cast_like(NodeImport& node) {
  node.attributes.ignore("saturate");
  OCTET_TRY(const int like, node.input(1));
  return emit_cast(node, node.type(like));
}

}  // namespace

void register_cast(ImporterTable& table) {
  table.add("Cast", {1, 1, import_cast, true});
  table.add("CastLike", {2, 2, import_cast_like});
}

}  // namespace octet
