#include "converter/onnx/importers/recurrent.h"

#include <algorithm>

namespace octet {
namespace {

std::string of_direction(std::size_t direction) { return "@direction" + std::to_string(direction); }

Result<std::vector<bool>> read_directions(NodeImport& node) {
  OCTET_TRY(const std::string direction, node.attributes.text("direction", "forward"));
  if (direction == "forward") return std::vector<bool>{false};
  if (direction == "reverse") return std::vector<bool>{true};
  if (direction == "bidirectional") return std::vector<bool>{false, true};
  return invalid("its direction is '" + direction.substr(0, 100) + "'");
}

/// The lengths of the sequences, s32 [N]; kAbsent where all have all steps.
Result<int> read_lengths(NodeImport& node, int x, const RecurrentLayer& layer) {
  OCTET_TRY(const bool all, has_all_steps(node));
  if (all) return kAbsent;
  OCTET_TRY(const int lengths, node.input(4));
  const std::size_t axis = layer.batch_first ? 0 : 1;
  const auto sequences = node.shapes(x);
  const auto shapes = node.shapes(lengths);
  if (node.type(lengths) != Type::s32 || shapes[0] != Shape{sequences[0][axis]})
    return invalid(std::string("its sequence_lens are ") + name_of(node.type(lengths)) + " of shape " + to_string(shapes[0]) + ", not s32 of " +
                   std::to_string(sequences[0][axis]));
  if (shapes[1] != Shape{sequences[1][axis]}) return node.follows_batch("its sequence_lens are for one batch");
  return lengths;
}

Result<void> check_weights(const NodeImport& node, const RecurrentLayer& layer, std::size_t input, std::int64_t columns) {
  OCTET_TRY(const Tensor w, node.constant(input, "weights"));
  const Shape wanted = {static_cast<std::int64_t>(layer.directions()), layer.gates * layer.size, columns};
  if (w.type != Type::f32) return unsupported(std::string("its weights are ") + name_of(w.type) + ", not f32");
  if (w.shape != wanted) return invalid("its weights have shape " + to_string(w.shape) + ", not " + to_string(wanted));
  return {};
}

Result<void> check_bias(const NodeImport& node, const RecurrentLayer& layer) {
  if (!node.has_input(3)) return {};
  OCTET_TRY(const Tensor b, node.constant(3, "bias"));
  const Shape wanted = {static_cast<std::int64_t>(layer.directions()), 2 * layer.gates * layer.size};
  if (b.type != Type::f32) return unsupported(std::string("its bias is ") + name_of(b.type) + ", not f32");
  if (b.shape != wanted) return invalid("its bias has shape " + to_string(b.shape) + ", not " + to_string(wanted));
  return {};
}

Tensor floats(Shape shape, std::vector<float> values) {
  Tensor t;
  t.shape = std::move(shape);
  t.data = Constant::of(std::move(values));
  return t;
}

schema::ReshapeT reshape_to(std::initializer_list<std::int64_t> shape) {
  schema::ReshapeT op;
  for (const std::int64_t size : shape) op.shape.push_back(static_cast<int>(size));
  return op;
}

bool is_zero(const Tensor& t) {
  return t.type == Type::f32 && std::ranges::all_of(t.data.as<float>(), [](float v) { return v == 0.0F; });
}

}  // namespace

Result<bool> has_all_steps(NodeImport& node) {
  if (!node.has_input(4)) return true;
  const auto lengths = node.known_value(4);
  if (!lengths || lengths->one.type != Type::s32) return false;
  OCTET_TRY(const std::int64_t batch_first, node.attributes.integer("layout", 0));
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) != 3) return true;  // an error of its own
  const std::int64_t steps = node.shape(x)[batch_first != 0 ? 1 : 0];
  const auto are_all = [&](const Tensor& t) { return std::ranges::all_of(t.data.as<std::int32_t>(), [&](std::int32_t n) { return n == steps; }); };
  return are_all(lengths->one) && are_all(lengths->at_two());
}

Result<void> check_default_activations(NodeImport& node, const std::vector<std::string>& defaults, std::size_t directions) {
  OCTET_TRY(const auto given, node.attributes.texts("activations", {}));
  for (std::size_t i = 0; i < given.size(); ++i)
    if (given.size() != defaults.size() * directions || given[i] != defaults[i % defaults.size()])
      return unsupported("only the default activations are supported, not " + given[i].substr(0, 100));
  return {};
}

Result<RecurrentLayer> read_recurrent_input(NodeImport& node, std::int64_t gates) {
  RecurrentLayer layer;
  layer.gates = gates;
  OCTET_TRY(layer.reverse, read_directions(node));
  OCTET_TRY(const std::int64_t batch_first, node.attributes.integer("layout", 0));
  layer.batch_first = batch_first != 0;
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) != 3) return invalid("its input has rank " + std::to_string(node.rank(x)) + ", not 3");
  layer.steps = node.shape(x)[layer.batch_first ? 1 : 0];
  OCTET_TRY(const int r, node.input(2));
  const Shape shape = node.shape(r);
  if (shape.size() != 3 || shape[2] < 1 || shape[2] > 1 << 24) return invalid("its recurrent weights have shape " + to_string(shape));
  layer.size = shape[2];
  OCTET_TRY(const std::int64_t size, node.attributes.integer("hidden_size", layer.size));
  if (size != layer.size) return invalid("its hidden_size is " + std::to_string(size) + ", its weights are for " + std::to_string(layer.size));
  OCTET_TRY(layer.lengths, read_lengths(node, x, layer));
  layer.x = x;
  if (!layer.batch_first) {
    OCTET_TRY(layer.x, node.transposed(x, {1, 0, 2}));
  }
  return layer;
}

Result<RecurrentLayer> read_recurrent(NodeImport& node, std::int64_t gates, const std::vector<std::string>& activations) {
  OCTET_TRY(const RecurrentLayer layer, read_recurrent_input(node, gates));
  OCTET_CHECK(check_default_activations(node, activations, layer.directions()));
  OCTET_CHECK(check_weights(node, layer, 1, node.shape(layer.x)[2]));
  OCTET_CHECK(check_weights(node, layer, 2, layer.size));
  OCTET_CHECK(check_bias(node, layer));
  return layer;
}

Result<int> derive_direction(NodeImport& node, std::size_t input, std::size_t direction) {
  return node.derived(input, of_direction(direction), [&](const Tensor& t) -> Result<Tensor> {
    const auto values = t.data.as<float>();
    const auto count = static_cast<std::size_t>(t.shape[1] * t.shape[2]);
    const auto part = values.subspan(direction * count, count);
    Tensor made = floats({t.shape[1], t.shape[2]}, {part.begin(), part.end()});
    made.name = t.name + (t.shape[0] == 1 ? "" : of_direction(direction));
    return made;
  });
}

Result<int> emit_input_gates(NodeImport& node, const RecurrentLayer& layer, std::size_t direction, std::int64_t apart) {
  OCTET_TRY(const int weights, derive_direction(node, 1, direction));
  std::vector<int> inputs = {layer.x, weights};
  if (node.has_input(3)) {
    const auto rows = static_cast<std::size_t>(layer.gates * layer.size);
    const auto summed = rows - static_cast<std::size_t>(apart * layer.size);
    OCTET_TRY(const int bias, node.derived(3, "sum" + of_direction(direction) + "-" + std::to_string(apart), [&](const Tensor& t) -> Result<Tensor> {
      const auto values = t.data.as<float>().subspan(direction * 2 * rows, 2 * rows);
      std::vector<float> sums(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rows));
      for (std::size_t i = 0; i < summed; ++i) sums[i] += values[rows + i];
      Tensor made = floats({static_cast<std::int64_t>(rows)}, std::move(sums));
      made.name = t.name + of_direction(direction);
      return made;
    }));
    inputs.push_back(bias);
  }
  return node.emit_inner(schema::FullyConnectedT{}, std::move(inputs), "@gates" + std::to_string(direction));
}

Result<int> derive_last_bias(NodeImport& node, const RecurrentLayer& layer, std::size_t direction) {
  return node.derived(3, "last" + of_direction(direction), [&](const Tensor& t) -> Result<Tensor> {
    const auto rows = static_cast<std::size_t>(2 * layer.gates * layer.size);
    const auto size = static_cast<std::size_t>(layer.size);
    const auto part = t.data.as<float>().subspan((direction + 1) * rows - size, size);
    Tensor made = floats({layer.size}, {part.begin(), part.end()});
    made.name = t.name + "@last" + of_direction(direction);
    return made;
  });
}

Result<int> initial_state(NodeImport& node, const RecurrentLayer& layer, std::size_t input, std::size_t direction) {
  if (!node.has_input(input)) return kAbsent;
  if (const auto value = node.known_value(input); value && is_zero(value->one) && is_zero(value->at_two())) return kAbsent;
  OCTET_TRY(const int all, node.input(input));
  if (node.rank(all) != 3 || node.shape(all)[2] != layer.size) return invalid("its initial state has shape " + to_string(node.shape(all)));
  const std::size_t axis = layer.batch_first ? 1 : 0;
  schema::SliceT part;
  part.starts = {0, 0, 0}, part.steps = {1, 1, 1}, part.sizes = {0, 0, 0};
  if (node.shape(all)[axis] != static_cast<std::int64_t>(layer.directions())) return invalid("its initial state has shape " + to_string(node.shape(all)));
  part.starts[axis] = static_cast<int>(direction), part.sizes[axis] = 1;
  const std::string suffix = "@state" + std::to_string(input) + std::to_string(direction);
  OCTET_TRY(const int one, node.emit_inner(std::move(part), {all}, suffix + "@slice"));
  return node.emit_inner(reshape_to({-1, layer.size}), {one}, suffix);
}

Result<void> emit_steps(NodeImport& node, const RecurrentLayer& layer, const std::vector<int>& of) {
  if (!node.has_output(0)) return {};
  const auto with_axis = [&] { return reshape_to({-1, layer.steps, 1, layer.size}); };
  if (of.size() == 1 && layer.batch_first) return node.emit_output(0, with_axis(), {of[0]});
  std::vector<int> parts;
  for (std::size_t d = 0; d < of.size(); ++d) {
    OCTET_TRY(const int part, node.emit_inner(with_axis(), {of[d]}, "@steps" + std::to_string(d)));
    parts.push_back(part);
  }
  int y = parts[0];
  schema::ConcatT join;
  join.axis = 2;
  if (layer.batch_first) return node.emit_output(0, std::move(join), parts);
  if (parts.size() > 1) {
    OCTET_TRY(y, node.emit_inner(std::move(join), parts, "@steps"));
  }
  return node.emit_transposed(0, y, {1, 2, 0, 3});
}

Result<void> emit_states(NodeImport& node, const RecurrentLayer& layer, std::size_t i, const std::vector<int>& of) {
  if (!node.has_output(i)) return {};
  const auto with_axis = [&] { return layer.batch_first ? reshape_to({-1, 1, layer.size}) : reshape_to({1, -1, layer.size}); };
  if (of.size() == 1) return node.emit_output(i, with_axis(), {of[0]});
  std::vector<int> parts;
  for (std::size_t d = 0; d < of.size(); ++d) {
    OCTET_TRY(const int part, node.emit_inner(with_axis(), {of[d]}, "@last" + std::to_string(i) + std::to_string(d)));
    parts.push_back(part);
  }
  schema::ConcatT join;
  join.axis = layer.batch_first ? 1 : 0;
  return node.emit_output(i, std::move(join), parts);
}

}  // namespace octet
