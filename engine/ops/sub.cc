#include "engine/ops/sum.h"

namespace octet::sub {

Result<Shape> infer(const NodeView& node) { return infer_binary<schema::SubT>(node); }

Result<void> check(const NodeView& node) { return check_sum(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::SubT>();
  if (node.output().type == Type::u8) return sum_u8_step(node, -1.0F, a.clamp_min, a.clamp_max, options);
  const auto shape = make_broadcast(node.input_shape(0), node.input_shape(1), node.output_shape());
  return binary_step<float>("sub_f32_reference", node, kernels::BinaryF32{shape, nullptr, nullptr, a.clamp_min, a.clamp_max, nullptr, options.threads},
                            kernels::sub_f32_reference);
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::sub
