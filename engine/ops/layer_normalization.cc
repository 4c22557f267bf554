#include "engine/ops/common.h"
#include "kernels/norm/norm.h"

namespace octet::layer_normalization {
namespace {

/// Elements of a row: the product of the last `axes` sizes.
std::int64_t row_size(const NodeView& node) {
  const Shape& x = node.input_shape(0);
  return element_count(Shape(x.end() - node.as<schema::LayerNormalizationT>().axes, x.end()));
}

/// f32(v / s_out) for each of the row's values of an input, or of `absent`.
std::vector<float> over_scale(const NodeView& node, std::size_t input, float absent) {
  std::vector<float> values(static_cast<std::size_t>(row_size(node)), absent);
  if (node.has_input(input)) {
    const auto given = node.input(input).data.as<float>();
    values.assign(given.begin(), given.end());
  }
  for (float& v : values) v = static_cast<float>(static_cast<double>(v) / static_cast<double>(node.output().quant.scale()));
  return values;
}

Step prepare_f32(const NodeView& node, kernels::LayerNormF32 norm) {
  return make_step("layer_norm_f32_reference",
                   [norm, x = node.input_index(0), gamma = node.has_input(1) ? node.input_index(1) : kAbsent,
                    beta = node.has_input(2) ? node.input_index(2) : kAbsent, y = node.output_index()](const Buffers& b) noexcept -> const char* {
                     kernels::LayerNormF32 p = norm;
                     p.x = b.tensor<float>(x);
                     p.gamma = gamma == kAbsent ? nullptr : b.tensor<float>(gamma);
                     p.beta = beta == kAbsent ? nullptr : b.tensor<float>(beta);
                     p.y = b.tensor<float>(y);
                     kernels::layer_norm_f32_reference(p);
                     return nullptr;
                   });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::LayerNormalizationT>();
  const Shape& x = node.input_shape(0);
  if (a.axes < 1 || static_cast<std::size_t>(a.axes) > x.size())
    return invalid("normalizes " + std::to_string(a.axes) + " axes of a tensor of rank " + std::to_string(x.size()));
  for (std::size_t i = 1; i < 3; ++i)
    if (node.has_input(i) && element_count(node.input_shape(i)) != row_size(node))
      return invalid("its scale and bias must have " + std::to_string(row_size(node)) + " elements, not shape " + to_string(node.input_shape(i)));
  return x;
}

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::LayerNormalizationT>();
  OCTET_CHECK(check_arithmetic(node, 0));
  if (!(a.epsilon >= 0) || !std::isfinite(a.epsilon)) return invalid("its epsilon is " + std::to_string(a.epsilon));
  const bool u8 = node.output().type == Type::u8;
  for (std::size_t i = 1; i < 3; ++i) {
    if (!node.has_input(i)) continue;
    if (node.input(i).type != Type::f32) return invalid("its scale and bias must be f32");
    if (u8 && !node.input(i).constant()) return invalid("a u8 input needs a constant scale and bias");
  }
  if (!u8) return {};
  if (row_size(node) > kernels::kMaxLayerNormSize)
    return invalid("a u8 row has " + std::to_string(row_size(node)) + " elements, more than " + std::to_string(kernels::kMaxLayerNormSize));
  for (const std::size_t i : {1U, 2U})
    for (const float v : over_scale(node, i, i == 1 ? 1.0F : 0.0F)) OCTET_CHECK(check_multiplier(v * 512.0F));  // |t| is at most sqrt(n)
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::LayerNormalizationT>();
  const std::int64_t n = row_size(node);
  const std::int64_t rows = element_count(node.input_shape(0)) / n;
  const auto epsilon = static_cast<double>(a.epsilon);
  if (node.output().type == Type::f32) return prepare_f32(node, {rows, n, nullptr, epsilon, nullptr, nullptr, nullptr, options.threads});
  const auto s_in = static_cast<double>(node.input(0).quant.scale());
  const double scaled = static_cast<double>(n) * static_cast<double>(n) * epsilon / (s_in * s_in);
  const kernels::LayerNormU8 norm{rows, n, nullptr, scaled, nullptr, nullptr, output_u8(node.output()), nullptr, options.threads};
  const auto* kernel = kernels::find_layer_norm_kernel(options.isa);
  Step step = make_step(kernel != nullptr ? kernel->name : "layer_norm_u8_reference",
                        [norm, kernel, gain = over_scale(node, 1, 1.0F), shift = over_scale(node, 2, 0.0F), x = node.input_index(0),
                                               y = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::LayerNormU8 p = norm;
    p.x = b.tensor<std::uint8_t>(x);
    p.gain = gain.data();
    p.shift = shift.data();
    p.y = b.tensor<std::uint8_t>(y);
    kernels::layer_norm_u8(kernel, p);
    return nullptr;
  });
  if (kernel != nullptr) step.isa = kernel->isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::layer_normalization
