// 8 rows x 32 columns with vpdpwssd, which adds two s16 products to each s32 lane and does not saturate.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/epilogue_avx512.h"
#include "kernels/matmul/matmul.h"

namespace octet::kernels {

void matmul_pairs_avx512vnni(const PairTile& tile) noexcept;

namespace {

/// GCC 12 copies and spills sums around its intrinsic.
inline __m512i dot(__m512i acc, __m512i a, __m512i b) noexcept {
  asm("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
  return acc;
}

template <int kRows>
inline void multiply(const PairTile& t, const FinishAvx512& output) noexcept {
  const std::int16_t* b = t.b;
  __m512i acc[kRows][2];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm512_setzero_si512();
  for (std::int64_t p = 0; p < t.pairs; ++p, b += 2 * kPairColumns) {
    const __m512i b0 = _mm512_loadu_si512(b);
    const __m512i b1 = _mm512_loadu_si512(b + 32);
    // Unrolled, or the sums would live in memory.
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      int pair;
      __builtin_memcpy(&pair, t.a + (r * t.pairs + p) * 2, sizeof(pair));
      const __m512i factor = _mm512_set1_epi32(pair);
      acc[r][0] = dot(acc[r][0], factor, b0);
      acc[r][1] = dot(acc[r][1], factor, b1);
    }
  }
  store_tile(t.epilogue, output, 0, t.out_stride, t.columns, t.epilogue.multiplier, acc);  // the bias is 0
}

}  // namespace

void matmul_pairs_avx512vnni(const PairTile& t) noexcept {
  const FinishAvx512 output = make_finish(t.epilogue.out);
  switch (t.rows) {
    case 1: multiply<1>(t, output); break;
    case 2: multiply<2>(t, output); break;
    case 3: multiply<3>(t, output); break;
    case 4: multiply<4>(t, output); break;
    case 5: multiply<5>(t, output); break;
    case 6: multiply<6>(t, output); break;
    case 7: multiply<7>(t, output); break;
    default: multiply<8>(t, output); break;
  }
}

}  // namespace octet::kernels
