// The epilogue, four channels at a time at the x86-64 baseline (SSE2).
#include <xsimd/xsimd.hpp>

#include "kernels/requantize/requantize.h"

namespace octet::kernels {

void requantize_rows_xsimd(const std::int32_t* acc, std::int64_t begin, std::int64_t end, std::int64_t channels, const Epilogue& epilogue) noexcept;

namespace {

using Arch = xsimd::sse2;
using Ints = xsimd::batch<std::int32_t, Arch>;
using Floats = xsimd::batch<float, Arch>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(Ints::size);

/// std::min(std::max(t, lo), hi). minps and maxps return their second operand where both are equal, as 0 and -0 are.
Floats clamped(Floats t, Floats lo, Floats hi) noexcept { return xsimd::min(hi, xsimd::max(lo, t)); }

/// Four values of t, rounded and clamped as finish_u8 does. cvtps2dq rounds as MXCSR says, which run() has set to nearest
/// even; the values are whole after clamping and rounding, so both ways of rounding agree.
struct Finish {
  Floats lo, hi;
  Ints zero_point;

  explicit Finish(const OutputU8& out) noexcept
      : lo(static_cast<float>(out.lo - out.zero_point)), hi(static_cast<float>(out.hi - out.zero_point)), zero_point(out.zero_point) {}

  [[nodiscard]] Ints operator()(Floats t) const noexcept {
    return xsimd::nearbyint_as_int(clamped(t, lo, hi)) + zero_point;
  }
};

Floats scaled(const std::int32_t* acc, std::int64_t c, const Epilogue& e) noexcept {
  const Ints sum = Ints::load_unaligned(acc + c) + Ints::load_unaligned(e.bias + c);
  return xsimd::to_float(sum) * Floats::load_unaligned(e.multiplier + c);
}

void row_u8(const std::int32_t* acc, std::int64_t channels, const Epilogue& e, const Finish& finish, std::uint8_t* y) noexcept {
  std::int64_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) {
    const Ints a = finish(scaled(acc, c, e));
    const Ints b = finish(scaled(acc, c + kLanes, e));
    const Ints d = finish(scaled(acc, c + 2 * kLanes, e));
    const Ints f = finish(scaled(acc, c + 3 * kLanes, e));
    // Values are in [0, 255]: neither pack saturates.
    const __m128i low = _mm_packs_epi32(a, b);
    const __m128i high = _mm_packs_epi32(d, f);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + c), _mm_packus_epi16(low, high));
  }
  for (; c < channels; ++c) y[c] = requantize(acc[c] + e.bias[c], e.multiplier[c], e.out);
}

void row_f32(const std::int32_t* acc, std::int64_t channels, const Epilogue& e, float* real) noexcept {
  const Floats lo(e.clamp_min);
  const Floats hi(e.clamp_max);
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) clamped(scaled(acc, c, e), lo, hi).store_unaligned(real + c);
  for (; c < channels; ++c) store(e, real - e.real + c, c, acc[c]);
}

}  // namespace

void requantize_rows_xsimd(const std::int32_t* acc, std::int64_t begin, std::int64_t end, std::int64_t channels, const Epilogue& e) noexcept {
  const Finish finish(e.out);
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int32_t* row = acc + r * channels;
    if (e.y != nullptr) {
      row_u8(row, channels, e, finish, e.y + r * channels);
    } else {
      row_f32(row, channels, e, e.real + r * channels);
    }
  }
}

}  // namespace octet::kernels
