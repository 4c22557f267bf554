// Up to four rows or columns, 64 bytes of each at a time; other planes are AVX2's.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/layout/transpose.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {

void plane_u8_avx2(const PlaneU8& plane) noexcept;
void plane_u8_avx512vbmi(const PlaneU8& plane) noexcept;

namespace {

/// kWays vectors of bytes: one byte of each in turn, or back. Byte b of result j is byte `index` of source `way`.
template <int kWays, bool kMix>
struct Shuffles {
  alignas(64) std::uint8_t low[kWays][64];   ///< for the sources 0 and 1: the index, and 64 more for source 1
  alignas(64) std::uint8_t high[kWays][64];  ///< for the others
  std::uint64_t from_high[kWays];

  constexpr Shuffles() noexcept : low{}, high{}, from_high{} {
    for (int j = 0; j < kWays; ++j) {
      for (int b = 0; b < 64; ++b) {
        const int position = kMix ? 64 * j + b : j + kWays * b;
        const int way = kMix ? position % kWays : position / 64;
        const int index = kMix ? position / kWays : position % 64;
        (way < 2 ? low : high)[j][b] = static_cast<std::uint8_t>(way % 2 * 64 + index);
        if (way >= 2) from_high[j] |= std::uint64_t{1} << static_cast<unsigned>(b);
      }
    }
  }
};

template <int kWays, bool kMix>
constexpr Shuffles<kWays, kMix> kShuffles;

template <int kWays, bool kMix>
inline void shuffle(const __m512i (&from)[kWays], __m512i (&to)[kWays]) noexcept {
  const auto& s = kShuffles<kWays, kMix>;
#pragma GCC unroll 4
  for (int j = 0; j < kWays; ++j) {
    to[j] = _mm512_permutex2var_epi8(from[0], _mm512_load_si512(s.low[j]), from[1]);
    if constexpr (kWays == 3) to[j] = _mm512_mask_permutexvar_epi8(to[j], s.from_high[j], _mm512_load_si512(s.high[j]), from[2]);
    if constexpr (kWays == 4)
      to[j] = _mm512_mask_blend_epi8(s.from_high[j], to[j], _mm512_permutex2var_epi8(from[2], _mm512_load_si512(s.high[j]), from[3]));
  }
}

/// kWays columns that lie densely in y: rows of x are mixed, byte by byte.
template <int kWays>
void mix(const PlaneU8& p) noexcept {
  for (std::int64_t a = 0; a < p.rows; a += 64) {
    __m512i from[kWays];
    __m512i to[kWays];
#pragma GCC unroll 4
    for (int b = 0; b < kWays; ++b) from[b] = load_bytes(p.x + b * p.x_stride + a, p.rows - a);
    shuffle<kWays, true>(from, to);
    const std::int64_t count = (p.rows - a) * kWays;
#pragma GCC unroll 4
    for (int j = 0; j < kWays; ++j)
      if (count > 64 * j) store_bytes<4>(p.y + a * kWays + 64 * j, count - 64 * j, to[j]);
  }
}

/// kWays rows that lie densely in x: taken apart, byte by byte.
template <int kWays>
void part(const PlaneU8& p) noexcept {
  for (std::int64_t b = 0; b < p.columns; b += 64) {
    __m512i from[kWays];
    __m512i to[kWays];
    const std::int64_t count = (p.columns - b) * kWays;
#pragma GCC unroll 4
    for (int j = 0; j < kWays; ++j) from[j] = count > 64 * j ? load_bytes(p.x + b * kWays + 64 * j, count - 64 * j) : _mm512_setzero_si512();
    shuffle<kWays, false>(from, to);
#pragma GCC unroll 4
    for (int a = 0; a < kWays; ++a) store_bytes<4>(p.y + a * p.y_stride + b, p.columns - b, to[a]);
  }
}

}  // namespace

void plane_u8_avx512vbmi(const PlaneU8& p) noexcept {
  if (p.y_stride == p.columns && p.columns == 2) return mix<2>(p);
  if (p.y_stride == p.columns && p.columns == 3) return mix<3>(p);
  if (p.y_stride == p.columns && p.columns == 4) return mix<4>(p);
  if (p.x_stride == p.rows && p.rows == 2) return part<2>(p);
  if (p.x_stride == p.rows && p.rows == 3) return part<3>(p);
  if (p.x_stride == p.rows && p.rows == 4) return part<4>(p);
  plane_u8_avx2(p);
}

}  // namespace octet::kernels
