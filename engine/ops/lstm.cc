#include "engine/ops/recurrent.h"
#include "kernels/recurrent/recurrent.h"

namespace octet::lstm {

Result<std::vector<Shape>> infer(const NodeView& node) { return infer_recurrent(node, 4, 2, 2); }

Result<void> check(const NodeView& node) { return check_recurrent(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const RecurrentSizes s = recurrent_sizes(node);
  OCTET_TRY(const Step product, StateProduct(node, 0, 4 * s.size).prepare(options));
  const std::int64_t state = s.rows * s.size;
  const std::size_t h_at = (product.scratch_bytes + 63) & ~std::size_t{63};
  const std::size_t c_at = h_at + aligned_floats(state);
  const std::size_t gates_at = c_at + aligned_floats(state);
  const auto input = [&](std::size_t i) { return node.has_input(i) ? node.input_index(i) : kAbsent; };
  const auto output = [&](std::size_t i) { return i < node.output_count() ? node.output_index(i) : kAbsent; };
  auto body = [=, reverse = node.as<schema::LSTMT>().reverse, x = input(0), h0 = input(2), c0 = input(3), y = output(0), h_last = output(1),
               c_last = output(2)](const Buffers& b) noexcept -> const char* {
    auto* h = reinterpret_cast<float*>(b.scratch + h_at);
    auto* c = reinterpret_cast<float*>(b.scratch + c_at);
    auto* gates = reinterpret_cast<float*>(b.scratch + gates_at);
    start_state(b, h0, state, h);
    start_state(b, c0, state, c);
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t t = reverse ? s.steps - 1 - i : i;
      if (const char* failure = multiply_state(product, h, gates, b)) return failure;
      kernels::lstm_step_reference({s.rows, s.size, b.tensor<float>(x) + t * 4 * s.size, s.steps * 4 * s.size, gates, c, h,
                                    b.tensor<float>(y) + t * s.size, s.steps * s.size});
    }
    if (h_last != kAbsent) std::copy(h, h + state, b.tensor<float>(h_last));
    if (c_last != kAbsent) std::copy(c, c + state, b.tensor<float>(c_last));
    return nullptr;
  };
  Step step = make_step("lstm_" + product.kernel, std::move(body));
  step.isa = product.isa;
  step.openmp = product.openmp;
  step.scratch_bytes = gates_at + aligned_floats(4 * state);
  step.packed_bytes = product.packed_bytes;
  return step;
}

std::uint64_t macs(const NodeView& node) {
  const RecurrentSizes s = recurrent_sizes(node);
  return static_cast<std::uint64_t>(s.rows * s.steps) * static_cast<std::uint64_t>(4 * s.size * s.size);
}

}  // namespace octet::lstm
