// 2-D convolution, channels-last.
//
//   y[n, oh, ow, o] = finish(bias[o] + sum over kh, kw, i of (x[n, oh*stride_h - pad_top + kh*dilation_h,
//                                                           ow*stride_w - pad_left + kw*dilation_w, g*I + i] - z) * w[o, kh, kw, i])
//
// g = o / (out_c / groups) is the group of output channel o and I = in_c / groups. Positions outside x contribute nothing
// (they hold the real value 0, whose quantized form is z).
#pragma once

#include <cstdint>

#include "kernels/epilogue.h"

namespace octet::kernels {

struct ConvShape {
  std::int64_t batch = 1;
  std::int64_t in_h = 1, in_w = 1, in_c = 1;
  std::int64_t out_h = 1, out_w = 1, out_c = 1;
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t groups = 1;

  [[nodiscard]] std::int64_t group_in_c() const noexcept { return in_c / groups; }
  /// Weights of one output channel.
  [[nodiscard]] std::int64_t filter_size() const noexcept { return kernel_h * kernel_w * group_in_c(); }
  /// Outputs of one channel.
  [[nodiscard]] std::int64_t out_pixels() const noexcept { return batch * out_h * out_w; }
  [[nodiscard]] bool padded() const noexcept { return pad_top != 0 || pad_left != 0 || pad_bottom != 0 || pad_right != 0; }
};

struct ConvU8 {
  ConvShape shape;
  const std::uint8_t* x = nullptr;        ///< [batch, in_h, in_w, in_c]
  std::int32_t zero_point = 0;            ///< z of x
  const std::int8_t* weights = nullptr;   ///< [out_c, kernel_h, kernel_w, in_c / groups]
  Epilogue epilogue;                      ///< rows are output pixels
  int threads = 1;
};

/// The specification. |bias| + 255 sum|w| < 2^31 for every channel.
void conv_u8s8_reference(const ConvU8& conv) noexcept;

struct ConvF32 {
  ConvShape shape;
  const float* x = nullptr;
  const float* weights = nullptr;
  const float* bias = nullptr;  ///< [out_c] or null
  float clamp_min = 0, clamp_max = 0;
  float* y = nullptr;
  int threads = 1;
};

/// Sums in f64; checks the float path.
void conv_f32_reference(const ConvF32& conv) noexcept;

}  // namespace octet::kernels
