#include <algorithm>

#include "converter/onnx/source_quantization.h"

namespace octet {
namespace {

/// Whether a tensor adds nothing along `axis`. Exporters concatenate lists without elements to tensors of any rank.
bool adds_nothing(const Shape& shape, std::int64_t axis) {
  if (shape == Shape{0}) return true;
  const auto at = normalize_axis(axis, shape.size());
  return at && shape[static_cast<std::size_t>(*at)] == 0;
}

/// The others' sizes are those of x, but for `axis`.
Result<void> check_others(NodeImport& node, const std::vector<int>& others, int x, std::size_t axis) {
  for (const int other : others) {
    if (node.shape(other) == Shape{0}) continue;
    for (const std::size_t b : {0U, 1U}) {
      Shape shape = node.shapes(other)[b];
      const Shape fits = node.shapes(x)[b];
      if (shape.size() == fits.size()) shape[axis] = fits[axis];
      if (shape == fits) continue;
      const std::string message = "an input of shape " + to_string(node.shapes(other)[b]) + " does not fit to " + to_string(fits);
      return b == 0 ? invalid(message) : node.follows_batch(message + " at batch 2");
    }
  }
  return {};
}

/// Of integers of a QuantizeLinear, as `like` are. Inputs of the graph and constants beside them say nothing of a scale: they have theirs.
Result<void> emit_of_quantized(NodeImport& node, schema::ConcatT op, std::vector<int> inputs, const Tensor& like) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = node.tensor(inputs[i]);
    if (x.quant.present()) continue;
    if (source_type(x) != source_type(like)) return invalid(std::string("an input is ") + name_of(x.type) + ", another " + name_of(source_type(like)));
    OCTET_TRY(inputs[i], relabeled(node, inputs[i], like.quant, like.source.s8, "@u8" + std::to_string(i)));
  }
  OCTET_TRY(const int y, node.emit_tensor(std::move(op), std::move(inputs), {node.output_name(), Type::u8, like.quant, like.source}));
  node.set_output(0, y);
  return {};
}

Result<void> import_concat(NodeImport& node) {
  if (!node.attributes.has("axis")) return invalid("has no axis");
  OCTET_TRY(const std::int64_t axis, node.attributes.integer("axis", 0));
  std::vector<int> inputs;
  std::vector<int> left_out;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    OCTET_TRY(const int x, node.input(i));
    const bool last_chance = i + 1 == node.input_count() && inputs.empty();
    (adds_nothing(node.shape(x), axis) && !last_chance ? left_out : inputs).push_back(x);
  }
  schema::ConcatT op;
  OCTET_TRY(op.axis, normalize_axis(axis, node.rank(inputs[0])));
  OCTET_CHECK(check_others(node, left_out, inputs[0], static_cast<std::size_t>(op.axis)));
  const auto quantized = std::ranges::find_if(inputs, [&](int x) { return node.tensor(x).quant.present(); });
  if (quantized == inputs.end()) return node.emit(std::move(op), std::move(inputs));
  const Tensor like = node.tensor(*quantized);
  return emit_of_quantized(node, std::move(op), std::move(inputs), like);
}

}  // namespace

void register_concat(ImporterTable& table) { table.add("Concat", {1, 1024, import_concat, true}); }

}  // namespace octet
