// Operators that, at inference, pass their input on.
#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

Result<void> import_identity(NodeImport& node) { return node.alias(0); }

/// The second output: nothing has been dropped.
Result<void> emit_mask(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  Compose make(node);
  const int yes = make.number(Type::boolean, 1);
  if (node.rank(x) == 0) {
    OCTET_TRY(const int y, make.reshape(yes, {}));
    return make.finish(y, 1);
  }
  OCTET_TRY(auto op, to_shape<schema::ExpandT>(node.shape(x)));
  op.shape[0] = 1;  // the leading size is a multiple of x's
  OCTET_TRY(const int y, make.op(std::move(op), {yes, x}));
  return make.finish(y, 1);
}

/// Whether the ratio of what is dropped is known to be 0.
bool drops_nothing(const NodeImport& node) {
  const auto ratio = node.constant(1);
  return ratio && ratio->type == Type::f32 && element_count(ratio->shape) == 1 && ratio->data.as<float>()[0] == 0.0F;
}

Result<void> import_dropout(NodeImport& node) {
  // Of training only.
  node.attributes.ignore("ratio");
  node.attributes.ignore("seed");
  if (node.reads_output(1)) OCTET_CHECK(emit_mask(node));
  if (node.has_input(2)) {
    OCTET_TRY(const Tensor training, node.constant(2, "training_mode"));
    if (training.type != Type::boolean || element_count(training.shape) != 1)
      return invalid("its training_mode must be one bool");
    if (training.data.bytes()[0] != std::byte{0} && !drops_nothing(node)) return unsupported("training_mode is not supported");
  }
  return node.alias(0);
}

}  // namespace

void register_identity(ImporterTable& table) {
  table.add("Identity", {1, 1, import_identity, true});
  table.add("Dropout", {1, 3, import_dropout});
}

}  // namespace octet
