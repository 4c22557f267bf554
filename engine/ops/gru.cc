#include "engine/ops/recurrent.h"
#include "kernels/recurrent/recurrent.h"

namespace octet::gru {

Result<std::vector<Shape>> infer(const NodeView& node) {
  OCTET_TRY(auto shapes, infer_recurrent(node, 3, 2, 1));
  if (node.has_input(3) && node.input_shape(3) != Shape{node.input_shape(1)[1]})
    return invalid("its bias must have shape " + std::to_string(node.input_shape(1)[1]) + ", not " + to_string(node.input_shape(3)));
  return shapes;
}

Result<void> check(const NodeView& node) {
  if (node.has_input(3) && !node.as<schema::GRUT>().reset_after) return invalid("has a bias of its own only where the reset comes after the product");
  return check_recurrent(node);
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const RecurrentSizes s = recurrent_sizes(node);
  const auto& a = node.as<schema::GRUT>();
  // The candidate's product waits for the reset where that comes first.
  const std::int64_t first = a.reset_after ? 3 : 2;
  OCTET_TRY(const Step gates_product, StateProduct(node, 0, first * s.size).prepare(options));
  Step candidate_product;
  if (!a.reset_after) {
    OCTET_TRY(candidate_product, StateProduct(node, 2 * s.size, s.size).prepare(options));
  }
  const std::int64_t state = s.rows * s.size;
  const std::size_t h_at = (std::max(gates_product.scratch_bytes, candidate_product.scratch_bytes) + 63) & ~std::size_t{63};
  const std::size_t reset_at = h_at + aligned_floats(state);
  const std::size_t candidate_at = reset_at + aligned_floats(state);
  const std::size_t gates_at = candidate_at + aligned_floats(state);
  const auto input = [&](std::size_t i) { return node.has_input(i) ? node.input_index(i) : kAbsent; };
  auto body = [=, reverse = a.reverse, reset_after = a.reset_after, x = input(0), h0 = input(2), bias = input(3), y = node.output_index(0),
               h_last = node.output_count() > 1 ? node.output_index(1) : kAbsent](const Buffers& b) noexcept -> const char* {
    auto* h = reinterpret_cast<float*>(b.scratch + h_at);
    auto* reset = reinterpret_cast<float*>(b.scratch + reset_at);
    auto* candidate = reinterpret_cast<float*>(b.scratch + candidate_at);
    auto* gates = reinterpret_cast<float*>(b.scratch + gates_at);
    start_state(b, h0, state, h);
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t t = reverse ? s.steps - 1 - i : i;
      if (const char* failure = multiply_state(gates_product, h, gates, b)) return failure;
      const kernels::GruStep step{s.rows, s.size, b.tensor<float>(x) + t * 3 * s.size, s.steps * 3 * s.size, gates, candidate,
                                  bias == kAbsent ? nullptr : b.tensor<float>(bias), reset_after, h, reset, b.tensor<float>(y) + t * s.size, s.steps * s.size};
      if (!reset_after) {
        kernels::gru_reset_reference(step);
        if (const char* failure = multiply_state(candidate_product, reset, candidate, b)) return failure;
      }
      kernels::gru_step_reference(step);
    }
    if (h_last != kAbsent) std::copy(h, h + state, b.tensor<float>(h_last));
    return nullptr;
  };
  Step step = make_step("gru_" + gates_product.kernel, std::move(body));
  step.isa = gates_product.isa;
  step.openmp = gates_product.openmp;
  step.scratch_bytes = gates_at + aligned_floats(3 * state);
  step.packed_bytes = gates_product.packed_bytes + candidate_product.packed_bytes;
  return step;
}

std::uint64_t macs(const NodeView& node) {
  const RecurrentSizes s = recurrent_sizes(node);
  return static_cast<std::uint64_t>(s.rows * s.steps) * static_cast<std::uint64_t>(3 * s.size * s.size);
}

}  // namespace octet::gru
