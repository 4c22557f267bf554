#include "engine/ops/broadcast.h"

namespace octet::mul {
namespace {

/// m = f32(s_a s_b / s_out).
float multiplier(const NodeView& node) {
  return kernels::product_multiplier(node.input(0).quant.scale(), node.input(1).quant.scale(), node.output().quant.scale());
}

}  // namespace

Result<Shape> infer(const NodeView& node) { return infer_binary<schema::MulT>(node); }

Result<void> check(const NodeView& node) {
  for (const std::size_t i : {0U, 1U}) OCTET_CHECK(check_arithmetic(node, i));
  if (node.output().type == Type::f32) return {};
  return check_multiplier(multiplier(node));
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::MulT>();
  const auto shape = make_broadcast(node.input_shape(0), node.input_shape(1), node.output_shape());
  if (node.output().type == Type::f32) {
    return binary_step<float>("mul_f32_reference", node, kernels::BinaryF32{shape, nullptr, nullptr, a.clamp_min, a.clamp_max, nullptr, options.threads},
                              kernels::mul_f32_reference);
  }
  const auto* kernel = kernels::find_elementwise_kernel(options.isa);
  const kernels::MulU8 product{shape, nullptr, nullptr, node.input(0).quant.zero_point(), node.input(1).quant.zero_point(), multiplier(node),
                                output_u8(node.output(), a.clamp_min, a.clamp_max), nullptr, options.threads};
  Step step = binary_step<std::uint8_t>(kernel != nullptr ? kernel->mul_name : "mul_u8_reference", node, product,
                                        [kernel](const kernels::MulU8& parameters) noexcept { kernels::mul_u8(kernel, parameters); });
  if (kernel != nullptr) step.isa = kernel->isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::mul
