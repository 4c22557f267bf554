#include "engine/ops/common.h"
#include "kernels/norm/norm.h"

namespace octet::group_normalization {

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::GroupNormalizationT>();
  const Shape& x = node.input_shape(0);
  if (x.size() < 2) return invalid("its input must have rank 2 or more, not " + std::to_string(x.size()));
  if (a.groups < 1 || x.back() % a.groups != 0)
    return invalid(std::to_string(a.groups) + " groups do not divide " + std::to_string(x.back()) + " channels");
  for (std::size_t i = 1; i < 3; ++i)
    if (node.input_shape(i) != Shape{x.back()})
      return invalid("its scale and bias must have shape " + std::to_string(x.back()) + ", not " + to_string(node.input_shape(i)));
  return x;
}

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::GroupNormalizationT>();
  if (!(a.epsilon >= 0) || !std::isfinite(a.epsilon)) return invalid("its epsilon is " + std::to_string(a.epsilon));
  for (std::size_t i = 0; i < 3; ++i)
    if (node.input(i).type != Type::f32) return invalid("its inputs must be f32");
  if (node.output().type != Type::f32) return invalid("its output must be f32");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::GroupNormalizationT>();
  const Shape& x = node.input_shape(0);
  const std::int64_t positions = element_count(x) / (x[0] * x.back());
  const kernels::GroupNormF32 norm{x[0],    positions, x.back(), a.groups, nullptr, static_cast<double>(a.epsilon),
                                   nullptr, nullptr,   nullptr,  options.threads};
  return make_step("group_norm_f32_reference", [norm, in = node.input_index(0), gamma = node.input_index(1), beta = node.input_index(2),
                                                y = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::GroupNormF32 p = norm;
    p.x = b.tensor<float>(in);
    p.gamma = b.tensor<float>(gamma);
    p.beta = b.tensor<float>(beta);
    p.y = b.tensor<float>(y);
    kernels::group_norm_f32_reference(p);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::group_normalization
