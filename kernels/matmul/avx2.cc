// 4 rows x 16 columns: each step multiplies a broadcast pair of a with 16 columns' pairs of b or, in f32, a value with 16.
// No header's inline function may be instantiated here: it would be AVX2 code under a baseline name.
#include "kernels/epilogue_avx2.h"
#include "kernels/matmul/pairs.h"

namespace octet::kernels {

void matmul_pairs_avx2(const PairTile& tile) noexcept;

namespace {

constexpr std::int64_t kColumns = 16;

inline __m256i load(const std::int16_t* p) noexcept { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

/// Columns c .. c + 15 of rows first .. first + kRows - 1.
template <int kRows>
inline void multiply(const PairTile& t, const FinishAvx2& output, std::int64_t first, std::int64_t c) noexcept {
  const std::int16_t* a = t.a + first * 2 * t.pairs;
  const std::int16_t* b = t.b + 2 * c;
  __m256i acc[kRows][2];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_si256();
  for (std::int64_t p = 0; p < t.pairs; ++p, b += 2 * kMatMulColumns) {
    const __m256i b0 = load(b);
    const __m256i b1 = load(b + 16);
    // Unrolled, or the sums would live in memory.
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      int pair;
      __builtin_memcpy(&pair, a + (r * t.pairs + p) * 2, sizeof(pair));
      const __m256i factor = _mm256_set1_epi32(pair);
      acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(factor, b0));
      acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(factor, b1));
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r)
    store_channels(t.epilogue, output, (first + r) * t.out_stride + c, c, t.columns - c < kColumns ? t.columns - c : kColumns, acc[r][0], acc[r][1]);
}

/// Columns c .. c + 15 of kRows rows in f32.
template <int kRows>
inline void multiply_f32(const MatMulF32& p, const float* a, const float* b, std::int64_t c, float* y) noexcept {
  const std::int64_t n = p.shape.columns;
  const std::int64_t depth = p.shape.depth;
  const std::int64_t count = n - c < kColumns ? n - c : kColumns;
  __m256 acc[kRows][2];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm256_setzero_ps();
  const auto add = [&](std::int64_t k, __m256 b0, __m256 b1) noexcept {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256 factor = _mm256_broadcast_ss(a + r * depth + k);
      acc[r][0] = _mm256_add_ps(acc[r][0], _mm256_mul_ps(factor, b0));
      acc[r][1] = _mm256_add_ps(acc[r][1], _mm256_mul_ps(factor, b1));
    }
  };
  b += c;
  if (count == kColumns) {
    for (std::int64_t k = 0; k < depth; ++k, b += n) add(k, _mm256_loadu_ps(b), _mm256_loadu_ps(b + 8));
  } else {
    for (std::int64_t k = 0; k < depth; ++k, b += n) add(k, Avx2::load(b, count), Avx2::load(b + 8, count - 8));
  }
  const __m256 scale = _mm256_set1_ps(p.scale);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    Avx2::store(y + r * n + c, count, _mm256_mul_ps(acc[r][0], scale));
    Avx2::store(y + r * n + c + 8, count - 8, _mm256_mul_ps(acc[r][1], scale));
  }
}

}  // namespace

void matmul_rows_f32_avx2(const MatMulF32& p, const float* a, const float* b, std::int64_t rows, float* y) noexcept {
  for (std::int64_t c = 0; c < p.shape.columns; c += kColumns) {
    switch (rows) {
      case 1: multiply_f32<1>(p, a, b, c, y); break;
      case 2: multiply_f32<2>(p, a, b, c, y); break;
      case 3: multiply_f32<3>(p, a, b, c, y); break;
      default: multiply_f32<4>(p, a, b, c, y); break;
    }
  }
}

void matmul_pairs_avx2(const PairTile& t) noexcept {
  const FinishAvx2 output = make_finish(t.epilogue.out);
  for (std::int64_t c = 0; c < t.columns; c += kColumns) {
    std::int64_t r = 0;
    for (; r + 4 <= t.rows; r += 4) multiply<4>(t, output, r, c);
    switch (t.rows - r) {
      case 3: multiply<3>(t, output, r, c); break;
      case 2: multiply<2>(t, output, r, c); break;
      case 1: multiply<1>(t, output, r, c); break;
      default: break;
    }
  }
}

}  // namespace octet::kernels
