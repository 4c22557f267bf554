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
  const kernels::QuantizeKernel& kernel = kernels::find_quantize_kernel(options.isa);
  const kernels::QuantizeF32 quantize{element_count(node.output_shape()), nullptr, node.output().quant.scale(), output_u8(node.output()), nullptr,
                                      options.threads};
  Step step = make_step(kernel.name, [&kernel, quantize, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::QuantizeF32 q = quantize;
    q.x = b.tensor<float>(in);
    q.y = b.tensor<std::uint8_t>(out);
    return kernels::quantize_f32(kernel, q) ? nullptr : "its input has a NaN";
  });
  step.isa = kernel.isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::quantize
