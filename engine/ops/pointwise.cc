#include "engine/ops/common.h"
#include "kernels/lut/lut.h"

namespace octet::pointwise {

static_assert(static_cast<int>(schema::Function::MAX) == kernels::kFunctionCount - 1 &&
                  static_cast<int>(schema::Function::LeakyRelu) == static_cast<int>(kernels::Function::leaky_relu),
              "kernels::Function follows the schema's enum");

Result<Shape> infer(const NodeView& node) {
  if (node.as<schema::PointwiseT>().function > schema::Function::MAX) return Error{ErrorCode::unsupported, "unknown function", {}};
  return node.input_shape(0);
}

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::PointwiseT>();
  if (std::isnan(a.a) || std::isnan(a.b)) return invalid("a parameter is NaN");
  if (node.input(0).type != Type::f32 || node.output().type != Type::f32) return invalid("its input and output must be f32");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::PointwiseT>();
  return make_step("pointwise_f32_reference",
                   [f = static_cast<kernels::Function>(a.function), pa = a.a, pb = a.b, n = element_count(node.output_shape()),
                    in = node.input_index(0), out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
                     kernels::pointwise_f32_reference(f, pa, pb, b.tensor<float>(in), n, b.tensor<float>(out), threads);
                     return nullptr;
                   });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::pointwise
