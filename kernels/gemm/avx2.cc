// 4 rows x 16 channels: each step multiplies a broadcast pair of activations with 16 channels' pairs of weights.
// No header's inline function may be instantiated here: it would be AVX2 code under a baseline name.
#include "kernels/epilogue_avx2.h"
#include "kernels/gemm/tile.h"

namespace octet::kernels {

void gemm_tile_u8s8_avx2(const GemmTile& tile) noexcept;

namespace {

template <int kRows>
inline void run_rows(const GemmTile& tile) noexcept {
  const FinishAvx2 output = make_finish(tile.epilogue.out);
  const std::int64_t pairs = depth_pairs(tile.depth);
  const std::int8_t* w = tile.weights;
  for (std::int64_t c = 0; c < tile.channels; c += kTileChannels) {
    __m256i acc[kRows][2];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_si256();
    for (std::int64_t p = 0; p < pairs; ++p, w += 2 * kTileChannels) {
      const __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
      const __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 16)));
      // Unrolled, or the sums would live in memory.
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        int pair;
        __builtin_memcpy(&pair, tile.a + r * tile.stride + 2 * p, sizeof(pair));
        const __m256i a = _mm256_set1_epi32(pair);
        acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(a, w0));
        acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(a, w1));
      }
    }
    const std::int64_t count = tile.channels - c < kTileChannels ? tile.channels - c : kTileChannels;
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) store_channels(tile.epilogue, output, r * tile.out_stride + c, c, count, acc[r][0], acc[r][1]);
  }
}

}  // namespace

void gemm_tile_u8s8_avx2(const GemmTile& tile) noexcept {
  switch (tile.rows) {
    case 1: run_rows<1>(tile); break;
    case 2: run_rows<2>(tile); break;
    case 3: run_rows<3>(tile); break;
    default: run_rows<4>(tile); break;
  }
}

}  // namespace octet::kernels
