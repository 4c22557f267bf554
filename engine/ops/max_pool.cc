#include "engine/ops/pool.h"

namespace octet::max_pool {

Result<Shape> infer(const NodeView& node) { return infer_pool(node.as<schema::MaxPoolT>(), node.input_shape(0)); }

Result<void> check(const NodeView& node) {
  if (node.input(0).type != Type::f32 && node.input(0).type != Type::u8)
    return invalid(std::string("its input must be f32 or u8, not ") + name_of(node.input(0).type));
  return check_moves(node);
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto shape = pool_shape(node.as<schema::MaxPoolT>(), node.input_shape(0), node.output_shape());
  const int in = node.input_index(0);
  const int out = node.output_index();
  if (node.input(0).type == Type::f32) {
    return make_step("max_pool_f32_reference", [=, threads = options.threads](const Buffers& b) noexcept -> const char* {
      kernels::max_pool_f32_reference(shape, b.tensor<float>(in), b.tensor<float>(out), threads);
      return nullptr;
    });
  }
  const auto* kernel = kernels::find_pool_kernel(options.isa);
  Step step = make_step(kernel != nullptr ? kernel->max_name : "max_pool_u8_reference",
                        [=, threads = options.threads](const Buffers& b) noexcept -> const char* {
                          kernels::max_pool_u8(kernel, {shape, b.tensor<std::uint8_t>(in), b.tensor<std::uint8_t>(out), threads});
                          return nullptr;
                        });
  if (kernel != nullptr) step.isa = kernel->isa;
  const bool padded = shape.pad_top != 0 || shape.pad_left != 0 || shape.pad_bottom != 0 || shape.pad_right != 0;
  if (!padded && shape.kernel_h == 2 && shape.kernel_w == 2 && shape.stride_h == 2 && shape.stride_w == 2)
    step.as_tail[0] = Tail{.output = out, .max_pool_2x2 = true};
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::max_pool
