// The epilogue (epilogue.h), sixteen channels at a time, for AVX2 files. Everything here has internal linkage, so that no
// AVX2 code is emitted under a name that baseline code could be linked with.
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
struct OutputAvx2 {
  __m256 hi, lo;       ///< u8: hi around the zero-point; lo unused
  __m256i zero_point;  ///< s16
  __m128i least;       ///< u8
};

inline OutputAvx2 make_output(const Epilogue& e) noexcept {
  return {_mm256_set1_ps(e.y != nullptr ? static_cast<float>(e.out.hi - e.out.zero_point) : e.clamp_max), _mm256_set1_ps(e.clamp_min),
          _mm256_set1_epi16(static_cast<short>(e.out.zero_point)), _mm_set1_epi8(static_cast<char>(e.out.lo))};
}

inline __m256 scale(__m256i acc, const float* multiplier) noexcept {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(multiplier));
}

/// Eight accumulators, bias included, to whole numbers around 0. cvtps rounds as MXCSR says, which run() has set to nearest
/// even.
inline __m256i whole(const OutputAvx2& o, __m256i acc, const float* multiplier) noexcept {
  return _mm256_cvtps_epi32(_mm256_min_ps(o.hi, scale(acc, multiplier)));
}

/// The first `count` of 16 bytes.
inline void store_bytes(std::uint8_t* y, std::int64_t count, __m128i bytes) noexcept {
  if (count >= 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes);
    return;
  }
  if ((count & 8) != 0) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y), bytes);
    bytes = _mm_srli_si128(bytes, 8);
    y += 8;
  }
  std::uint64_t rest = static_cast<std::uint64_t>(_mm_cvtsi128_si64(bytes));
  if ((count & 4) != 0) {
    __builtin_memcpy(y, &rest, 4);
    rest >>= 32U;
    y += 4;
  }
  if ((count & 2) != 0) {
    __builtin_memcpy(y, &rest, 2);
    rest >>= 16U;
    y += 2;
  }
  if ((count & 1) != 0) *y = static_cast<std::uint8_t>(rest);
}

/// acc0 and acc1 are sixteen channels with their bias, of which the first `count` exist: to e.y or e.real from element `at`.
/// `multiplier` has sixteen entries.
inline void store_sums(const Epilogue& e, const OutputAvx2& o, std::int64_t at, std::int64_t count, const float* multiplier, __m256i acc0,
                       __m256i acc1) noexcept {
  if (e.y == nullptr) {
    // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min, std::max.
    alignas(32) float values[16];
    _mm256_store_ps(values, _mm256_min_ps(o.hi, _mm256_max_ps(o.lo, scale(acc0, multiplier))));
    _mm256_store_ps(values + 8, _mm256_min_ps(o.hi, _mm256_max_ps(o.lo, scale(acc1, multiplier + 8))));
    __builtin_memcpy(e.real + at, values, static_cast<unsigned long>(count < 16 ? count : 16) * sizeof(float));
    return;
  }
  // packs works within 128-bit halves: put the quarters back in order, then narrow once more.
  const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(whole(o, acc0, multiplier), whole(o, acc1, multiplier + 8)), o.zero_point);
  const __m256i ordered = _mm256_permute4x64_epi64(words, 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
  store_bytes(e.y + at, count, _mm_max_epu8(bytes, o.least));
}

inline __m256i with_bias(__m256i acc, const std::int32_t* bias) noexcept {
  return _mm256_add_epi32(acc, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias)));
}

/// Channels c .. c + 15, of which the first `count` exist, without their bias, to element `at` of the output. bias and
/// multiplier have room for whole sixteens.
inline void store_channels(const Epilogue& e, const OutputAvx2& o, std::int64_t at, std::int64_t c, std::int64_t count, __m256i acc0,
                           __m256i acc1) noexcept {
  store_sums(e, o, at, count, e.multiplier + c, with_bias(acc0, e.bias + c), with_bias(acc1, e.bias + c + 8));
}

}  // namespace
}  // namespace octet::kernels
