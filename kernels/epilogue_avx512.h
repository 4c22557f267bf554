// The epilogue (epilogue.h), up to 64 channels at a time, for AVX-512 files. Everything here has internal linkage (u8_avx512.h).
#pragma once

#include "kernels/epilogue.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {
namespace {

inline __m512 scale(__m512i acc, const float* multiplier) noexcept { return _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(multiplier)); }

/// What is rare, of kVectors vectors of channels, of which the first `count` exist, to element `at`: f32 results, the sums as they
/// are, or u8 where multipliers may be large.
template <int kVectors>
[[gnu::noinline]] void store_wide(const Epilogue& e, std::int64_t at, std::int64_t count, const float* multiplier, const __m512i* acc) noexcept {
  const __m512 lo = _mm512_set1_ps(e.clamp_min);
  const __m512 hi = _mm512_set1_ps(e.clamp_max);
  const FinishAvx512 finish = make_finish(e.out);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    if (e.y != nullptr) {
      if (count <= 16 * v) return;
      const __m512i q = whole(finish, scale(acc[v], multiplier + 16 * v));
      store_bytes<1>(e.y + at + 16 * v, count - 16 * v, bytes_of(finish, q, q, q, q));
      continue;
    }
    if (e.sums != nullptr) {
      Avx512::store(reinterpret_cast<float*>(e.sums + at + 16 * v), count - 16 * v, _mm512_castsi512_ps(acc[v]));  // only moved
      continue;
    }
    // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min, std::max.
    const __m512 clamped = _mm512_min_ps(hi, _mm512_max_ps(lo, scale(acc[v], multiplier + 16 * v)));
    Avx512::store(e.real + at + 16 * v, count - 16 * v, clamped);
  }
}

/// unordered_bytes_within, in order.
inline __m512i bytes_within(const FinishAvx512& f, __m512i q0, __m512i q1, __m512i q2, __m512i q3) noexcept {
  return _mm512_permutexvar_epi32(f.order, unordered_bytes_within(f, q0, q1, q2, q3));
}

/// What store_pixels packs: pixel `row` of a tile's sums, or the last one, vector `v`, scaled and rounded.
struct Rounded {
  const float* multiplier;

  template <int row, int v, int kRows, int kVectors>
  [[gnu::always_inline]] __m512i vector(const __m512i (&acc)[kRows][kVectors]) const noexcept {
    return _mm512_cvtps_epi32(scale(acc[row < kRows ? row : kRows - 1][v], multiplier + 16 * v));
  }
};

/// The constants of a Residual in registers.
struct ResidualAvx512 {
  __m512i least, most;  ///< around the product's own zero-point
  __m512 own_multiplier;
  __m512i zero_point;
  __m512 multiplier;
};

inline ResidualAvx512 make_residual(const Residual& r) noexcept {
  return {_mm512_set1_epi32(r.own.lo - r.own.zero_point), _mm512_set1_epi32(r.own.hi - r.own.zero_point), _mm512_set1_ps(r.own_multiplier),
          _mm512_set1_epi32(r.zero_point), _mm512_set1_ps(r.multiplier)};
}

/// The same with the other tensor added, of pixels of whole vectors: `other` is its value of the first pixel's first channel.
struct Added {
  Rounded own;
  ResidualAvx512 residual;
  const std::uint8_t* other;
  std::int64_t stride;

  template <int row, int v, int kRows, int kVectors>
  [[gnu::always_inline]] __m512i vector(const __m512i (&acc)[kRows][kVectors]) const noexcept {
    const ResidualAvx512& r = residual;
    const __m512i q = _mm512_min_epi32(_mm512_max_epi32(own.vector<row, v>(acc), r.least), r.most);
    const auto* channels = reinterpret_cast<const __m128i*>(other + (row < kRows ? row : kRows - 1) * stride + 16 * v);
    const __m512i b = _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_loadu_si128(channels)), r.zero_point);
    return _mm512_cvtps_epi32(
        _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(q), r.own_multiplier), _mm512_mul_ps(_mm512_cvtepi32_ps(b), r.multiplier)));
  }
};

/// kRows output pixels, the first at element `at`, from one to the next `stride` elements: acc[r][v], v < kVectors, are channels
/// 16 v .. 16 v + 15 with their bias, of which the first `count` exist, to e.y. `packed` is a Rounded or an Added. Packing four vectors
/// costs no more than packing one, so narrow pixels are packed together.
///
/// The pixels from `row` on: a recursion instead of a loop, because GCC 12 keeps the sums in memory where their indices are not
/// constants from the start.
template <int row = 0, class Packed, int kRows, int kVectors>
[[gnu::always_inline]] inline void store_pixels(const Epilogue& e, const FinishAvx512& finish, std::int64_t at, std::int64_t stride,
                                                std::int64_t count, const Packed& packed, const __m512i (&acc)[kRows][kVectors]) noexcept {
  static_assert(kVectors >= 1 && kVectors <= 4);
  constexpr int kTogether = kVectors == 1 ? 4 : kVectors == 2 ? 2 : 1;
  std::uint8_t* y = e.y + at + row * stride;
  if constexpr (kVectors == 1) {
    const __m512i bytes = bytes_within(finish, packed.template vector<row, 0>(acc), packed.template vector<row + 1, 0>(acc),
                                   packed.template vector<row + 2, 0>(acc), packed.template vector<row + 3, 0>(acc));
    store_bytes<1>(y, count, bytes);
    if constexpr (row + 1 < kRows) store_bytes<1>(y + stride, count, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 1)));
    if constexpr (row + 2 < kRows) store_bytes<1>(y + 2 * stride, count, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 2)));
    if constexpr (row + 3 < kRows) store_bytes<1>(y + 3 * stride, count, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 3)));
  } else if constexpr (kVectors == 2) {
    const __m512i bytes = bytes_within(finish, packed.template vector<row, 0>(acc), packed.template vector<row, 1>(acc),
                                   packed.template vector<row + 1, 0>(acc), packed.template vector<row + 1, 1>(acc));
    store_bytes<2>(y, count, bytes);
    if constexpr (row + 1 < kRows) store_bytes<2>(y + stride, count, _mm512_castsi256_si512(_mm512_extracti64x4_epi64(bytes, 1)));
  } else {
    const __m512i q2 = packed.template vector<row, 2>(acc);
    __m512i q3 = q2;
    if constexpr (kVectors == 4) q3 = packed.template vector<row, 3>(acc);
    store_bytes<kVectors>(y, count, bytes_within(finish, packed.template vector<row, 0>(acc), packed.template vector<row, 1>(acc), q2, q3));
  }
  if constexpr (row + kTogether < kRows) store_pixels<row + kTogether>(e, finish, at, stride, count, packed, acc);
}

/// The same where the output is wide, or multipliers large.
template <int row = 0, int kRows, int kVectors>
[[gnu::always_inline]] inline void store_wide_pixels(const Epilogue& e, std::int64_t at, std::int64_t stride, std::int64_t count,
                                                     const float* multiplier, const __m512i (&acc)[kRows][kVectors]) noexcept {
  __m512i sums[kVectors];  // a copy, or all of acc would live in memory because a function is given its address
  sums[0] = acc[row][0];
  if constexpr (kVectors > 1) sums[1] = acc[row][1];
  if constexpr (kVectors > 2) sums[2] = acc[row][2];
  if constexpr (kVectors > 3) sums[3] = acc[row][3];
  store_wide<kVectors>(e, at + row * stride, count, multiplier, sums);
  if constexpr (row + 1 < kRows) store_wide_pixels<row + 1>(e, at, stride, count, multiplier, acc);
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void store_tile(const Epilogue& e, const FinishAvx512& finish, std::int64_t at, std::int64_t stride,
                                              std::int64_t count, const float* multiplier, const __m512i (&acc)[kRows][kVectors]) noexcept {
  if (e.y != nullptr && e.below_one) {
    store_pixels(e, finish, at, stride, count, Rounded{multiplier}, acc);
  } else {
    store_wide_pixels(e, at, stride, count, multiplier, acc);
  }
}

}  // namespace
}  // namespace octet::kernels
