#include "engine/ops/common.h"
#include "kernels/lut/lut.h"

namespace octet::quantize {

Result<Shape> infer(const NodeView& node) { return node.input_shape(0); }

Result<void> check(const NodeView& node) {
  const Tensor& y = node.output();
  if (node.input(0).type != Type::f32 || y.type != Type::u8 || y.quant.scales.size() != 1) return invalid("must make quantized u8 of f32");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  return make_step("quantize_f32_reference",
                   [n = element_count(node.output_shape()), scale = node.output().quant.scale(), u8 = output_u8(node.output()),
                    in = node.input_index(0), out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
                     const bool ok = kernels::quantize_f32_reference(b.tensor<float>(in), n, scale, u8, b.tensor<std::uint8_t>(out), threads);
                     return ok ? nullptr : "its input has a NaN";
                   });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::quantize
