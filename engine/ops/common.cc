#include "engine/ops/common.h"

#include <algorithm>

namespace octet {
namespace {

bool quantized_weights(const Tensor& t) noexcept {
  return t.type == Type::s8 && t.quant.present() && (t.quant.axis == -1 || t.quant.axis == 0);
}

std::size_t channels_of(const Tensor& weights) { return static_cast<std::size_t>(weights.shape[0]); }

float weight_scale(const Tensor& weights, std::size_t c) noexcept {
  return weights.quant.scales.size() == 1 ? weights.quant.scales[0] : weights.quant.scales[c];
}

/// |bias| + 255 sum|w| < 2^31 for every channel: no accumulator can overflow, whatever the data.
Result<void> check_accumulators(const Tensor& weights, const Tensor* bias) {
  const auto w = weights.data.as<std::int8_t>();
  const std::size_t channels = channels_of(weights);
  const std::size_t depth = w.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    std::int64_t bound = bias != nullptr ? std::abs(std::int64_t{bias->data.as<std::int32_t>()[c]}) : 0;
    for (std::size_t i = 0; i < depth; ++i) bound += 255 * std::abs(std::int64_t{w[c * depth + i]});
    if (bound >= std::int64_t{1} << 31U) return invalid("channel " + std::to_string(c) + " could overflow its s32 accumulator");
  }
  return {};
}

/// x f32, its rows quantized at run time.
Result<void> check_dynamic(const Tensor& weights, const Tensor* bias) {
  if (bias != nullptr)
    for (const float b : bias->data.as<float>())
      if (!std::isfinite(b)) return invalid("a bias is NaN or infinite");
  return check_accumulators(weights, nullptr);
}

float product_multiplier(const NodeView& node, std::size_t c) noexcept {
  const float s_w = weight_scale(node.input(1), c);
  const float s_out = node.output().type == Type::u8 ? node.output().quant.scale() : 1.0F;
  return kernels::product_multiplier(node.input(0).quant.scale(), s_w, s_out);
}

}  // namespace

Result<std::int64_t> window_output(const WindowAxis& a) {
  if (a.kernel < 1 || a.stride < 1 || a.dilation < 1) return invalid("kernel, stride and dilation must be at least 1");
  if (a.pad_begin < 0 || a.pad_end < 0) return invalid("padding must not be negative");
  // Weights may have any shape until they are known to be constants.
  if (a.kernel - 1 > kMaxElements / a.dilation) return invalid("its window is too large");
  const std::int64_t reach = (a.kernel - 1) * a.dilation + 1;
  const std::int64_t room = a.size + a.pad_begin + a.pad_end - reach;
  if (room < 0)
    return invalid("a window of " + std::to_string(reach) + " does not fit into a padded size of " +
                   std::to_string(a.size + a.pad_begin + a.pad_end));
  return room / a.stride + 1;
}

Result<void> check_clamp(float clamp_min, float clamp_max) {
  if (!(clamp_min <= clamp_max)) return invalid("clamp_min must not be above clamp_max");
  return {};
}

Result<void> check_arithmetic(const NodeView& node, std::size_t input) {
  const Tensor& x = node.input(input);
  const Tensor& y = node.output();
  if (x.type == Type::f32 && y.type == Type::f32) return {};
  if (quantized_u8(x) && quantized_u8(y)) return {};
  return invalid(std::string("cannot make ") + name_of(y.type) + " of " + name_of(x.type) +
                 (x.type == Type::u8 && y.type == Type::u8 ? " without scales and zero-points" : ""));
}

Result<void> check_moved(const NodeView& node, std::size_t input) {
  if (node.input(input).type != node.output().type) return invalid("its inputs and output must have one type");
  if (node.input(input).quant != node.output().quant) return invalid("its inputs and output must have one scale and zero-point");
  if (node.output().quant.axis != -1) return invalid("activations have one scale a tensor");
  return {};
}

Result<void> check_moves(const NodeView& node) {
  for (std::size_t i = 0; i < node.input_count(); ++i) OCTET_CHECK(check_moved(node, i));
  return {};
}

Result<void> check_multiplier(float multiplier) {
  if (!std::isfinite(multiplier)) return invalid("its scales are too far apart: the requantization multiplier is not finite");
  return {};
}

kernels::OutputU8 output_u8(const Tensor& output, float clamp_min, float clamp_max) noexcept {
  if (output.type != Type::u8) return {};
  kernels::OutputU8 out{output.quant.zero_point(), 0, 255};
  const kernels::OutputU8 full = out;
  out.lo = kernels::quantize(clamp_min, output.quant.scale(), full);
  out.hi = kernels::quantize(clamp_max, output.quant.scale(), full);
  return out;
}

Result<void> check_product(const NodeView& node) {
  const Tensor& x = node.input(0);
  const Tensor& weights = node.input(1);
  const Tensor* bias = node.has_input(2) ? &node.input(2) : nullptr;
  if (!weights.constant() || (bias != nullptr && !bias->constant())) return invalid("weights and bias must be constants");
  if (bias != nullptr && bias->shape != Shape{weights.shape[0]})
    return invalid("bias must have shape " + std::to_string(weights.shape[0]) + ", not " + to_string(bias->shape));
  if (x.type == Type::f32) {
    if (weights.type != Type::f32 && !quantized_weights(weights))
      return invalid("an f32 input needs f32 weights, or s8 weights with one scale, or one for each output channel");
    if (node.output().type != Type::f32 || (bias != nullptr && bias->type != Type::f32)) return invalid("an f32 input needs f32 bias and output");
    return weights.type == Type::f32 ? Result<void>() : check_dynamic(weights, bias);
  }
  if (!quantized_u8(x)) return invalid(std::string("its input must be f32 or quantized u8, not ") + name_of(x.type));
  if (!quantized_weights(weights)) return invalid("a u8 input needs s8 weights with one scale, or one for each output channel");
  if (bias != nullptr && bias->type != Type::s32) return invalid("a u8 input needs an s32 bias");
  if (node.output().type != Type::f32 && !quantized_u8(node.output())) return invalid("its output must be f32 or quantized u8");
  for (std::size_t c = 0; c < channels_of(weights); ++c) OCTET_CHECK(check_multiplier(product_multiplier(node, c)));
  return check_accumulators(weights, bias);
}

ProductEpilogue::ProductEpilogue(const NodeView& node, float min, float max)
    : out(output_u8(node.output(), min, max)), clamp_min(min), clamp_max(max), type(node.output().type) {
  const Tensor& weights = node.input(1);
  const auto w = weights.data.as<std::int8_t>();
  const std::size_t channels = channels_of(weights);
  const std::size_t depth = w.size() / channels;
  const std::int32_t zero_point = node.input(0).quant.zero_point();
  bias.assign(channels, 0);
  if (node.has_input(2)) std::ranges::copy(node.input(2).data.as<std::int32_t>(), bias.begin());
  folded_bias = bias;
  multiplier.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < depth; ++i) sum += w[c * depth + i];
    folded_bias[c] -= zero_point * sum;
    multiplier[c] = product_multiplier(node, c);
  }
}

bool quantized_u8(const Tensor& t) noexcept { return t.type == Type::u8 && t.quant.present() && t.quant.axis == -1; }

AxisSplit split_at(const Shape& shape, std::size_t axis) noexcept {
  AxisSplit s;
  for (std::size_t i = 0; i < shape.size(); ++i) (i < axis ? s.outer : i == axis ? s.size : s.inner) *= shape[i];
  return s;
}

Result<Shape> broadcast_shape(const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape out(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t from_end = rank - i;
    const std::int64_t na = from_end <= a.size() ? a[a.size() - from_end] : 1;
    const std::int64_t nb = from_end <= b.size() ? b[b.size() - from_end] : 1;
    if (na != nb && na != 1 && nb != 1) return invalid("shapes " + to_string(a) + " and " + to_string(b) + " do not broadcast");
    out[i] = na == 1 ? nb : na;
  }
  return out;
}

}  // namespace octet
