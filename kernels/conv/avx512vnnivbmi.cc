// The kernel of pixel_conv.h: quads of sixteen pixels against weights broadcast from memory.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/conv/pixel_conv.h"
#include "kernels/epilogue_avx512.h"

namespace octet::kernels {

void pixel_conv_u8s8_avx512vnni(const PixelBand& band) noexcept;

namespace {

constexpr std::int64_t kPixels = 16;

/// What the loops use of PixelBand, read once: outputs are bytes, which might overlap anything the compiler knows of.
struct Band {
  const std::uint8_t* const* rows;
  const PixelWindow* windows;
  const PixelPiece* pieces;
  const std::uint8_t* tables;
  std::int64_t quads;
  const std::int8_t* weights;
  std::uint8_t* scratch;  ///< [quads][2 groups] vectors
  std::int64_t out_stride;
};

/// The quads of a group's pixels, to every other vector from `to` on.
inline void gather(const Band& b, const PixelGroup& group, __m512i zero_points, std::uint8_t* to) noexcept {
  const PixelPiece* piece = b.pieces + group.piece;
  const PixelWindow* const last = b.windows + group.last;
  for (const PixelWindow* w = b.windows + group.first; w != last; ++w) {
    const std::uint8_t* from = b.rows[w->row] + w->offset;
    const __m512i low = _mm512_mask_loadu_epi8(zero_points, w->inside[0], from);
    const __m512i high = w->two ? _mm512_mask_loadu_epi8(zero_points, w->inside[1], from + 64) : low;
    for (const PixelPiece* const end = piece + w->firsts; piece != end; ++piece)
      _mm512_store_si512(to + piece->quad, _mm512_permutex2var_epi8(low, _mm512_load_si512(b.tables + piece->table), high));
    for (const PixelPiece* const end = piece + w->others; piece != end; ++piece) {
      const __m512i more = _mm512_permutex2var_epi8(low, _mm512_load_si512(b.tables + piece->table), high);
      __m512i x = _mm512_mask_blend_epi8(piece->bytes, _mm512_load_si512(to + piece->quad), more);
      asm("" : "+v"(x));  // compilers would make a masked store of it, which a load soon after has to wait for
      _mm512_store_si512(to + piece->quad, x);
    }
  }
}

/// acc[g][c] = bias + quads . weights of kChannels channels and kGroups groups, the first of them at `x`.
template <int kGroups, int kChannels>
[[gnu::always_inline]] inline void multiply(const Band& b, const std::uint8_t* x, const std::int8_t* weights, const std::int32_t* bias,
                                            __m512i (&acc)[kGroups][kChannels]) noexcept {
#pragma GCC unroll 2
  for (int g = 0; g < kGroups; ++g) {
#pragma GCC unroll 16
    for (int c = 0; c < kChannels; ++c) acc[g][c] = _mm512_set1_epi32(bias[c]);
  }
  for (std::int64_t q = 0; q < b.quads; ++q, x += 128, weights += 4 * kChannels) {
    __m512i quad[kGroups];
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) quad[g] = _mm512_load_si512(x + 64 * g);
#pragma GCC unroll 16
    for (int c = 0; c < kChannels; ++c) {
      int four;
      __builtin_memcpy(&four, weights + 4 * c, 4);
      const __m512i w = _mm512_set1_epi32(four);
      // GCC 12 copies and spills sums around its intrinsic.
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) asm("vpdpbusd %2, %1, %0" : "+v"(acc[g][c]) : "v"(quad[g]), "v"(w));
    }
  }
}

inline __m512i rounded(__m512i acc, float multiplier) noexcept {
  return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_set1_ps(multiplier)));
}

/// Four channels of sixteen pixels: a group of four bytes a pixel, in order.
template <int kFirst, int kChannels>
[[gnu::always_inline]] inline __m512i four_bytes(const FinishAvx512& f, const float* m, const __m512i (&acc)[kChannels]) noexcept {
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m512i bytes = unordered_bytes_within(f, rounded(acc[kFirst], m[kFirst]), rounded(acc[kFirst + 1], m[kFirst + 1]),
                                               rounded(acc[kFirst + 2], m[kFirst + 2]), rounded(acc[kFirst + 3], m[kFirst + 3]));
  return _mm512_shuffle_epi8(bytes, order);
}

/// The quarter of a vector that belongs to pixels 4 kQuarter and on.
template <int kQuarter>
inline __m128i quarter(__m512i v) noexcept {
  return kQuarter == 0 ? _mm512_castsi512_si128(v) : _mm512_extracti32x4_epi32(v, kQuarter);
}

inline void store4(std::uint8_t* y, int bytes) noexcept { __builtin_memcpy(y, &bytes, 4); }
inline void store8(std::uint8_t* y, __m128i bytes) noexcept { _mm_storel_epi64(reinterpret_cast<__m128i*>(y), bytes); }
inline void store_high8(std::uint8_t* y, __m128i bytes) noexcept {
  const auto high = _mm_extract_epi64(bytes, 1);
  __builtin_memcpy(y, &high, sizeof high);
}
inline void store16(std::uint8_t* y, __m128i bytes) noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes); }

template <int kQuarter>
[[gnu::always_inline]] inline void store_quarter4(std::uint8_t* y, std::int64_t stride, __m512i bytes) noexcept {
  const __m128i q = quarter<kQuarter>(bytes);
  y += 4 * kQuarter * stride;
  store4(y, _mm_cvtsi128_si32(q));
  store4(y + stride, _mm_extract_epi32(q, 1));
  store4(y + 2 * stride, _mm_extract_epi32(q, 2));
  store4(y + 3 * stride, _mm_extract_epi32(q, 3));
}

/// Pixels 4 kQuarter, + 1 of `low`, + 2, + 3 of `high`.
template <int kQuarter>
[[gnu::always_inline]] inline void store_quarter8(std::uint8_t* y, std::int64_t stride, __m512i low, __m512i high) noexcept {
  const __m128i a = quarter<kQuarter>(low);
  const __m128i b = quarter<kQuarter>(high);
  y += 4 * kQuarter * stride;
  store8(y, a);
  store_high8(y + stride, a);
  store8(y + 2 * stride, b);
  store_high8(y + 3 * stride, b);
}

template <int kQuarter>
[[gnu::always_inline]] inline void store_quarter16(std::uint8_t* y, std::int64_t stride, const __m512i (&bytes)[4]) noexcept {
  y += 4 * kQuarter * stride;
#pragma GCC unroll 4
  for (int p = 0; p < 4; ++p) store16(y + p * stride, quarter<kQuarter>(bytes[p]));
}

inline void store_fours(std::uint8_t* y, std::int64_t stride, __m512i bytes) noexcept {
  if (stride == 4) {
    _mm512_storeu_si512(y, bytes);
    return;
  }
  store_quarter4<0>(y, stride, bytes);
  store_quarter4<1>(y, stride, bytes);
  store_quarter4<2>(y, stride, bytes);
  store_quarter4<3>(y, stride, bytes);
}

inline void store_eights(std::uint8_t* y, std::int64_t stride, __m512i a, __m512i b) noexcept {
  const __m512i low = _mm512_unpacklo_epi32(a, b);
  const __m512i high = _mm512_unpackhi_epi32(a, b);
  if (stride == 8) {
    _mm512_storeu_si512(y, _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high));
    _mm512_storeu_si512(y + 64, _mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high));
    return;
  }
  store_quarter8<0>(y, stride, low, high);
  store_quarter8<1>(y, stride, low, high);
  store_quarter8<2>(y, stride, low, high);
  store_quarter8<3>(y, stride, low, high);
}

inline void store_sixteens(std::uint8_t* y, std::int64_t stride, __m512i a, __m512i b, __m512i c, __m512i d) noexcept {
  const __m512i low_ab = _mm512_unpacklo_epi32(a, b);
  const __m512i high_ab = _mm512_unpackhi_epi32(a, b);
  const __m512i low_cd = _mm512_unpacklo_epi32(c, d);
  const __m512i high_cd = _mm512_unpackhi_epi32(c, d);
  const __m512i pixels[4] = {_mm512_unpacklo_epi64(low_ab, low_cd), _mm512_unpackhi_epi64(low_ab, low_cd), _mm512_unpacklo_epi64(high_ab, high_cd),
                             _mm512_unpackhi_epi64(high_ab, high_cd)};
  store_quarter16<0>(y, stride, pixels);
  store_quarter16<1>(y, stride, pixels);
  store_quarter16<2>(y, stride, pixels);
  store_quarter16<3>(y, stride, pixels);
}

/// What is rare: outputs that are not u8, large multipliers, channels that are no multiple of four. Sums are [channels][16 pixels].
[[gnu::noinline]] void store_pixel_by_pixel(const Epilogue& e, std::int64_t at, std::int64_t stride, std::int64_t count, const float* multiplier,
                                            const std::int32_t* sums) noexcept {
  for (std::int64_t p = 0; p < kPixels; ++p) {
    alignas(64) std::int32_t pixel[kPixels] = {};
    for (std::int64_t c = 0; c < count; ++c) pixel[c] = sums[c * kPixels + p];
    const __m512i acc = _mm512_load_si512(pixel);
    store_wide<1>(e, at + p * stride, count, multiplier, &acc);
  }
}

/// Sixteen pixels from element `at` on.
template <int kChannels>
[[gnu::always_inline]] inline void store_group(const Epilogue& e, const FinishAvx512& f, std::int64_t at, std::int64_t stride, std::int64_t count,
                                               const float* m, const __m512i (&acc)[kChannels]) noexcept {
  if (e.y == nullptr || !e.below_one || count != kChannels) {
    alignas(64) std::int32_t sums[kChannels * kPixels];
#pragma GCC unroll 16
    for (int c = 0; c < kChannels; ++c) _mm512_store_si512(sums + c * kPixels, acc[c]);
    store_pixel_by_pixel(e, at, stride, count, m, sums);
    return;
  }
  std::uint8_t* y = e.y + at;
  const __m512i b0 = four_bytes<0>(f, m, acc);
  if constexpr (kChannels == 4) {
    store_fours(y, stride, b0);
  } else {
    const __m512i b1 = four_bytes<4>(f, m, acc);
    if constexpr (kChannels == 8) {
      store_eights(y, stride, b0, b1);
    } else {
      const __m512i b2 = four_bytes<8>(f, m, acc);
      if constexpr (kChannels == 12) {
        store_eights(y, stride, b0, b1);
        store_fours(y + 8, stride, b2);
      } else {
        store_sixteens(y, stride, b0, b1, b2, four_bytes<12>(f, m, acc));
      }
    }
  }
}

template <int kGroups, int kChannels>
[[gnu::always_inline]] inline void tile(const Band& b, const Epilogue& e, const FinishAvx512& f, const std::uint8_t* x, const std::int8_t* weights,
                                        std::int64_t first, std::int64_t count, const std::int64_t (&at)[2]) noexcept {
  __m512i acc[kGroups][kChannels];
  multiply<kGroups, kChannels>(b, x, weights, e.bias + first, acc);
#pragma GCC unroll 2
  for (int g = 0; g < kGroups; ++g) store_group<kChannels>(e, f, at[g] + first, b.out_stride, count, e.multiplier + first, acc[g]);
}

/// A block of one group or two: both at once where their sums fit into the registers.
template <int kChannels>
void block(const Band& b, const Epilogue& e, const FinishAvx512& f, const PixelBlock& k, bool both, const std::int64_t (&at)[2]) noexcept {
  const std::int8_t* weights = b.weights + k.weights;
  if constexpr (kChannels <= 8) {
    if (both) {
      tile<2, kChannels>(b, e, f, b.scratch, weights, k.first, k.channels, at);
      return;
    }
  }
  tile<1, kChannels>(b, e, f, b.scratch, weights, k.first, k.channels, at);
  if constexpr (kChannels > 8) {
    const std::int64_t second[2] = {at[1], 0};
    if (both) tile<1, kChannels>(b, e, f, b.scratch + 64, weights, k.first, k.channels, second);
  }
}

}  // namespace

void pixel_conv_u8s8_avx512vnni(const PixelBand& band) noexcept {
  const Band b = {band.rows, band.windows, band.pieces, band.tables, band.quads, band.weights, band.scratch, band.out_stride};
  const FinishAvx512 finish = make_finish(band.epilogue.out);
  const __m512i zero_points = _mm512_set1_epi8(static_cast<char>(band.zero_point));
  const PixelGroup* const groups = band.groups;
  const PixelBlock* const blocks = band.blocks;
  const std::int64_t block_count = band.block_count;
  for (std::int64_t g = 0; g < band.group_count; g += 2) {
    const bool both = g + 1 < band.group_count;
    gather(b, groups[g], zero_points, b.scratch);
    if (both) gather(b, groups[g + 1], zero_points, b.scratch + 64);
    const std::int64_t at[2] = {groups[g].pixel * b.out_stride, both ? groups[g + 1].pixel * b.out_stride : 0};
    for (std::int64_t i = 0; i < block_count; ++i) {
      switch (blocks[i].fours) {
        case 1: block<4>(b, band.epilogue, finish, blocks[i], both, at); break;
        case 2: block<8>(b, band.epilogue, finish, blocks[i], both, at); break;
        case 3: block<12>(b, band.epilogue, finish, blocks[i], both, at); break;
        default: block<16>(b, band.epilogue, finish, blocks[i], both, at); break;
      }
    }
  }
}

}  // namespace octet::kernels
