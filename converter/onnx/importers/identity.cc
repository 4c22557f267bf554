// Operators that, at inference, pass their input on.
#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_identity(NodeImport& node) { return node.alias(0); }

Result<void> import_dropout(NodeImport& node) {
  // Of training only. (The mask, a second output, is refused by the driver if anything reads it.)
  node.attributes.ignore("ratio");
  node.attributes.ignore("seed");
  if (node.has_input(2)) {
    OCTET_TRY(const Tensor training, node.constant(2, "training_mode"));
    if (training.type != Type::boolean || element_count(training.shape) != 1)
      return invalid("its training_mode must be one bool");
    if (training.data.bytes()[0] != std::byte{0}) return unsupported("training_mode is not supported");
  }
  return node.alias(0);
}

}  // namespace

void register_identity(ImporterTable& table) {
  table.add("Identity", {1, 1, import_identity});
  table.add("Dropout", {1, 3, import_dropout});
}

}  // namespace octet
