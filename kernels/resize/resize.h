// Images resized by tables: which rows and columns an output pixel lies between, and how near to the second of each.
#pragma once

#include <cstdint>

#include "kernels/quant_math.h"

namespace octet::kernels {

/// Weights of u8 images have this many bits: a pixel's four weights add up to 2^22, which 255 times stays below 2^31.
inline constexpr int kResizeBits = 11;

/// x [batch, in_h, in_w, channels] to y [batch, out_h, out_w, channels]. rows[i] is the first of the two rows that output row i
/// lies between; the second is the next one, or the same where there is none. Likewise columns.
struct ResizeShape {
  std::int64_t batch = 1, in_h = 1, in_w = 1, channels = 1, out_h = 1, out_w = 1;
  const std::int32_t* rows = nullptr;     ///< [out_h], each in [0, in_h)
  const std::int32_t* columns = nullptr;  ///< [out_w], each in [0, in_w)
};

/// y[n, i, j, c] = x[n, rows[i], columns[j], c]; elements of element_bytes.
void resize_nearest_reference(const ResizeShape& shape, std::size_t element_bytes, const std::byte* x, std::byte* y, int threads) noexcept;

/// With wy = row_weights[i], wx = column_weights[j] in 0 .. 2^11, those of the second row and column:
/// acc = sum over the four pixels of (q - z_in) * (2^11 - wy or wy) * (2^11 - wx or wx), then requantize(acc, multiplier, out);
/// multiplier = f32(s_in / (s_out 2^22)).
struct ResizeLinearU8 {
  ResizeShape shape;
  const std::int32_t* row_weights = nullptr;     ///< [out_h]
  const std::int32_t* column_weights = nullptr;  ///< [out_w]
  const std::uint8_t* x = nullptr;
  std::int32_t zero_point = 0;
  float multiplier = 1;
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void resize_linear_u8_reference(const ResizeLinearU8& resize) noexcept;

/// Weights in [0, 1].
struct ResizeLinearF32 {
  ResizeShape shape;
  const float* row_weights = nullptr;
  const float* column_weights = nullptr;
  const float* x = nullptr;
  float* y = nullptr;
  int threads = 1;
};
void resize_linear_f32_reference(const ResizeLinearF32& resize) noexcept;

}  // namespace octet::kernels
