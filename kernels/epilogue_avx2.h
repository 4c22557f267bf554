// The epilogue (epilogue.h), sixteen channels at a time, for AVX2 files. Everything here has internal linkage (u8_avx2.h).
#pragma once

#include "kernels/epilogue.h"
#include "kernels/u8_avx2.h"

namespace octet::kernels {
namespace {

inline __m256 scale(__m256i acc, const float* multiplier) noexcept {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(multiplier));
}

/// A vector of products plus a vector of the other tensor's values, see Residual.
inline __m256 added(const Residual& r, __m256 t, __m256i other) noexcept {
  const __m256i most = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_set1_ps(static_cast<float>(r.own.hi - r.own.zero_point)), t));
  const __m256i q = _mm256_max_epi32(most, _mm256_set1_epi32(r.own.lo - r.own.zero_point));
  const __m256 b = _mm256_cvtepi32_ps(_mm256_sub_epi32(other, _mm256_set1_epi32(r.zero_point)));
  return _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(q), _mm256_set1_ps(r.own_multiplier)), _mm256_mul_ps(b, _mm256_set1_ps(r.multiplier)));
}

/// acc0 and acc1 are sixteen channels with their bias, of which the first `count` exist: to e.y, e.real or e.sums from element
/// `at`. `multiplier` has sixteen entries.
inline void store_sums(const Epilogue& e, const FinishAvx2& finish, std::int64_t at, std::int64_t count, const float* multiplier, __m256i acc0,
                       __m256i acc1) noexcept {
  if (e.sums != nullptr) {
    auto* words = reinterpret_cast<float*>(e.sums + at);  // only moved
    Avx2::store(words, count, _mm256_castsi256_ps(acc0));
    Avx2::store(words + 8, count - 8, _mm256_castsi256_ps(acc1));
    return;
  }
  const __m256 t0 = scale(acc0, multiplier);
  const __m256 t1 = scale(acc1, multiplier + 8);
  if (e.y != nullptr) {
    store_bytes(e.y + at, count, bytes_of(finish, whole(finish, t0), whole(finish, t1)));
    return;
  }
  const __m256 lo = _mm256_set1_ps(e.clamp_min);
  const __m256 hi = _mm256_set1_ps(e.clamp_max);
  // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min, std::max.
  Avx2::store(e.real + at, count, _mm256_min_ps(hi, _mm256_max_ps(lo, t0)));
  Avx2::store(e.real + at + 8, count - 8, _mm256_min_ps(hi, _mm256_max_ps(lo, t1)));
}

/// The same with the epilogue's residual, for sixteen channels that exist.
inline void store_added_sums(const Epilogue& e, const FinishAvx2& finish, std::int64_t at, const float* multiplier, __m256i acc0,
                             __m256i acc1) noexcept {
  __m256i other[2];
  Avx2::load(e.other + at, 16, other);
  const __m256 t0 = added(*e.residual, scale(acc0, multiplier), other[0]);
  const __m256 t1 = added(*e.residual, scale(acc1, multiplier + 8), other[1]);
  store_bytes(e.y + at, 16, bytes_of(finish, whole(finish, t0), whole(finish, t1)));
}

inline __m256i with_bias(__m256i acc, const std::int32_t* bias) noexcept {
  return _mm256_add_epi32(acc, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias)));
}

/// Channels c .. c + 15, of which the first `count` exist, without their bias, to element `at` of the output. bias and
/// multiplier have room for whole sixteens.
inline void store_channels(const Epilogue& e, const FinishAvx2& finish, std::int64_t at, std::int64_t c, std::int64_t count, __m256i acc0,
                           __m256i acc1) noexcept {
  store_sums(e, finish, at, count, e.multiplier + c, with_bias(acc0, e.bias + c), with_bias(acc1, e.bias + c + 8));
}

}  // namespace
}  // namespace octet::kernels
