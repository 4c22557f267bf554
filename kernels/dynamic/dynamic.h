// Dynamic quantization: rows of real values to u8, each with the scale and zero-point of its own values, and the sums of
// products of such rows back to reals. A row's bytes are a function of that row alone.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "kernels/layout/layout.h"

namespace octet::kernels {

/// real = scale * (q - zero_point), for one row.
struct RowParameters {
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// Of a row whose values, and 0, lie in [lo, hi], both finite:
///   s = f32((f64(hi) - f64(lo)) / 255), raised to the smallest normal f32; 1 where lo = hi = 0
///   z = min(rne(-f64(lo) / f64(s)), 255)
[[nodiscard]] RowParameters row_parameters(float lo, float hi) noexcept;

/// The constants of a product whose input was quantized row by row.
struct RowEpilogue {
  std::int64_t channels = 1;
  const std::int32_t* weight_sums = nullptr;  ///< [channels]: the sum of the channel's weights
  const float* scales = nullptr;              ///< [channels] of the weights
  const float* bias = nullptr;                ///< [channels]
  float clamp_min = 0, clamp_max = 0;
};

/// What is done with one row, or part of one.
struct RowKernel {
  const char* name;
  Isa isa;
  /// The smallest and largest of x [n] and 0; false if a value is NaN or infinite.
  bool (*find_range)(const float* x, std::int64_t n, float* lo, float* hi) noexcept;
  /// q = clamp(rne(x / s) + z, 0, 255).
  void (*quantize)(const float* x, std::int64_t n, const RowParameters& row, std::uint8_t* q) noexcept;
  /// sums [pixels, channels], of q * w, to y of the same shape, which may be the same memory:
  ///   y = clamp(f32(sum - z * weight_sums[c]) * (s * scales[c]) + bias[c])
  /// every operation rounded once, none fused.
  void (*finish)(const RowEpilogue& epilogue, const RowParameters& row, const std::int32_t* sums, std::int64_t pixels, float* y) noexcept;
};

/// Every kernel, whatever this CPU is; the first is the specification (reference.cc).
[[nodiscard]] std::span<const RowKernel> row_kernels() noexcept;

/// The best one a cap allows.
[[nodiscard]] const RowKernel& find_row_kernel(Isa cap) noexcept;

/// x [batch, h, w, channels] is `batch` rows, one an image; q [batch, padded_h, padded_w, channels] has z, the real value 0,
/// in its padding. `rows.value` plays no part. parameters [batch]. False if a value is NaN or infinite; q and parameters are
/// then unspecified.
[[nodiscard]] bool quantize_rows(const RowKernel& kernel, const PaddedImage& rows, const float* x, std::uint8_t* q,
                                 RowParameters* parameters, int threads) noexcept;

/// sums [rows, pixels, channels] to y, each row with its own parameters.
void finish_rows(const RowKernel& kernel, const RowEpilogue& epilogue, const std::int32_t* sums, const RowParameters* parameters,
                 std::int64_t rows, std::int64_t pixels, float* y, int threads) noexcept;

}  // namespace octet::kernels
