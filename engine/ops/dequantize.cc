#include "engine/ops/common.h"
#include "kernels/lut/lut.h"

namespace octet::dequantize {

Result<Shape> infer(const NodeView& node) { return node.input_shape(0); }

Result<void> check(const NodeView& node) {
  const Tensor& x = node.input(0);
  if (x.type != Type::u8 || x.quant.scales.size() != 1 || node.output().type != Type::f32) return invalid("must make f32 of quantized u8");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const Quantization& q = node.input(0).quant;
  return make_step("dequantize_u8_reference",
                   [n = element_count(node.output_shape()), scale = q.scale(), zero_point = q.zero_point(), in = node.input_index(0),
                    out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
                     kernels::dequantize_u8_reference(b.tensor<std::uint8_t>(in), n, scale, zero_point, b.tensor<float>(out), threads);
                     return nullptr;
                   });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::dequantize
