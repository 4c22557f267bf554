#include "engine/ops/binary.h"

namespace octet::add {
namespace {

/// m = f32(s_in / s_out).
float multiplier(const NodeView& node, std::size_t input) {
  return static_cast<float>(static_cast<double>(node.input(input).quant.scale()) / static_cast<double>(node.output().quant.scale()));
}

}  // namespace

Result<Shape> infer(const NodeView& node) { return infer_binary<schema::AddT>(node); }

Result<void> check(const NodeView& node) {
  for (const std::size_t i : {0U, 1U}) {
    OCTET_CHECK(check_arithmetic(node, i));
    if (node.output().type == Type::u8) OCTET_CHECK(check_multiplier(multiplier(node, i) * 255.0F));
  }
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::AddT>();
  const auto shape = make_broadcast(node.input_shape(0), node.input_shape(1), node.output_shape());
  if (node.output().type == Type::f32) {
    return binary_step<float>("add_f32_reference", node, kernels::BinaryF32{shape, nullptr, nullptr, a.clamp_min, a.clamp_max, nullptr, options.threads},
                              kernels::add_f32_reference);
  }
  const auto* kernel = kernels::find_elementwise_kernel(options.isa);
  const kernels::AddU8 sum{shape, nullptr, nullptr, node.input(0).quant.zero_point(), node.input(1).quant.zero_point(), multiplier(node, 0),
                                multiplier(node, 1), output_u8(node.output(), a.clamp_min, a.clamp_max), nullptr, options.threads};
  Step step = binary_step<std::uint8_t>(kernel != nullptr ? kernel->add_name : "add_u8_reference", node, sum,
                                        [kernel](const kernels::AddU8& parameters) noexcept { kernels::add_u8(kernel, parameters); });
  if (kernel != nullptr) step.isa = kernel->isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::add
