#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> import_layer_normalization(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", -1));
  OCTET_TRY(const int axis, normalize_axis(wanted, node.rank(x)));
  schema::LayerNormalizationT op;
  OCTET_TRY(op.epsilon, node.attributes.real("epsilon", 1e-5F));
  node.attributes.ignore("stash_type");  // of the intermediate values, which are at least as precise here
  op.axes = static_cast<int>(node.rank(x)) - axis;
  std::vector<int> inputs = {x};
  for (std::size_t i = 1; i < 3; ++i) {
    if (!node.has_input(i)) continue;
    OCTET_TRY(const int parameter, node.input(i));
    inputs.push_back(parameter);
  }
  return node.emit(std::move(op), std::move(inputs));
}

}  // namespace

void register_layer_normalization(ImporterTable& table) { table.add("LayerNormalization", {2, 3, import_layer_normalization}); }

}  // namespace octet
