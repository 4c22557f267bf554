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
  const Quantization& quant = node.input(0).quant;
  const kernels::DequantizeKernel& kernel = kernels::find_dequantize_kernel(options.isa);
  const kernels::DequantizeU8 dequantize{element_count(node.output_shape()), nullptr, quant.scale(), quant.zero_point(), nullptr, options.threads};
  Step step = make_step(kernel.name, [&kernel, dequantize, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::DequantizeU8 d = dequantize;
    d.x = b.tensor<std::uint8_t>(in);
    d.y = b.tensor<float>(out);
    kernels::dequantize_u8(kernel, d);
    return nullptr;
  });
  step.isa = kernel.isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::dequantize
