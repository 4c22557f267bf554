// The epilogue (epilogue.h), sixteen channels at a time, for AVX2 files. Everything here has internal linkage, so that no
// AVX2 code is emitted under a name that baseline code could be linked with.
#pragma once

#include <immintrin.h>

#include "kernels/epilogue.h"

namespace octet::kernels {
namespace {

/// Where results are clamped: for u8 around the zero-point, which is added afterwards; for f32 the real bounds.
struct ClampAvx2 {
  __m256 lo, hi;
  __m256i zero_point;
  bool real;
};

inline ClampAvx2 make_clamp(const Epilogue& e) noexcept {
  if (e.y == nullptr) return {_mm256_set1_ps(e.clamp_min), _mm256_set1_ps(e.clamp_max), _mm256_setzero_si256(), true};
  return {_mm256_set1_ps(static_cast<float>(e.out.lo - e.out.zero_point)), _mm256_set1_ps(static_cast<float>(e.out.hi - e.out.zero_point)),
          _mm256_set1_epi32(e.out.zero_point), false};
}

/// Eight accumulators without their bias to eight results, clamped but not rounded.
inline __m256 scale(__m256i acc, const std::int32_t* bias, const float* multiplier, const ClampAvx2& clamp) noexcept {
  const __m256i sum = _mm256_add_epi32(acc, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias)));
  const __m256 t = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(multiplier));
  // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min and std::max.
  return _mm256_min_ps(clamp.hi, _mm256_max_ps(clamp.lo, t));
}

/// Rounds to nearest even, as MXCSR says in run().
inline __m256i whole(__m256 t, const ClampAvx2& clamp) noexcept { return _mm256_add_epi32(_mm256_cvtps_epi32(t), clamp.zero_point); }

/// Channels c .. c + 15, of which the first `count` exist, to element `at` of the output. bias and multiplier have room for
/// whole sixteens.
inline void store_channels(const Epilogue& e, const ClampAvx2& clamp, std::int64_t at, std::int64_t c, std::int64_t count, __m256i acc0,
                           __m256i acc1) noexcept {
  const __m256 t0 = scale(acc0, e.bias + c, e.multiplier + c, clamp);
  const __m256 t1 = scale(acc1, e.bias + c + 8, e.multiplier + c + 8, clamp);
  if (clamp.real) {
    alignas(32) float values[16];
    _mm256_store_ps(values, t0);
    _mm256_store_ps(values + 8, t1);
    __builtin_memcpy(e.real + at, values, static_cast<unsigned long>(count) * sizeof(float));
    return;
  }
  // packs works within 128-bit halves: put the quarters back in order, then narrow once more. Nothing saturates.
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(whole(t0, clamp), whole(t1, clamp)), 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  if (count == 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(e.y + at), bytes);
    return;
  }
  alignas(16) std::uint8_t values[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(values), bytes);
  __builtin_memcpy(e.y + at, values, static_cast<unsigned long>(count));
}

}  // namespace
}  // namespace octet::kernels
