#include "converter/onnx/importers/arithmetic.h"

namespace octet {
namespace {

Result<void> import_mul(NodeImport& node) { return emit_arithmetic(node, schema::BinaryFunction::Mul, schema::MulT{}); }

}  // namespace

void register_mul(ImporterTable& table) { table.add("Mul", {2, 2, import_mul, true}); }

}  // namespace octet
