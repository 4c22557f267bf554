// What operators share: window geometry, type and quantization rules, the int8 product.
#pragma once

#include <cmath>
#include <limits>

#include "engine/operator.h"
#include "kernels/epilogue.h"

namespace octet {

/// Largest scratch or tensor size an operator asks for; beyond it, sizes in bytes are refused rather than computed.
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

[[nodiscard]] inline std::uint64_t no_macs(const NodeView&) { return 0; }

/// One spatial axis of a convolution or pool.
struct WindowAxis {
  std::int64_t size, kernel, stride, pad_begin, pad_end, dilation;
};

/// floor((size + pads - ((kernel-1) dilation + 1)) / stride) + 1, or why there is no such output.
[[nodiscard]] Result<std::int64_t> window_output(const WindowAxis& axis);

/// Checks that clamp_min <= clamp_max and neither is NaN.
[[nodiscard]] Result<void> check_clamp(float clamp_min, float clamp_max);

/// Input i and output have one type, which is f32, or quantized u8.
[[nodiscard]] Result<void> check_arithmetic(const NodeView& node, std::size_t input);

/// Every input has the output's type and quantization.
[[nodiscard]] Result<void> check_moves(const NodeView& node);
/// This input has; others say where its elements go.
[[nodiscard]] Result<void> check_moved(const NodeView& node, std::size_t input);

/// The output is never NaN or infinite as long as the multiplier is finite.
[[nodiscard]] Result<void> check_multiplier(float multiplier);

/// Where u8 results of `output` land when real values are clamped to [clamp_min, clamp_max].
[[nodiscard]] kernels::OutputU8 output_u8(const Tensor& output, float clamp_min = -std::numeric_limits<float>::infinity(),
                                          float clamp_max = std::numeric_limits<float>::infinity()) noexcept;

/// A convolution's or matrix product's constants: weights [channels, ...] and optional bias [channels] (inputs 1 and 2).
/// f32 throughout; or x u8, weights s8, bias s32, output u8 or f32; or x f32, weights s8, bias and output f32 (dynamic).
/// |bias| + 255 sum|w| < 2^31 for every channel of s8 weights.
[[nodiscard]] Result<void> check_product(const NodeView& node);

/// The requantization of an int8 product, owned.
struct ProductEpilogue {
  std::vector<std::int32_t> bias;         ///< of the source, for kernels that subtract the zero-point themselves
  std::vector<std::int32_t> folded_bias;  ///< minus z_in * sum(w), for kernels that sum q * w
  std::vector<float> multiplier;
  kernels::OutputU8 out;
  float clamp_min, clamp_max;
  Type type;  ///< of the output: u8, f32, or s32 for the sums themselves

  ProductEpilogue(const NodeView& node, float clamp_min, float clamp_max);

  [[nodiscard]] kernels::Epilogue at(const Buffers& buffers, int output, bool folded) const noexcept {
    kernels::Epilogue e{folded ? folded_bias.data() : bias.data(), multiplier.data(), out, clamp_min, clamp_max, nullptr, nullptr, nullptr};
    switch (type) {
      case Type::u8: e.y = buffers.tensor<std::uint8_t>(output); break;
      case Type::s32: e.sums = buffers.tensor<std::int32_t>(output); break;
      default: e.real = buffers.tensor<float>(output); break;
    }
    return e;
  }
};

/// Whether it is a u8 activation with one scale.
[[nodiscard]] bool quantized_u8(const Tensor& t) noexcept;

/// The sizes before, along and after an axis.
struct AxisSplit {
  std::int64_t outer = 1, size = 1, inner = 1;
};
[[nodiscard]] AxisSplit split_at(const Shape& shape, std::size_t axis) noexcept;

/// The batch-independent shape of broadcasting a and b, aligned at the last axis.
[[nodiscard]] Result<Shape> broadcast_shape(const Shape& a, const Shape& b);

}  // namespace octet
