#include "engine/ops/common.h"
#include "kernels/pointwise/pointwise.h"

namespace octet::pointwise {

static_assert(static_cast<int>(schema::Function::MAX) == kernels::kFunctionCount - 1 &&
                  static_cast<int>(schema::Function::Shrink) == static_cast<int>(kernels::Function::shrink),
              "kernels::Function follows the schema's enum");

Result<Shape> infer(const NodeView& node) {
  if (node.as<schema::PointwiseT>().function > schema::Function::MAX) return Error{ErrorCode::unsupported, "unknown function", {}};
  return node.input_shape(0);
}

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::PointwiseT>();
  if (std::isnan(a.a) || std::isnan(a.b)) return invalid("a parameter is NaN");
  if (a.function == schema::Function::Celu && a.a == 0.0F) return invalid("its parameter a is 0");
  if (node.input(0).type != Type::f32 || node.output().type != Type::f32) return invalid("its input and output must be f32");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::PointwiseT>();
  const auto function = static_cast<kernels::Function>(a.function);
  const kernels::PointwiseKernel kernel = kernels::find_pointwise_kernel(options.isa, function);
  const kernels::PointwiseF32 pointwise{function, a.a, a.b, nullptr, element_count(node.output_shape()), nullptr};
  Step step = make_step(kernel.name, [kernel, pointwise, in = node.input_index(0), out = node.output_index(),
                                      threads = options.threads](const Buffers& b) noexcept -> const char* {
    kernels::PointwiseF32 p = pointwise;
    p.x = b.tensor<float>(in);
    p.y = b.tensor<float>(out);
    kernels::pointwise_f32(kernel, p, threads);
    return nullptr;
  });
  step.isa = kernel.isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::pointwise
