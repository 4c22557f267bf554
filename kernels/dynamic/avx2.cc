// Rows, eight values at a time.
// No header's inline function may be instantiated here: it would be AVX2 code under a baseline name.
#include <immintrin.h>

#include "kernels/dynamic/dynamic.h"

namespace octet::kernels {

bool find_range_f32_avx2(const float* x, std::int64_t n, float* lo, float* hi) noexcept;
void quantize_row_avx2(const float* x, std::int64_t n, const RowParameters& row, std::uint8_t* q) noexcept;
void finish_row_avx2(const RowEpilogue& epilogue, const RowParameters& row, const std::int32_t* sums, std::int64_t pixels, float* y) noexcept;

namespace {

constexpr std::int64_t kLanes = 8;

/// All ones in the first n lanes, 0 <= n <= 8.
inline __m256i first_lanes(std::int64_t n) noexcept {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

struct RangeAvx2 {
  __m256 lo = _mm256_setzero_ps();
  __m256 hi = _mm256_setzero_ps();
  __m256 bad = _mm256_setzero_ps();

  void add(__m256 v) noexcept {
    const __m256 most = _mm256_set1_ps(3.40282347e+38F);
    lo = _mm256_min_ps(lo, v);
    hi = _mm256_max_ps(hi, v);
    const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), v);
    bad = _mm256_or_ps(bad, _mm256_cmp_ps(magnitude, most, _CMP_NLE_UQ));
  }
};

struct QuantizeAvx2 {
  __m256 scale, lo, hi;
  __m256i zero_point;

  explicit QuantizeAvx2(const RowParameters& row) noexcept
      : scale(_mm256_set1_ps(row.scale)),
        lo(_mm256_set1_ps(static_cast<float>(-row.zero_point))),
        hi(_mm256_set1_ps(static_cast<float>(255 - row.zero_point))),
        zero_point(_mm256_set1_epi32(row.zero_point)) {}

  /// cvtps2dq rounds as MXCSR says, which run() has set to nearest even.
  __m256i operator()(__m256 x) const noexcept {
    const __m256 t = _mm256_min_ps(hi, _mm256_max_ps(lo, _mm256_div_ps(x, scale)));
    return _mm256_add_epi32(_mm256_cvtps_epi32(t), zero_point);
  }
};

/// Values in [0, 255] of a and b, in order; neither pack saturates.
inline __m128i narrow(__m256i a, __m256i b) noexcept {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

/// Eight channels of every pixel, of which those of `mask` exist.
struct FinishAvx2 {
  __m256i offset, mask;
  __m256 scale, bias, lo, hi;

  FinishAvx2(const RowEpilogue& e, const RowParameters& row, std::int64_t c) noexcept
      : mask(first_lanes(e.channels - c < kLanes ? e.channels - c : kLanes)) {
    offset = _mm256_mullo_epi32(_mm256_set1_epi32(row.zero_point), _mm256_maskload_epi32(e.weight_sums + c, mask));
    scale = _mm256_mul_ps(_mm256_set1_ps(row.scale), _mm256_maskload_ps(e.scales + c, mask));
    bias = _mm256_maskload_ps(e.bias + c, mask);
    lo = _mm256_set1_ps(e.clamp_min);
    hi = _mm256_set1_ps(e.clamp_max);
  }

  __m256 operator()(__m256i sum) const noexcept {
    const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(sum, offset)), scale);
    // In this order: the second operand is the result where both are equal, as 0 and -0 are, or one is NaN.
    return _mm256_min_ps(hi, _mm256_max_ps(lo, _mm256_add_ps(product, bias)));
  }
};

}  // namespace

bool find_range_f32_avx2(const float* x, std::int64_t n, float* lo, float* hi) noexcept {
  RangeAvx2 even;
  RangeAvx2 odd;
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    even.add(_mm256_loadu_ps(x + i));
    odd.add(_mm256_loadu_ps(x + i + kLanes));
  }
  for (; i < n; i += kLanes) even.add(_mm256_maskload_ps(x + i, first_lanes(n - i < kLanes ? n - i : kLanes)));
  float least[kLanes];
  float most[kLanes];
  _mm256_storeu_ps(least, _mm256_min_ps(even.lo, odd.lo));
  _mm256_storeu_ps(most, _mm256_max_ps(even.hi, odd.hi));
  *lo = *hi = 0;
  for (int k = 0; k < kLanes; ++k) {
    if (least[k] < *lo) *lo = least[k];
    if (most[k] > *hi) *hi = most[k];
  }
  return _mm256_movemask_ps(_mm256_or_ps(even.bad, odd.bad)) == 0;
}

void quantize_row_avx2(const float* x, std::int64_t n, const RowParameters& row, std::uint8_t* q) noexcept {
  const QuantizeAvx2 quantized(row);
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i), narrow(quantized(_mm256_loadu_ps(x + i)), quantized(_mm256_loadu_ps(x + i + kLanes))));
  if (i == n) return;
  const std::int64_t left = n - i;
  const __m256i first = first_lanes(left < kLanes ? left : kLanes);
  const __m256i second = first_lanes(left < kLanes ? 0 : left - kLanes);
  alignas(16) std::uint8_t bytes[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(bytes),
                  narrow(quantized(_mm256_maskload_ps(x + i, first)), quantized(_mm256_maskload_ps(x + i + kLanes, second))));
  __builtin_memcpy(q + i, bytes, static_cast<unsigned long>(left));
}

void finish_row_avx2(const RowEpilogue& e, const RowParameters& row, const std::int32_t* sums, std::int64_t pixels, float* y) noexcept {
  for (std::int64_t c = 0; c < e.channels; c += kLanes) {
    const FinishAvx2 finish(e, row, c);
    if (e.channels - c >= kLanes) {
      for (std::int64_t i = c; i < pixels * e.channels; i += e.channels)
        _mm256_storeu_ps(y + i, finish(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + i))));
    } else {
      for (std::int64_t i = c; i < pixels * e.channels; i += e.channels)
        _mm256_maskstore_ps(y + i, finish.mask, finish(_mm256_maskload_epi32(sums + i, finish.mask)));
    }
  }
}

}  // namespace octet::kernels
