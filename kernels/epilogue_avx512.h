// The epilogue (epilogue.h), up to 64 channels at a time, for AVX-512 files. Everything here has internal linkage (u8_avx512.h).
#pragma once

#include "kernels/epilogue.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {
namespace {

inline __m512 scale(__m512i acc, const float* multiplier) noexcept { return _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(multiplier)); }

/// f32 results, or the sums as they are, of kVectors vectors of channels, of which the first `count` exist, to element `at`.
template <int kVectors>
[[gnu::noinline]] void store_wide(const Epilogue& e, std::int64_t at, std::int64_t count, const float* multiplier, const __m512i* acc) noexcept {
  const __m512 lo = _mm512_set1_ps(e.clamp_min);
  const __m512 hi = _mm512_set1_ps(e.clamp_max);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    if (e.sums != nullptr) {
      Avx512::store(reinterpret_cast<float*>(e.sums + at + 16 * v), count - 16 * v, _mm512_castsi512_ps(acc[v]));  // only moved
      continue;
    }
    // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min, std::max.
    const __m512 clamped = _mm512_min_ps(hi, _mm512_max_ps(lo, scale(acc[v], multiplier + 16 * v)));
    Avx512::store(e.real + at + 16 * v, count - 16 * v, clamped);
  }
}

/// kRows output pixels, the first at element `at`, from one to the next `stride` elements: acc[r][v], v < kVectors, are channels
/// 16 v .. 16 v + 15 with their bias, of which the first `count` exist, to e.y, e.real or e.sums. `multiplier` has 16 kVectors entries.
/// Packing four vectors costs no more than packing one, so narrow pixels are packed together.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void store_pixels(const Epilogue& e, const FinishAvx512& finish, std::int64_t at, std::int64_t stride, std::int64_t count,
                         const float* multiplier, const __m512i (&acc)[kRows][kVectors]) noexcept {
  static_assert(kVectors >= 1 && kVectors <= 4);
  constexpr int kTogether = kVectors == 1 ? 4 : kVectors == 2 ? 2 : 1;
  if (e.y == nullptr) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) store_wide<kVectors>(e, at + r * stride, count, multiplier, acc[r]);
    return;
  }
  constexpr int kLast = kRows - 1;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r += kTogether) {
    const auto q = [&](int i) noexcept {  // the i-th of four vectors, or one that is there
      const int row = r + i / kVectors < kRows ? r + i / kVectors : kLast;
      const int v = kTogether == 1 && i >= kVectors ? kVectors - 1 : i % kVectors;
      return whole(finish, scale(acc[row][v], multiplier + 16 * v));
    };
    const __m512i bytes = bytes_of(finish, q(0), q(1), q(2), q(3));
    std::uint8_t* y = e.y + at + r * stride;
    store_bytes<kVectors>(y, count, bytes);
    if constexpr (kTogether == 2) {
      if (r + 1 < kRows) store_bytes<2>(y + stride, count, _mm512_castsi256_si512(_mm512_extracti64x4_epi64(bytes, 1)));
    }
    if constexpr (kTogether == 4) {
      if (r + 1 < kRows) store_bytes<1>(y + stride, count, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 1)));
      if (r + 2 < kRows) store_bytes<1>(y + 2 * stride, count, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 2)));
      if (r + 3 < kRows) store_bytes<1>(y + 3 * stride, count, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 3)));
    }
  }
}

}  // namespace
}  // namespace octet::kernels
