// What Add and Sub share: a difference is a sum whose second operand is negated, to the last bit.
#pragma once

#include "engine/ops/broadcast.h"

namespace octet {

/// m = f32(s_in / s_out).
[[nodiscard]] inline float sum_multiplier(const NodeView& node, std::size_t input) {
  return static_cast<float>(static_cast<double>(node.input(input).quant.scale()) / static_cast<double>(node.output().quant.scale()));
}

[[nodiscard]] inline Result<void> check_sum(const NodeView& node) {
  for (const std::size_t i : {0U, 1U}) {
    OCTET_CHECK(check_arithmetic(node, i));
    if (node.output().type == Type::u8) OCTET_CHECK(check_multiplier(sum_multiplier(node, i) * 255.0F));
  }
  return {};
}

/// The sum as something done to its operand `own`, if neither is broadcast.
[[nodiscard]] inline std::optional<Tail> sum_tail(const NodeView& node, const kernels::AddU8& sum, std::size_t own) {
  if (node.input_shape(0) != node.output_shape() || node.input_shape(1) != node.output_shape()) return std::nullopt;
  if (255.0 * (std::abs(double{sum.multiplier_a}) + std::abs(double{sum.multiplier_b})) >= 1U << 31U) return std::nullopt;
  // Which operand comes first makes no difference to a sum.
  kernels::Residual r{{}, sum.multiplier_a, sum.zero_b, sum.multiplier_b};
  if (own == 1) r = {{}, sum.multiplier_b, sum.zero_a, sum.multiplier_a};
  return Tail{.output = node.output_index(), .residual = r, .out = sum.out, .other = node.input_index(1 - own)};
}

/// A step of u8 tensors: a + sign * b, clamped.
[[nodiscard]] inline Step sum_u8_step(const NodeView& node, float sign, float clamp_min, float clamp_max, const PrepareOptions& options) {
  const auto shape = make_broadcast(node.input_shape(0), node.input_shape(1), node.output_shape());
  const auto* kernel = kernels::find_elementwise_kernel(options.isa);
  const kernels::AddU8 sum{shape, nullptr, nullptr, node.input(0).quant.zero_point(), node.input(1).quant.zero_point(), sum_multiplier(node, 0),
                           sign * sum_multiplier(node, 1), output_u8(node.output(), clamp_min, clamp_max), nullptr, options.threads};
  Step step = binary_step<std::uint8_t>(kernel != nullptr ? kernel->add_name : "add_u8_reference", node, sum,
                                        [kernel](const kernels::AddU8& parameters) noexcept { kernels::add_u8(kernel, parameters); });
  if (kernel == nullptr) return step;
  step.isa = kernel->isa;
  for (const std::size_t i : {0U, 1U}) step.as_tail[i] = sum_tail(node, sum, i);
  return step;
}

}  // namespace octet
