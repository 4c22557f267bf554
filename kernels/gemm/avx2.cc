// 4 rows x 16 channels: each step multiplies a broadcast pair of activations with 16 channels' pairs of weights.
// No header's inline function may be instantiated here: it would be AVX2 code under a baseline name.
#include "kernels/epilogue_avx2.h"
#include "kernels/gemm/quad_body.h"
#include "kernels/gemm/tile.h"

namespace octet::kernels {

void gemm_tile_u8s8_avx2(const GemmTile& tile) noexcept;
void quad_tile_u8s8_avx2(const QuadTile& tile) noexcept;

namespace {

/// acc + a . w, pair by pair. GCC 12 keeps one of eight sums in memory around the intrinsics, which takes a Zen 4 twice the time.
[[gnu::always_inline]] inline __m256i dot(__m256i acc, __m256i a, __m256i w) noexcept {
  __m256i products;
  asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(acc), "=&x"(products) : "x"(a), "xm"(w));
  return acc;
}

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
        acc[r][0] = dot(acc[r][0], a, w0);
        acc[r][1] = dot(acc[r][1], a, w1);
      }
    }
    const std::int64_t count = tile.channels - c < kTileChannels ? tile.channels - c : kTileChannels;
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) store_channels(tile.epilogue, output, r * tile.out_stride + c, c, count, acc[r][0], acc[r][1]);
  }
}

/// Quads are taken apart into s16: bytes 0 and 2, bytes 1 and 3.
struct QuadAvx2 {
  using Ints = __m256i;
  using Output = FinishAvx2;
  struct Weights {
    const std::int8_t* at;  // read where they are used: they would take four of sixteen registers
  };
  struct Quad {
    __m256i even, odd;
  };
  static constexpr int kLanes = 8;
  static constexpr int kWeightBytes = 8;

  static Ints load(const void* p) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static Ints zero() noexcept { return _mm256_setzero_si256(); }
  static Ints ints(const std::int32_t* p) noexcept { return load(p); }
  static Weights weights(const std::int8_t* p) noexcept { return {p}; }
  static Ints add(Ints a, Ints b) noexcept { return _mm256_add_epi32(a, b); }
  static Ints most(Ints a, Ints b) noexcept { return _mm256_max_epi32(a, b); }
  static Quad quad(const std::uint8_t* p) noexcept {
    int bytes;
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    const __m256i x = _mm256_set1_epi32(bytes);
    return {_mm256_and_si256(x, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(x, 8)};
  }
  static Ints dot(Ints acc, const Quad& x, const Weights& w) noexcept {
    return octet::kernels::dot(octet::kernels::dot(acc, x.even, load(w.at)), x.odd, load(w.at + 32));
  }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  template <Ending kEnding, int kRows, int kVectors>
  static void store(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t stride, std::int64_t count, const float* multiplier,
                    const Ints (&acc)[kRows][kVectors]) noexcept {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      if constexpr (kEnding == Ending::added) {
        store_added_sums(e, o, at + r * stride, multiplier, acc[r][0], acc[r][kVectors - 1]);
      } else {
        store_sums(e, o, at + r * stride, count, multiplier, acc[r][0], acc[r][kVectors - 1]);
      }
    }
  }
};

}  // namespace

/// 4 x 16, read in place; gemm_tile_u8s8_avx2 needs rows widened beforehand.
void quad_tile_u8s8_avx2(const QuadTile& tile) noexcept {
  if (tile.vectors == 1) {
    quad_block<QuadAvx2, 4, 1>(tile);
  } else {
    quad_block<QuadAvx2, 4, 2>(tile);
  }
}

void gemm_tile_u8s8_avx2(const GemmTile& tile) noexcept {
  switch (tile.rows) {
    case 1: run_rows<1>(tile); break;
    case 2: run_rows<2>(tile); break;
    case 3: run_rows<3>(tile); break;
    default: run_rows<4>(tile); break;
  }
}

}  // namespace octet::kernels
