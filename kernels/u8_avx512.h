// u8 values in AVX-512 registers: 64 at a time, as four vectors of sixteen s32 or f32 lanes. Everything here has internal
// linkage, so that no AVX-512 code is emitted under a name that baseline code could be linked with.
#pragma once

#include <immintrin.h>

#include "kernels/quant_math.h"

namespace octet::kernels {
namespace {

/// The constants of finish_u8 in registers.
///
/// t is bounded above by hi - z, so that its conversion to s32 cannot overflow upwards; downwards it gives the lowest s32, which
/// saturates to the lowest s16, and with z added to at most 0 as u8. So the lower bound can wait until the results are bytes:
/// the order of rounding and clamping makes no difference, because the bounds are whole.
struct FinishAvx512 {
  __m512 hi;           ///< around the zero-point
  __m512i zero_point;  ///< s16
  __m512i least, most;  ///< u8
  __m512i order;       ///< undoes the order in which packing within 128-bit lanes leaves groups of four values
};

inline FinishAvx512 make_finish(const OutputU8& out) noexcept {
  return {_mm512_set1_ps(static_cast<float>(out.hi - out.zero_point)), _mm512_set1_epi16(static_cast<short>(out.zero_point)),
          _mm512_set1_epi8(static_cast<char>(out.lo)), _mm512_set1_epi8(static_cast<char>(out.hi)), _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)};
}

/// To whole numbers around 0. cvtps rounds as MXCSR says, which run() has set to nearest even. min gives its second operand
/// where both are equal, as std::min does; the sign of a 0 is lost here anyway.
inline __m512i whole(const FinishAvx512& f, __m512 t) noexcept { return _mm512_cvtps_epi32(_mm512_min_ps(f.hi, t)); }

/// Four vectors of whole() to 64 bytes, in the order in which packing leaves groups of four.
inline __m512i unordered_bytes_of(const FinishAvx512& f, __m512i q0, __m512i q1, __m512i q2, __m512i q3) noexcept {
  const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(q0, q1), f.zero_point);
  const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(q2, q3), f.zero_point);
  return _mm512_max_epu8(_mm512_packus_epi16(low, high), f.least);
}

/// unordered_bytes_of for values that were not bounded above because none is beyond s32: the upper bound can wait, too.
inline __m512i unordered_bytes_within(const FinishAvx512& f, __m512i q0, __m512i q1, __m512i q2, __m512i q3) noexcept {
  return _mm512_min_epu8(unordered_bytes_of(f, q0, q1, q2, q3), f.most);
}

/// Four vectors of whole() to 64 bytes in order.
inline __m512i bytes_of(const FinishAvx512& f, __m512i q0, __m512i q1, __m512i q2, __m512i q3) noexcept {
  return _mm512_permutexvar_epi32(f.order, unordered_bytes_of(f, q0, q1, q2, q3));
}

/// The first `count` of 64 bytes; others are 0.
inline __m512i load_bytes(const std::uint8_t* p, std::int64_t count) noexcept {
  return count >= 64 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8((__mmask64{1} << count) - 1, p);
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

/// Vectors of 64 bytes, or the first `count` of them.
struct BytesAvx512 {
  using Vector = __m512i;
  static constexpr std::int64_t kCount = 64;

  static Vector load(const std::uint8_t* p, std::int64_t count) noexcept { return load_bytes(p, count); }
  static void store(std::uint8_t* p, std::int64_t count, Vector v) noexcept { store_bytes<4>(p, count, v); }
  static Vector max(Vector a, Vector b) noexcept { return _mm512_max_epu8(a, b); }
};

/// What the bodies of pointwise kernels need of an instruction set.
struct Avx512 {
  using WideBytes = BytesAvx512;
  using TailBytes = BytesAvx512;  ///< for what is left
  using Ints = __m512i;
  using Floats = __m512;
  using Finish = FinishAvx512;
  static constexpr int kLanes = 16;
  static constexpr int kVectors = 4;  ///< a chunk

  static Ints ints(std::int32_t v) noexcept { return _mm512_set1_epi32(v); }
  static Floats floats(float v) noexcept { return _mm512_set1_ps(v); }
  static Floats to_floats(Ints v) noexcept { return _mm512_cvtepi32_ps(v); }
  static Ints add(Ints a, Ints b) noexcept { return _mm512_add_epi32(a, b); }
  static Ints sub(Ints a, Ints b) noexcept { return _mm512_sub_epi32(a, b); }
  static Ints mul(Ints a, Ints b) noexcept { return _mm512_mullo_epi32(a, b); }
  /// Of lanes from 0 to 2^15 - 1.
  static Ints square(Ints a) noexcept { return _mm512_madd_epi16(a, a); }
  static Floats add(Floats a, Floats b) noexcept { return _mm512_add_ps(a, b); }
  static Floats mul(Floats a, Floats b) noexcept { return _mm512_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) noexcept { return _mm512_div_ps(a, b); }
  static bool any_nan(Floats a, Floats b) noexcept { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q) != 0; }
  /// Whether all are numbers more than 1e-4 away from the middle between two whole ones. Bits of positive floats are in the order of
  /// what they mean, NaNs last.
  static bool far_from_ties(const Floats (&t)[4]) noexcept {
    const auto off = [](Floats v) noexcept {
      return _mm512_and_si512(_mm512_castps_si512(_mm512_reduce_ps(v, _MM_FROUND_TO_NEAREST_INT)), _mm512_set1_epi32(0x7FFFFFFF));
    };
    const Ints most = _mm512_max_epu32(_mm512_max_epu32(off(t[0]), off(t[1])), _mm512_max_epu32(off(t[2]), off(t[3])));
    return _mm512_cmpgt_epu32_mask(most, _mm512_castps_si512(_mm512_set1_ps(0.4999F))) == 0;
  }
  static Finish finish(const OutputU8& out) noexcept { return make_finish(out); }

  /// The first `count` of a chunk; others are 0.
  static void load(const std::uint8_t* p, std::int64_t count, Ints (&q)[4]) noexcept {
    if (count >= 64) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) q[v] = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * v)));
      return;
    }
    const __m512i bytes = load_bytes(p, count);
    q[0] = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(bytes));
    q[1] = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bytes, 1));
    q[2] = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bytes, 2));
    q[3] = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bytes, 3));
  }
  static __mmask16 first(std::int64_t count) noexcept {
    return static_cast<__mmask16>(count >= 16 ? 0xFFFFU : count <= 0 ? 0U : (1U << count) - 1);
  }
  /// The first `count` of one vector; others are 0.
  static Floats load(const float* p, std::int64_t count) noexcept {
    return count >= kLanes ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(first(count), p);
  }
  static void store(float* p, std::int64_t count, Floats v) noexcept { _mm512_mask_storeu_ps(p, first(count), v); }
  /// finish_u8 of the first `count` of a chunk.
  static void store(std::uint8_t* p, std::int64_t count, const Finish& f, const Floats (&t)[4]) noexcept {
    store_bytes<4>(p, count, bytes_of(f, whole(f, t[0]), whole(f, t[1]), whole(f, t[2]), whole(f, t[3])));
  }
};

}  // namespace
}  // namespace octet::kernels
