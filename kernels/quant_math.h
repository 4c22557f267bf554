// The scalar arithmetic of quantization: THE definition of quantize, requantize and dequantize. Everything is f32 with
// one rounding an operation, to nearest even; see "Numerics" in schema/README.md.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#ifdef __FAST_MATH__
#error "The int8 contract needs IEEE arithmetic: do not compile Octet with -ffast-math."
#endif

namespace octet::kernels {

/// Round to nearest, ties to even, for |x| <= 2^22: adding 1.5 * 2^23 leaves no fraction bits.
inline float round_even(float x) noexcept {
  constexpr float kShift = 12582912.0F;
  return (x + kShift) - kShift;
}

/// Where a u8 result lands: q = clamp(rne(t) + zero_point, lo, hi).
struct OutputU8 {
  std::int32_t zero_point = 0;
  std::int32_t lo = 0;    ///< 0 <= lo <= hi <= 255
  std::int32_t hi = 255;
};

/// clamp(rne(t) + z, lo, hi), clamped first so that the rounding cannot overflow; the two orders agree because lo and hi are
/// whole. t is not NaN.
inline std::uint8_t finish_u8(float t, const OutputU8& out) noexcept {
  const float lo = static_cast<float>(out.lo - out.zero_point);
  const float hi = static_cast<float>(out.hi - out.zero_point);
  const float clamped = std::min(std::max(t, lo), hi);
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(round_even(clamped)) + out.zero_point);
}

/// The requantization of an accumulator: f32(acc) * m, then finish_u8.
inline std::uint8_t requantize(std::int32_t acc, float multiplier, const OutputU8& out) noexcept {
  return finish_u8(static_cast<float>(acc) * multiplier, out);
}

/// q = clamp(rne(x / s) + z, lo, hi), ONNX's form. x is not NaN; infinities saturate.
inline std::uint8_t quantize(float x, float scale, const OutputU8& out) noexcept { return finish_u8(x / scale, out); }

/// clamp(rne(x / s) + z, 0, 255) in f64: for tables and constants. x is not NaN.
inline std::uint8_t quantize_f64(double x, float scale, std::int32_t zero_point) noexcept {
  const double t = std::nearbyint(x / static_cast<double>(scale)) + zero_point;
  return static_cast<std::uint8_t>(std::min(std::max(t, 0.0), 255.0));
}

/// s (q - z).
inline float dequantize(std::uint8_t q, float scale, std::int32_t zero_point) noexcept {
  return scale * static_cast<float>(static_cast<std::int32_t>(q) - zero_point);
}

/// m = f32(f64(s_in) * f64(s_w) / f64(s_out)), the requantization multiplier of a product.
inline float product_multiplier(float s_in, float s_w, float s_out) noexcept {
  return static_cast<float>(static_cast<double>(s_in) * static_cast<double>(s_w) / static_cast<double>(s_out));
}

}  // namespace octet::kernels
