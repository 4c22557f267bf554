// The epilogue (epilogue.h), up to 64 channels at a time, for AVX-512 files. Everything here has internal linkage, so that
// no AVX-512 code is emitted under a name that baseline code could be linked with.
#pragma once

#include <immintrin.h>

#include "kernels/epilogue.h"

namespace octet::kernels {
namespace {

/// The constants of an epilogue's output, in registers.
///
/// u8: t = f32(acc) * m is bounded above by hi - z, so that its conversion to s32 cannot overflow upwards; downwards it
/// gives the lowest s32, which saturates to the lowest s16, and with z added to at most 0 as u8. So the lower bound can wait
/// until the results are bytes: the order of rounding and clamping makes no difference, because the bounds are whole.
struct OutputAvx512 {
  __m512 hi, lo;       ///< u8: hi around the zero-point; lo unused
  __m512i zero_point;  ///< s16
  __m512i least;       ///< u8
  __m512i order;       ///< undoes the order in which packing within 128-bit lanes leaves groups of four channels
};

inline OutputAvx512 make_output(const Epilogue& e) noexcept {
  OutputAvx512 o{};
  o.lo = _mm512_set1_ps(e.clamp_min);
  o.hi = _mm512_set1_ps(e.y != nullptr ? static_cast<float>(e.out.hi - e.out.zero_point) : e.clamp_max);
  o.zero_point = _mm512_set1_epi16(static_cast<short>(e.out.zero_point));
  o.least = _mm512_set1_epi8(static_cast<char>(e.out.lo));
  o.order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return o;
}

/// Sixteen accumulators, bias included, to whole numbers around 0. cvtps rounds as MXCSR says, which run() has set to nearest
/// even. min gives its second operand where both are equal, as std::min does; the sign of a 0 is lost here anyway.
inline __m512i whole(const OutputAvx512& o, __m512i acc, const float* multiplier) noexcept {
  const __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(multiplier));
  return _mm512_cvtps_epi32(_mm512_min_ps(o.hi, t));
}

/// 64 channels, whole(), to bytes in the order of the channels.
inline __m512i bytes_of(const OutputAvx512& o, __m512i q0, __m512i q1, __m512i q2, __m512i q3) noexcept {
  const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(q0, q1), o.zero_point);
  const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(q2, q3), o.zero_point);
  return _mm512_permutexvar_epi32(o.order, _mm512_max_epu8(_mm512_packus_epi16(low, high), o.least));
}

/// The first `count` of 16 x kVectors bytes.
template <int kVectors>
inline void store_bytes(std::uint8_t* y, std::int64_t count, __m512i bytes) noexcept {
  if constexpr (kVectors > 2) {
    if (count >= 64) {
      _mm512_storeu_si512(y, bytes);
    } else {
      _mm512_mask_storeu_epi8(y, (__mmask64{1} << count) - 1, bytes);
    }
  } else if constexpr (kVectors == 2) {
    if (count >= 32) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_castsi512_si256(bytes));
    } else {
      _mm256_mask_storeu_epi8(y, (__mmask32{1} << count) - 1, _mm512_castsi512_si256(bytes));
    }
  } else {
    if (count >= 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm512_castsi512_si128(bytes));
    } else {
      _mm_mask_storeu_epi8(y, static_cast<__mmask16>((1U << count) - 1), _mm512_castsi512_si128(bytes));
    }
  }
}

/// acc[v], v < kVectors, are channels 16 v .. 16 v + 15 with their bias, of which the first `count` exist: to e.y or e.real
/// from element `at`. `multiplier` has 16 kVectors entries.
template <int kVectors>
inline void store_channels(const Epilogue& e, const OutputAvx512& o, std::int64_t at, std::int64_t count, const float* multiplier,
                           const __m512i* acc) noexcept {
  static_assert(kVectors >= 1 && kVectors <= 4);
  if (e.y != nullptr) {
    const __m512i q0 = whole(o, acc[0], multiplier);
    const __m512i q1 = kVectors > 1 ? whole(o, acc[kVectors > 1 ? 1 : 0], multiplier + 16) : q0;
    const __m512i q2 = kVectors > 2 ? whole(o, acc[kVectors > 2 ? 2 : 0], multiplier + 32) : q0;
    const __m512i q3 = kVectors > 3 ? whole(o, acc[kVectors > 3 ? 3 : 0], multiplier + 48) : q1;
    store_bytes<kVectors>(e.y + at, count, bytes_of(o, q0, q1, q2, q3));
    return;
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const std::int64_t left = count - 16 * v;
    if (left <= 0) return;
    const __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[v]), _mm512_loadu_ps(multiplier + 16 * v));
    // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min, std::max.
    const __m512 clamped = _mm512_min_ps(o.hi, _mm512_max_ps(o.lo, t));
    _mm512_mask_storeu_ps(e.real + at + 16 * v, static_cast<__mmask16>(left >= 16 ? 0xFFFFU : (1U << left) - 1), clamped);
  }
}

}  // namespace
}  // namespace octet::kernels
