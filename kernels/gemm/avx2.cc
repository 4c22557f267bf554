// 4 rows x 16 channels: each step multiplies a broadcast pair of activations with 16 channels' pairs of weights.
// No header's inline function may be instantiated here: it would be AVX2 code under a baseline name.
#include <immintrin.h>

#include "kernels/gemm/tile.h"

namespace octet::kernels {

void gemm_tile_u8s8_avx2(const GemmTile& tile) noexcept;

namespace {

struct Output {
  __m256 lo, hi;
  __m256i zero_point;
};

/// Eight accumulators without bias to eight results: real values, or whole numbers in [0, 255].
inline __m256 scale(__m256i acc, const std::int32_t* bias, const float* multiplier, const Output& out) noexcept {
  const __m256i sum = _mm256_add_epi32(acc, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias)));
  const __m256 t = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(multiplier));
  return _mm256_min_ps(_mm256_max_ps(t, out.lo), out.hi);
}

/// Rounds to nearest even, as MXCSR says in run().
inline __m256i whole(__m256 t, const Output& out) noexcept { return _mm256_add_epi32(_mm256_cvtps_epi32(t), out.zero_point); }

/// Sixteen results of one row; `count` of them exist.
inline void store_row(const GemmTile& tile, std::int64_t row, std::int64_t channel, __m256i acc0, __m256i acc1, const Output& out,
                      std::int64_t count) noexcept {
  const std::int32_t* bias = tile.packed->bias.data() + channel;
  const float* multiplier = tile.packed->multiplier.data() + channel;
  const __m256 t0 = scale(acc0, bias, multiplier, out);
  const __m256 t1 = scale(acc1, bias + 8, multiplier + 8, out);
  const std::int64_t at = row * tile.out_stride + channel;
  if (tile.y == nullptr) {
    alignas(32) float values[16];
    _mm256_store_ps(values, t0);
    _mm256_store_ps(values + 8, t1);
    __builtin_memcpy(tile.real + at, values, static_cast<unsigned long>(count) * sizeof(float));
    return;
  }
  // packs works within 128-bit halves: put the quarters back in order, then narrow once more.
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(whole(t0, out), whole(t1, out)), 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  if (count == kTileChannels) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(tile.y + at), bytes);
    return;
  }
  alignas(16) std::uint8_t values[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(values), bytes);
  __builtin_memcpy(tile.y + at, values, static_cast<unsigned long>(count));
}

template <int kRows>
inline void run_rows(const GemmTile& tile, const Output& out) noexcept {
  const std::int64_t pairs = (tile.packed->depth + 1) / 2;
  const std::int8_t* w = tile.packed->weights.data();
  const std::int64_t channels = tile.packed->channels;
  for (std::int64_t c = 0; c < channels; c += kTileChannels) {
    __m256i acc[kRows][2];
    for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_si256();
    for (std::int64_t p = 0; p < pairs; ++p, w += 2 * kTileChannels) {
      const __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
      const __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 16)));
      for (int r = 0; r < kRows; ++r) {
        int pair;
        __builtin_memcpy(&pair, tile.a + r * tile.stride + 2 * p, sizeof(pair));
        const __m256i a = _mm256_set1_epi32(pair);
        acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(a, w0));
        acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(a, w1));
      }
    }
    const std::int64_t count = channels - c < kTileChannels ? channels - c : kTileChannels;
    for (int r = 0; r < kRows; ++r) store_row(tile, r, c, acc[r][0], acc[r][1], out, count);
  }
}

}  // namespace

void gemm_tile_u8s8_avx2(const GemmTile& tile) noexcept {
  Output out{_mm256_set1_ps(tile.clamp_min), _mm256_set1_ps(tile.clamp_max), _mm256_setzero_si256()};
  if (tile.y != nullptr) {
    out.lo = _mm256_set1_ps(static_cast<float>(tile.out.lo - tile.out.zero_point));
    out.hi = _mm256_set1_ps(static_cast<float>(tile.out.hi - tile.out.zero_point));
    out.zero_point = _mm256_set1_epi32(tile.out.zero_point);
  }
  switch (tile.rows) {
    case 1: run_rows<1>(tile, out); break;
    case 2: run_rows<2>(tile, out); break;
    case 3: run_rows<3>(tile, out); break;
    default: run_rows<4>(tile, out); break;
  }
}

}  // namespace octet::kernels
