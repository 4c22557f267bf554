#include "converter/onnx/source_quantization.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/ops/common.h"

namespace octet {
namespace {

constexpr std::int32_t kShift = 128;  // from s8 to u8

struct Limits {
  std::int32_t least, most;
};
Limits limits_of(Type type) noexcept { return type == Type::s8 ? Limits{-128, 127} : Limits{0, 255}; }

std::vector<std::int32_t> integers_of(const Tensor& t) {
  const auto copy = [](auto values) { return std::vector<std::int32_t>(values.begin(), values.end()); };
  switch (t.type) {
    case Type::u8: return copy(t.data.as<std::uint8_t>());
    case Type::s8: return copy(t.data.as<std::int8_t>());
    default: return copy(t.data.as<std::int32_t>());
  }
}

Result<void> read_zero_points(const NodeImport& node, std::size_t input, Type fallback, std::size_t count, SourceQuantization& q) {
  q.type = fallback;
  q.quant.zero_points.assign(count, 0);
  if (!node.has_input(input)) return {};
  OCTET_TRY(const Tensor zero_point, node.constant(input, "zero-point"));
  q.type = zero_point.type;
  if (q.type != Type::u8 && q.type != Type::s8 && q.type != Type::s32)
    return invalid(std::string("its zero-point is ") + name_of(q.type) + ", not u8 or s8");
  q.quant.zero_points = integers_of(zero_point);
  if (q.quant.zero_points.size() != count)
    return invalid("has " + std::to_string(q.quant.zero_points.size()) + " zero-points for " + std::to_string(count) + " scales");
  return {};
}

/// Calls f(index, channel) for every element.
template <class F>
void for_each_element(const Shape& shape, int axis, const F& f) {
  const AxisSplit split = axis < 0 ? AxisSplit{1, 1, element_count(shape)} : split_at(shape, static_cast<std::size_t>(axis));
  std::size_t i = 0;
  for (std::int64_t o = 0; o < split.outer; ++o)
    for (std::int64_t c = 0; c < split.size; ++c)
      for (std::int64_t k = 0; k < split.inner; ++k) f(i++, static_cast<std::size_t>(c));
}

}  // namespace

Quantization SourceQuantization::as_u8() const {
  Quantization q = quant;
  if (type == Type::s8)
    for (std::int32_t& z : q.zero_points) z += kShift;
  return q;
}

Type source_type(const Tensor& tensor) noexcept { return tensor.type == Type::u8 && tensor.source.s8 ? Type::s8 : tensor.type; }

std::string text_of(float value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

Result<std::vector<float>> read_scales(const NodeImport& node, std::size_t input) {
  OCTET_TRY(const Tensor scale, node.constant(input, "scale"));
  if (scale.type != Type::f32) return invalid(std::string("its scale is ") + name_of(scale.type) + ", not f32");
  if (scale.shape.size() > 1) return unsupported("its scale has shape " + to_string(scale.shape) + ": blocks are not supported");
  const auto values = scale.data.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isnormal(values[i]) || values[i] < 0)
      return invalid("scale[" + std::to_string(i) + "] is " + text_of(values[i]) + ", not a normal positive number");
  return std::vector<float>(values.begin(), values.end());
}

Result<SourceQuantization> read_quantization(const NodeImport& node, std::size_t scale, std::size_t zero_point, Type fallback,
                                             const Shape& shape, std::int64_t axis) {
  SourceQuantization q;
  OCTET_TRY(q.quant.scales, read_scales(node, scale));
  const std::size_t count = q.quant.scales.size();
  OCTET_CHECK(read_zero_points(node, zero_point, fallback, count, q));
  if (count == 1) return q;
  OCTET_TRY(q.quant.axis, normalize_axis(axis, shape.size()));
  const std::int64_t wanted = shape[static_cast<std::size_t>(q.quant.axis)];
  if (static_cast<std::int64_t>(count) != wanted)
    return invalid("has " + std::to_string(count) + " scales where there must be 1, or " + std::to_string(wanted) + " along axis " +
                   std::to_string(q.quant.axis));
  const auto all_equal = [](const auto& values) { return std::ranges::all_of(values, [&](auto v) { return v == values[0]; }); };
  if (count > 0 && all_equal(q.quant.scales) && all_equal(q.quant.zero_points)) q.quant = {{q.quant.scales[0]}, {q.quant.zero_points[0]}, -1};
  return q;
}

Result<Tensor> dequantized(const Tensor& integers, const SourceQuantization& quantization) {
  const std::vector<std::int32_t> from = integers_of(integers);
  const Quantization& q = quantization.quant;
  std::vector<float> to(from.size());
  for_each_element(integers.shape, q.axis, [&](std::size_t i, std::size_t c) {
    const auto difference = static_cast<float>(std::int64_t{from[i]} - std::int64_t{q.zero_points[c]});
    to[i] = difference * q.scales[c];
  });
  if (!std::ranges::all_of(to, [](float v) { return std::isfinite(v); })) return invalid("its scale makes infinite values of its constant");
  Tensor made = integers;
  made.type = Type::f32;
  made.quant = {};
  made.source = {};
  if (integers.type != Type::s32) made.source = {q, quantization.type == Type::s8};
  made.data = Constant::of(std::move(to));
  return made;
}

Result<Tensor> quantized(const Tensor& real, const SourceQuantization& quantization) {
  const auto from = real.data.as<float>();
  if (std::ranges::any_of(from, [](float v) { return std::isnan(v); })) return invalid("its constant has a NaN");
  const Quantization& q = quantization.quant;
  const Limits limits = limits_of(quantization.type);
  std::vector<std::uint8_t> to(from.size());
  for_each_element(real.shape, q.axis, [&](std::size_t i, std::size_t c) {
    const float t = std::nearbyint(from[i] / q.scales[c]) + static_cast<float>(q.zero_points[c]);
    const float clamped = std::clamp(t, static_cast<float>(limits.least), static_cast<float>(limits.most));
    to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(clamped));
  });
  Tensor made = real;
  made.type = quantization.type;
  made.source = {};
  made.data = Constant::of(std::move(to));
  return made;
}

}  // namespace octet
