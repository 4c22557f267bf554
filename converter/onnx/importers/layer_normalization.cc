#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

/// Outputs 1 and 2, which training wants: the mean of each row and 1 / sqrt(its variance + epsilon).
Result<void> emit_statistics(NodeImport& node, int x, int axis, float epsilon) {
  using schema::BinaryFunction;
  if (!node.reads_output(1) && !node.reads_output(2)) return {};
  Compose make(node);
  std::vector<int> axes = all_axes(node.rank(x));
  axes.erase(axes.begin(), axes.begin() + axis);
  OCTET_TRY(const int mean, make.reduce(schema::Reduction::Mean, x, axes, true));
  OCTET_TRY(const int centered, make.binary(BinaryFunction::Sub, x, mean));
  OCTET_TRY(const int squares, make.binary(BinaryFunction::Mul, centered, centered));
  OCTET_TRY(int y, make.reduce(schema::Reduction::Mean, squares, std::move(axes), true));
  OCTET_TRY(y, make.binary(BinaryFunction::Add, y, make.number(Type::f32, static_cast<double>(epsilon))));
  OCTET_TRY(y, make.pointwise(schema::Function::Power, y, -0.5F));
  OCTET_CHECK(make.finish(mean, 1));
  return make.finish(y, 2);
}

Result<void> import_layer_normalization(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", -1));
  OCTET_TRY(const int axis, normalize_axis(wanted, node.rank(x)));
  schema::LayerNormalizationT op;
  OCTET_TRY(op.epsilon, node.attributes.real("epsilon", 1e-5F));
  node.attributes.ignore("stash_type");  // of the intermediate values, which are at least as precise here
  op.axes = static_cast<int>(node.rank(x)) - axis;
  OCTET_CHECK(emit_statistics(node, x, axis, op.epsilon));
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
