// 8 rows x 32 columns with vpdpbusd.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/epilogue_avx512.h"
#include "kernels/matmul/quads.h"

namespace octet::kernels {

void matmul_pack_avx512vnni(const QuadColumns& columns) noexcept;
void matmul_row_sums_avx512vnni(const RowSums& sums) noexcept;
void matmul_quads_avx512vnni(const QuadRows& rows) noexcept;

namespace {

constexpr std::int64_t kQuadBytes = 4 * kMatMulColumns;
constexpr char kOffset = -128;  ///< subtracts 128, modulo 256

/// GCC 12 copies and spills sums around its intrinsic.
inline __m512i dot(__m512i acc, __m512i x, __m512i w) noexcept {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
  return acc;
}

inline std::int64_t least(std::int64_t a, std::int64_t b) noexcept { return a < b ? a : b; }

/// The first `count` bits of 16 or 32, where count may be negative or too large.
inline std::uint32_t mask_of(std::int64_t count, int most) noexcept {
  if (count <= 0) return 0;
  return count >= most ? static_cast<std::uint32_t>((std::uint64_t{1} << most) - 1) : (std::uint32_t{1} << count) - 1;
}

/// Depths [k, k + 16) of a column, each less 128; 0 beyond the end.
inline __m128i part_of_column(const QuadColumns& c, std::int64_t column, std::int64_t k) noexcept {
  const auto mask = static_cast<__mmask16>(column < c.columns ? mask_of(c.depth - k, 16) : 0);
  return _mm_maskz_add_epi8(mask, _mm_maskz_loadu_epi8(mask, c.b + column * c.stride + k), _mm_set1_epi8(kOffset));
}

/// Columns of b lie one after the other: blocks of 4 x 4 quads are transposed.
void pack_transposed(const QuadColumns& c) noexcept {
  const std::int64_t quads = (c.depth + 3) / 4;
  for (std::int64_t k = 0; k < c.depth; k += 16) {
    for (std::int64_t half = 0; half < 2; ++half) {
      __m512i x[4];  // x[i] has columns i, 4 + i, 8 + i and 12 + i
#pragma GCC unroll 4
      for (std::int64_t i = 0; i < 4; ++i) {
        const std::int64_t column = 16 * half + i;
        x[i] = _mm512_castsi128_si512(part_of_column(c, column, k));
        x[i] = _mm512_inserti32x4(x[i], part_of_column(c, column + 4, k), 1);
        x[i] = _mm512_inserti32x4(x[i], part_of_column(c, column + 8, k), 2);
        x[i] = _mm512_inserti32x4(x[i], part_of_column(c, column + 12, k), 3);
      }
      const __m512i low01 = _mm512_unpacklo_epi32(x[0], x[1]);
      const __m512i high01 = _mm512_unpackhi_epi32(x[0], x[1]);
      const __m512i low23 = _mm512_unpacklo_epi32(x[2], x[3]);
      const __m512i high23 = _mm512_unpackhi_epi32(x[2], x[3]);
      const __m512i y[4] = {_mm512_unpacklo_epi64(low01, low23), _mm512_unpackhi_epi64(low01, low23), _mm512_unpacklo_epi64(high01, high23),
                            _mm512_unpackhi_epi64(high01, high23)};
      const std::int64_t count = least(4, quads - k / 4);
      std::int8_t* to = c.packed + k / 4 * kQuadBytes + 64 * half;
      for (std::int64_t q = 0; q < count; ++q) _mm512_store_si512(to + q * kQuadBytes, y[q]);
    }
  }
}

/// Row k of b, each value less 128; 0 beyond the end.
inline __m256i row_of(const QuadColumns& c, std::int64_t k) noexcept {
  const auto mask = static_cast<__mmask32>(k < c.depth ? mask_of(c.columns, 32) : 0);
  return _mm256_maskz_add_epi8(mask, _mm256_maskz_loadu_epi8(mask, c.b + (k < c.depth ? k : 0) * c.stride), _mm256_set1_epi8(kOffset));
}

/// Rows of b lie one after the other: four are interleaved.
void pack_rows(const QuadColumns& c) noexcept {
  std::int8_t* to = c.packed;
  for (std::int64_t k = 0; k < c.depth; k += 4, to += kQuadBytes) {
    const __m256i r0 = row_of(c, k);
    const __m256i r1 = row_of(c, k + 1);
    const __m256i r2 = row_of(c, k + 2);
    const __m256i r3 = row_of(c, k + 3);
    const __m256i low01 = _mm256_unpacklo_epi8(r0, r1);
    const __m256i high01 = _mm256_unpackhi_epi8(r0, r1);
    const __m256i low23 = _mm256_unpacklo_epi8(r2, r3);
    const __m256i high23 = _mm256_unpackhi_epi8(r2, r3);
    const __m256i y[4] = {_mm256_unpacklo_epi16(low01, low23), _mm256_unpackhi_epi16(low01, low23), _mm256_unpacklo_epi16(high01, high23),
                          _mm256_unpackhi_epi16(high01, high23)};
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {  // columns 4 i and on, and 16 + 4 i and on
      _mm_store_si128(reinterpret_cast<__m128i*>(to + 16 * i), _mm256_castsi256_si128(y[i]));
      _mm_store_si128(reinterpret_cast<__m128i*>(to + 64 + 16 * i), _mm256_extracti128_si256(y[i], 1));
    }
  }
}

template <int kRows>
inline void multiply(const QuadRows& t, const FinishAvx512& output) noexcept {
  const std::int8_t* b = t.packed;
  const __m512i low = _mm512_load_si512(t.column_terms);
  const __m512i high = _mm512_load_si512(t.column_terms + 16);
  __m512i acc[kRows][2];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const __m512i term = _mm512_set1_epi32(t.row_terms[r]);
    acc[r][0] = _mm512_add_epi32(low, term);
    acc[r][1] = _mm512_add_epi32(high, term);
  }
  for (std::int64_t q = 0; q < t.quads; ++q, b += kQuadBytes) {
    const __m512i b0 = _mm512_load_si512(b);
    const __m512i b1 = _mm512_load_si512(b + 64);
    // Unrolled, or the sums would live in memory.
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      int quad;
      __builtin_memcpy(&quad, t.a + r * t.a_stride + 4 * q, sizeof(quad));
      const __m512i x = _mm512_set1_epi32(quad);
      acc[r][0] = dot(acc[r][0], x, b0);
      acc[r][1] = dot(acc[r][1], x, b1);
    }
  }
  store_tile(t.epilogue, output, 0, t.out_stride, t.columns, t.epilogue.multiplier, acc);
}

}  // namespace

void matmul_pack_avx512vnni(const QuadColumns& c) noexcept {
  c.transposed ? pack_transposed(c) : pack_rows(c);
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  const std::int8_t* b = c.packed;
  for (std::int64_t k = 0; k < c.depth; k += 4, b += kQuadBytes) {
    sums[0] = dot(sums[0], ones, _mm512_load_si512(b));
    sums[1] = dot(sums[1], ones, _mm512_load_si512(b + 64));
  }
  const __m512i constant = _mm512_set1_epi32(static_cast<int>(c.depth) * c.zero_a * (128 - c.zero_b));
  for (int i = 0; i < 2; ++i) {
    const __m512i scaled = _mm512_mullo_epi32(sums[i], _mm512_set1_epi32(-c.zero_a));
    _mm512_store_si512(c.terms + 16 * i, _mm512_sub_epi32(scaled, constant));
  }
}

void matmul_row_sums_avx512vnni(const RowSums& s) noexcept {
  const __m512i zero = _mm512_setzero_si512();
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const std::uint8_t* a = s.a + r * s.stride;
    __m512i sum = zero;
    for (std::int64_t k = 0; k < s.depth; k += 64) sum = _mm512_add_epi64(sum, _mm512_sad_epu8(load_bytes(a + k, s.depth - k), zero));
    s.sums[r] = s.factor * static_cast<std::int32_t>(_mm512_reduce_add_epi64(sum));
  }
}

void matmul_quads_avx512vnni(const QuadRows& t) noexcept {
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
