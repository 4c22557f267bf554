#include "converter/onnx/importers/unrolled.h"

namespace octet {
namespace {

Result<void> import_lstm(NodeImport& node) {
  OCTET_TRY(const bool all_steps, has_all_steps(node));
  if (node.has_input(7) || !all_steps || !has_constant_weights(node)) return import_unrolled(node, Cell::lstm);
  OCTET_TRY(const std::int64_t coupled, node.attributes.integer("input_forget", 0));
  if (coupled != 0) return unsupported("input_forget is not supported");
  OCTET_TRY(const RecurrentLayer layer, read_recurrent(node, 4, {"Sigmoid", "Tanh", "Tanh"}));
  std::vector<std::vector<int>> outputs(3);  // of each direction
  for (std::size_t d = 0; d < layer.directions(); ++d) {
    OCTET_TRY(const int gates, emit_input_gates(node, layer, d, 0));
    OCTET_TRY(const int weights, derive_direction(node, 2, d));
    OCTET_TRY(const int h, initial_state(node, layer, 5, d));
    OCTET_TRY(const int c, initial_state(node, layer, 6, d));
    schema::LSTMT op;
    op.reverse = layer.reverse[d];
    OCTET_TRY(const auto made, node.emit_inner_all(std::move(op), {gates, weights, h, c}, {Type::f32, Type::f32, Type::f32}, "@lstm" + std::to_string(d)));
    for (std::size_t i = 0; i < 3; ++i) outputs[i].push_back(made[i]);
  }
  OCTET_CHECK(emit_steps(node, layer, outputs[0]));
  OCTET_CHECK(emit_states(node, layer, 1, outputs[1]));
  return emit_states(node, layer, 2, outputs[2]);
}

}  // namespace

void register_lstm(ImporterTable& table) { table.add("LSTM", {3, 8, import_lstm}); }

}  // namespace octet
