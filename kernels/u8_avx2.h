// u8 values in AVX2 registers: 16 at a time, as two vectors of eight s32 or f32 lanes. Everything here has internal linkage, so
// that no AVX2 code is emitted under a name that baseline code could be linked with.
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
struct FinishAvx2 {
  __m256 hi;           ///< around the zero-point
  __m256i zero_point;  ///< s16
  __m128i least;       ///< u8
};

inline FinishAvx2 make_finish(const OutputU8& out) noexcept {
  return {_mm256_set1_ps(static_cast<float>(out.hi - out.zero_point)), _mm256_set1_epi16(static_cast<short>(out.zero_point)),
          _mm_set1_epi8(static_cast<char>(out.lo))};
}

/// To whole numbers around 0. cvtps rounds as MXCSR says, which run() has set to nearest even.
inline __m256i whole(const FinishAvx2& f, __m256 t) noexcept { return _mm256_cvtps_epi32(_mm256_min_ps(f.hi, t)); }

/// Two vectors of whole() to sixteen bytes in order.
inline __m128i bytes_of(const FinishAvx2& f, __m256i q0, __m256i q1) noexcept {
  // packs works within 128-bit halves: put the quarters back in order, then narrow once more.
  const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(q0, q1), f.zero_point);
  const __m256i ordered = _mm256_permute4x64_epi64(words, 0xD8);
  return _mm_max_epu8(_mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)), f.least);
}

/// Four vectors of whole() to 32 bytes, in the order in which packing leaves groups of four: those that unpacking made, see
/// depthwise/quad_body.h.
inline __m256i unordered_bytes_of(const FinishAvx2& f, __m256i q0, __m256i q1, __m256i q2, __m256i q3) noexcept {
  const __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(q0, q1), f.zero_point);
  const __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(q2, q3), f.zero_point);
  return _mm256_max_epu8(_mm256_packus_epi16(low, high), _mm256_broadcastsi128_si256(f.least));
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
  auto rest = static_cast<std::uint64_t>(_mm_cvtsi128_si64(bytes));
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

/// The first `count` of 16 bytes; others are 0.
inline __m128i load_bytes(const std::uint8_t* p, std::int64_t count) noexcept {
  if (count >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  if (count >= 8) {
    // Two halves that overlap: the second one's first bytes are shifted out.
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    std::uint64_t high;
    __builtin_memcpy(&high, p + count - 8, 8);
    high = count == 8 ? 0 : high >> static_cast<unsigned>(8 * (16 - count));
    return _mm_insert_epi64(low, static_cast<long long>(high), 1);
  }
  std::uint64_t bytes = 0;
  if (count >= 4) {
    std::uint32_t low;
    std::uint32_t high;
    __builtin_memcpy(&low, p, 4);
    __builtin_memcpy(&high, p + count - 4, 4);
    bytes = low | std::uint64_t{high} << static_cast<unsigned>(8 * (count - 4));
  } else if (count > 0) {
    bytes = p[0] | std::uint64_t{p[count / 2]} << static_cast<unsigned>(8 * (count / 2)) | std::uint64_t{p[count - 1]} << static_cast<unsigned>(8 * (count - 1));
  }
  return _mm_cvtsi64_si128(static_cast<long long>(bytes));
}

/// Vectors of 32 bytes.
struct WideAvx2 {
  using Vector = __m256i;
  static constexpr std::int64_t kCount = 32;

  static Vector load(const std::uint8_t* p, std::int64_t) noexcept { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store(std::uint8_t* p, std::int64_t, Vector v) noexcept { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static Vector max(Vector a, Vector b) noexcept { return _mm256_max_epu8(a, b); }
};

/// The first `count` of 16 bytes.
struct TailAvx2 {
  using Vector = __m128i;
  static constexpr std::int64_t kCount = 16;

  static Vector load(const std::uint8_t* p, std::int64_t count) noexcept { return load_bytes(p, count); }
  static void store(std::uint8_t* p, std::int64_t count, Vector v) noexcept { store_bytes(p, count, v); }
  static Vector max(Vector a, Vector b) noexcept { return _mm_max_epu8(a, b); }
};

/// What the bodies of pointwise kernels need of an instruction set.
struct Avx2 {
  using WideBytes = WideAvx2;
  using TailBytes = TailAvx2;  ///< for what is left
  using Ints = __m256i;
  using Floats = __m256;
  using Finish = FinishAvx2;
  static constexpr int kLanes = 8;
  static constexpr int kVectors = 2;  ///< a chunk

  static Ints ints(std::int32_t v) noexcept { return _mm256_set1_epi32(v); }
  static Floats floats(float v) noexcept { return _mm256_set1_ps(v); }
  static Floats to_floats(Ints v) noexcept { return _mm256_cvtepi32_ps(v); }
  static Ints add(Ints a, Ints b) noexcept { return _mm256_add_epi32(a, b); }
  static Ints sub(Ints a, Ints b) noexcept { return _mm256_sub_epi32(a, b); }
  static Ints mul(Ints a, Ints b) noexcept { return _mm256_mullo_epi32(a, b); }
  /// Of lanes from 0 to 2^15 - 1.
  static Ints square(Ints a) noexcept { return _mm256_madd_epi16(a, a); }
  static Floats add(Floats a, Floats b) noexcept { return _mm256_add_ps(a, b); }
  static Floats mul(Floats a, Floats b) noexcept { return _mm256_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) noexcept { return _mm256_div_ps(a, b); }
  static bool any_nan(Floats a, Floats b) noexcept { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_UNORD_Q)) != 0; }
  /// Whether all are numbers more than 1e-4 away from the middle between two whole ones. (Infinities less themselves are not.)
  static bool far_from_ties(const Floats (&t)[2]) noexcept {
    const auto near = [](Floats v) noexcept {
      const Floats off = _mm256_sub_ps(v, _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
      return _mm256_cmp_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0F), off), _mm256_set1_ps(0.4999F), _CMP_NLE_UQ);
    };
    return _mm256_movemask_ps(_mm256_or_ps(near(t[0]), near(t[1]))) == 0;
  }
  static Finish finish(const OutputU8& out) noexcept { return make_finish(out); }

  /// The first `count` of a chunk; others are 0.
  static void load(const std::uint8_t* p, std::int64_t count, Ints (&q)[2]) noexcept {
    const __m128i bytes = load_bytes(p, count);
    q[0] = _mm256_cvtepu8_epi32(bytes);
    q[1] = _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8));
  }
  static __m256i first(std::int64_t count) noexcept {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count < 8 ? count : 8)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  /// The first `count` of one vector; others are 0.
  static Floats load(const float* p, std::int64_t count) noexcept {
    return count >= 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, first(count < 0 ? 0 : count));
  }
  static void store(float* p, std::int64_t count, Floats v) noexcept {
    if (count >= 8) {
      _mm256_storeu_ps(p, v);
    } else if (count > 0) {
      _mm256_maskstore_ps(p, first(count), v);
    }
  }
  /// finish_u8 of the first `count` of a chunk.
  static void store(std::uint8_t* p, std::int64_t count, const Finish& f, const Floats (&t)[2]) noexcept {
    store_bytes(p, count, bytes_of(f, whole(f, t[0]), whole(f, t[1])));
  }
};

}  // namespace
}  // namespace octet::kernels
