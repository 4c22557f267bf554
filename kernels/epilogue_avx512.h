// The epilogue (epilogue.h), up to 64 channels at a time, for AVX-512 files. Everything here has internal linkage (u8_avx512.h).
#pragma once

#include "kernels/epilogue.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {
namespace {

struct OutputAvx512 {
  FinishAvx512 u8;
  __m512 lo, hi;  ///< f32
};

inline OutputAvx512 make_output(const Epilogue& e) noexcept {
  return {make_finish(e.out), _mm512_set1_ps(e.clamp_min), _mm512_set1_ps(e.clamp_max)};
}

inline __m512 scale(__m512i acc, const float* multiplier) noexcept { return _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(multiplier)); }

/// acc[v], v < kVectors, are channels 16 v .. 16 v + 15 with their bias, of which the first `count` exist: to e.y, e.real
/// or e.sums from element `at`. `multiplier` has 16 kVectors entries.
template <int kVectors>
inline void store_channels(const Epilogue& e, const OutputAvx512& o, std::int64_t at, std::int64_t count, const float* multiplier,
                           const __m512i* acc) noexcept {
  static_assert(kVectors >= 1 && kVectors <= 4);
  if (e.y != nullptr) {
    const __m512i q0 = whole(o.u8, scale(acc[0], multiplier));
    const __m512i q1 = kVectors > 1 ? whole(o.u8, scale(acc[kVectors > 1 ? 1 : 0], multiplier + 16)) : q0;
    const __m512i q2 = kVectors > 2 ? whole(o.u8, scale(acc[kVectors > 2 ? 2 : 0], multiplier + 32)) : q0;
    const __m512i q3 = kVectors > 3 ? whole(o.u8, scale(acc[kVectors > 3 ? 3 : 0], multiplier + 48)) : q1;
    store_bytes<kVectors>(e.y + at, count, bytes_of(o.u8, q0, q1, q2, q3));
    return;
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    if (e.sums != nullptr) {
      Avx512::store(reinterpret_cast<float*>(e.sums + at + 16 * v), count - 16 * v, _mm512_castsi512_ps(acc[v]));  // only moved
      continue;
    }
    // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min, std::max.
    const __m512 clamped = _mm512_min_ps(o.hi, _mm512_max_ps(o.lo, scale(acc[v], multiplier + 16 * v)));
    Avx512::store(e.real + at + 16 * v, count - 16 * v, clamped);
  }
}

}  // namespace
}  // namespace octet::kernels
