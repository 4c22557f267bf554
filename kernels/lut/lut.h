// Element by element: table look-ups of bytes, and the steps between f32 and u8.
#pragma once

#include <cstdint>

#include "kernels/quant_math.h"

namespace octet::kernels {

/// y[o, c, i] = tables[256 c + x[o, c, i]]; x and y are [outer, channels, inner].
void lookup_u8_reference(const std::uint8_t* x, std::int64_t outer, std::int64_t channels, std::int64_t inner,
                         const std::uint8_t* tables, std::uint8_t* y, int threads) noexcept;

/// y[i] = quantize(x[i], scale, out). False if a value was NaN; y is then unspecified.
[[nodiscard]] bool quantize_f32_reference(const float* x, std::int64_t n, float scale, const OutputU8& out, std::uint8_t* y,
                                          int threads) noexcept;

/// y[i] = s (x[i] - z).
void dequantize_u8_reference(const std::uint8_t* x, std::int64_t n, float scale, std::int32_t zero_point, float* y,
                             int threads) noexcept;

}  // namespace octet::kernels
