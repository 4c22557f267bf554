#include "engine/ops/recurrent.h"

#include <algorithm>

namespace octet {

RecurrentSizes recurrent_sizes(const NodeView& node) {
  const Shape& x = node.input_shape(0);
  return {x[0], x[1], node.input_shape(1)[1]};
}

Result<std::vector<Shape>> infer_recurrent(const NodeView& node, std::int64_t gates, std::size_t first_state, std::size_t states) {
  const Shape& x = node.input_shape(0);
  const Shape& w = node.input_shape(1);
  if (x.size() != 3) return invalid("its input must have rank 3, not " + std::to_string(x.size()));
  if (w.size() != 2 || w[1] > kMaxElements || w[0] != gates * w[1] || x[2] != w[0])
    return invalid("its weights must have shape " + std::to_string(gates) + "H x H and its input " + std::to_string(gates) + "H values a step, not " +
                   to_string(w) + " and " + std::to_string(x[2]));
  const Shape state = {x[0], w[1]};
  for (std::size_t i = first_state; i < first_state + states; ++i)
    if (node.has_input(i) && node.input_shape(i) != state)
      return invalid("an initial state must have shape " + to_string(state) + ", not " + to_string(node.input_shape(i)));
  std::vector<Shape> shapes = {{x[0], x[1], w[1]}};
  shapes.insert(shapes.end(), states, state);
  return shapes;
}

Result<void> check_recurrent(const NodeView& node) {
  for (std::size_t i = 0; i < node.input_count(); ++i)
    if (i != 1 && node.has_input(i) && node.input(i).type != Type::f32) return invalid("its inputs must be f32, and its weights f32 or s8");
  for (std::size_t i = 0; i < node.output_count(); ++i)
    if (node.output(i).type != Type::f32) return invalid("its outputs must be f32");
  if (!node.input(1).constant()) return invalid("its weights must be constant");
  return StateProduct(node, 0, node.input(1).shape[0]).check();
}

StateProduct::StateProduct(const NodeView& node, std::int64_t first, std::int64_t count) {
  const RecurrentSizes s = recurrent_sizes(node);
  shapes_ = {{s.rows, s.size}, {count, s.size}, {s.rows, count}};
  Tensor w = node.input(1);
  const std::size_t row_bytes = static_cast<std::size_t>(s.size) * size_of(w.type);
  w.shape = shapes_[1];
  w.data = w.data.part(static_cast<std::size_t>(first) * row_bytes, static_cast<std::size_t>(count) * row_bytes);
  if (w.quant.axis == 0) w.quant.scales = {w.quant.scales.begin() + first, w.quant.scales.begin() + first + count};
  graph_.tensors = {{"state", Type::f32, shapes_[0], false, {}, {}}, std::move(w), {"product", Type::f32, shapes_[2], false, {}, {}}};
  Node product;
  product.name = "state";
  product.attributes.Set(schema::FullyConnectedT());
  product.inputs = {kState, 1};
  product.outputs = {kProduct};
  graph_.nodes.push_back(std::move(product));
}

Result<void> StateProduct::check() const {
  const OperatorInfo& info = *find_operator(schema::Operator::FullyConnected);
  return info.check(NodeView(graph_, graph_.nodes[0], shapes_));
}

Result<Step> StateProduct::prepare(const PrepareOptions& options) const {
  PrepareOptions alone = options;
  alone.others = nullptr;  // they would be of the product, not of the node
  return find_operator(schema::Operator::FullyConnected)->prepare(NodeView(graph_, graph_.nodes[0], shapes_), alone);
}

void start_state(const Buffers& buffers, int tensor, std::int64_t elements, float* to) noexcept {
  if (tensor == kAbsent) {
    std::fill(to, to + elements, 0.0F);
  } else {
    const float* from = buffers.tensor<float>(tensor);
    std::copy(from, from + elements, to);
  }
}

}  // namespace octet
