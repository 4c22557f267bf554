#include "converter/onnx/importers/unrolled.h"

namespace octet {
namespace {

Result<void> import_gru(NodeImport& node) {
  OCTET_TRY(const std::int64_t reset_after, node.attributes.integer("linear_before_reset", 0));
  OCTET_TRY(const bool all_steps, has_all_steps(node));
  if (!all_steps || !has_constant_weights(node)) return import_unrolled(node, Cell::gru);
  OCTET_TRY(const RecurrentLayer layer, read_recurrent(node, 3, {"Sigmoid", "Tanh"}));
  std::vector<std::vector<int>> outputs(2);  // of each direction
  for (std::size_t d = 0; d < layer.directions(); ++d) {
    OCTET_TRY(const int gates, emit_input_gates(node, layer, d, reset_after != 0 ? 1 : 0));
    OCTET_TRY(const int weights, derive_direction(node, 2, d));
    OCTET_TRY(const int h, initial_state(node, layer, 5, d));
    schema::GRUT op;
    op.reverse = layer.reverse[d];
    op.reset_after = reset_after != 0;
    std::vector<int> inputs = {gates, weights, h};
    if (op.reset_after && node.has_input(3)) {
      OCTET_TRY(const int bias, derive_last_bias(node, layer, d));
      inputs.push_back(bias);
    }
    OCTET_TRY(const auto made, node.emit_inner_all(std::move(op), std::move(inputs), {Type::f32, Type::f32}, "@gru" + std::to_string(d)));
    for (std::size_t i = 0; i < 2; ++i) outputs[i].push_back(made[i]);
  }
  OCTET_CHECK(emit_steps(node, layer, outputs[0]));
  return emit_states(node, layer, 1, outputs[1]);
}

}  // namespace

void register_gru(ImporterTable& table) { table.add("GRU", {3, 6, import_gru}); }

}  // namespace octet
