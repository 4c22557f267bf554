// Planes of bytes in blocks of 16 x 16; up to four rows or columns by shuffles.
// No header's inline function may be instantiated here: it would be AVX2 code under a baseline name.
#include <immintrin.h>

#include "kernels/layout/transpose.h"

namespace octet::kernels {

void plane_u8_avx2(const PlaneU8& plane) noexcept;

namespace {

__m128i load(const std::uint8_t* p) noexcept { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
void store(std::uint8_t* p, __m128i v) noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v); }

void scalar(const PlaneU8& p, std::int64_t first_row, std::int64_t last_row, std::int64_t first_column, std::int64_t last_column) noexcept {
  for (std::int64_t a = first_row; a < last_row; ++a)
    for (std::int64_t b = first_column; b < last_column; ++b) p.y[a * p.y_stride + b] = p.x[b * p.x_stride + a];
}

/// Sixteen bytes of each of kWays vectors, one byte of each in turn, are 16 kWays bytes; and back.
template <int kWays>
struct Shuffles {
  __m128i mask[kWays][kWays];  ///< [vector of mixed bytes][source]: which of the source's bytes it takes, where

  /// take[i] is what mixed[j] takes from apart[i], or puts there.
  explicit Shuffles(bool mix) noexcept {
    alignas(16) std::uint8_t bytes[kWays][kWays][16];
    __builtin_memset(bytes, 0x80, sizeof(bytes));
    for (int position = 0; position < 16 * kWays; ++position) {
      const int way = position % kWays;
      const int index = position / kWays;
      if (mix) {
        bytes[position / 16][way][position % 16] = static_cast<std::uint8_t>(index);
      } else {
        bytes[way][position / 16][index] = static_cast<std::uint8_t>(position % 16);
      }
    }
    for (int j = 0; j < kWays; ++j)
      for (int i = 0; i < kWays; ++i) mask[j][i] = load(bytes[j][i]);
  }

  void apply(const __m128i (&from)[kWays], __m128i (&to)[kWays]) const noexcept {
#pragma GCC unroll 4
    for (int j = 0; j < kWays; ++j) {
      to[j] = _mm_shuffle_epi8(from[0], mask[j][0]);
#pragma GCC unroll 4
      for (int i = 1; i < kWays; ++i) to[j] = _mm_or_si128(to[j], _mm_shuffle_epi8(from[i], mask[j][i]));
    }
  }
};

/// kWays columns that lie densely in y: rows of x are mixed, byte by byte.
template <int kWays>
void mix(const PlaneU8& p) noexcept {
  const Shuffles<kWays> shuffles(true);
  std::int64_t a = 0;
  for (; a + 16 <= p.rows; a += 16) {
    __m128i from[kWays];
    __m128i to[kWays];
#pragma GCC unroll 4
    for (int b = 0; b < kWays; ++b) from[b] = load(p.x + b * p.x_stride + a);
    shuffles.apply(from, to);
#pragma GCC unroll 4
    for (int j = 0; j < kWays; ++j) store(p.y + a * kWays + 16 * j, to[j]);
  }
  scalar(p, a, p.rows, 0, p.columns);
}

/// kWays rows that lie densely in x: taken apart, byte by byte.
template <int kWays>
void part(const PlaneU8& p) noexcept {
  const Shuffles<kWays> shuffles(false);
  std::int64_t b = 0;
  for (; b + 16 <= p.columns; b += 16) {
    __m128i from[kWays];
    __m128i to[kWays];
#pragma GCC unroll 4
    for (int j = 0; j < kWays; ++j) from[j] = load(p.x + b * kWays + 16 * j);
    shuffles.apply(from, to);
#pragma GCC unroll 4
    for (int a = 0; a < kWays; ++a) store(p.y + a * p.y_stride + b, to[a]);
  }
  scalar(p, 0, p.rows, b, p.columns);
}

/// One step of an interleaving network: after four, byte i of vector j has become byte j of vector i.
void interleave(const __m128i (&from)[16], __m128i (&to)[16]) noexcept {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    to[2 * i] = _mm_unpacklo_epi8(from[i], from[i + 8]);
    to[2 * i + 1] = _mm_unpackhi_epi8(from[i], from[i + 8]);
  }
}

void block(const PlaneU8& p, std::int64_t a, std::int64_t b) noexcept {
  __m128i even[16];
  __m128i odd[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) even[i] = load(p.x + (b + i) * p.x_stride + a);
  interleave(even, odd);
  interleave(odd, even);
  interleave(even, odd);
  interleave(odd, even);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) store(p.y + (a + i) * p.y_stride + b, even[i]);
}

}  // namespace

void plane_u8_avx2(const PlaneU8& p) noexcept {
  if (p.y_stride == p.columns && p.columns == 2) return mix<2>(p);
  if (p.y_stride == p.columns && p.columns == 3) return mix<3>(p);
  if (p.y_stride == p.columns && p.columns == 4) return mix<4>(p);
  if (p.x_stride == p.rows && p.rows == 2) return part<2>(p);
  if (p.x_stride == p.rows && p.rows == 3) return part<3>(p);
  if (p.x_stride == p.rows && p.rows == 4) return part<4>(p);
  const std::int64_t rows = p.rows / 16 * 16;
  const std::int64_t columns = p.columns / 16 * 16;
  for (std::int64_t a = 0; a < rows; a += 16)
    for (std::int64_t b = 0; b < columns; b += 16) block(p, a, b);
  scalar(p, 0, rows, columns, p.columns);
  scalar(p, rows, p.rows, 0, p.columns);
}

}  // namespace octet::kernels
