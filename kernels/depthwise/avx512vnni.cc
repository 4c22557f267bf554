// Chunks of 64 elements, and columns of 64 channels.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/depthwise/column_depthwise.h"
#include "kernels/depthwise/quad_body.h"
#include "kernels/epilogue_avx512.h"

namespace octet::kernels {

void split_columns_avx512vnni(const ColumnSplit& work) noexcept;
void depthwise_bands_avx512vnni(const DepthwiseBands& bands) noexcept;
void depthwise_columns_avx512vnni(const DepthwiseColumns& columns) noexcept;

namespace {

[[gnu::noinline]] void store_wide_chunk_avx512(const Epilogue& e, std::int64_t at, std::int64_t count, const float* multiplier, __m512i a0,
                                               __m512i a1, __m512i a2, __m512i a3) noexcept {
  if (e.y != nullptr) {  // multipliers may be large
    const FinishAvx512 o = make_finish(e.out);
    store_bytes<4>(e.y + at, count,
                   unordered_bytes_of(o, whole(o, scale(a0, multiplier)), whole(o, scale(a1, multiplier + 16)),
                                      whole(o, scale(a2, multiplier + 32)), whole(o, scale(a3, multiplier + 48))));
    return;
  }
  alignas(64) std::int32_t sums[64];
  _mm512_store_si512(sums, a0);
  _mm512_store_si512(sums + 16, a1);
  _mm512_store_si512(sums + 32, a2);
  _mm512_store_si512(sums + 48, a3);
  store_wide_chunk(e, at, count, 16, multiplier, sums);
}

inline __m512i rounded(__m512i acc, const float* multiplier) noexcept { return _mm512_cvtps_epi32(scale(acc, multiplier)); }

struct Avx512Vnni {
  using Ints = __m512i;
  using Output = FinishAvx512;
  static constexpr int kLanes = 16;
  using Weights = Ints;
  static constexpr int kWeightBytes = 4;
  static constexpr int kMostRows = 4;
  static constexpr int kMostChunks = 4;

  static Weights weights(const void* p) noexcept { return _mm512_loadu_si512(p); }
  static Ints load(const void* p) noexcept { return _mm512_loadu_si512(p); }
  /// Compilers would read it once for each unpacking, and most rows lie across two cache lines.
  static Ints row(const std::uint8_t* p) noexcept {
    Ints x = load(p);
    asm("" : "+v"(x));
    return x;
  }
  /// GCC 12 copies and spills sums around its intrinsic.
  static Ints dot(Ints acc, Ints x, Ints w) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
  }
  static Ints bytes(const std::uint8_t* p, std::int64_t count) noexcept { return load_bytes(p, count); }
  static Ints regroup(Ints x, Ints order) noexcept { return _mm512_permutexvar_epi32(order, x); }
  static void store_low(void* p, Ints x) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_castsi512_si256(x)); }
  static void store_high(void* p, Ints x) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_extracti64x4_epi64(x, 1)); }
  static Ints low8(Ints a, Ints b) noexcept { return _mm512_unpacklo_epi8(a, b); }
  static Ints high8(Ints a, Ints b) noexcept { return _mm512_unpackhi_epi8(a, b); }
  static Ints low16(Ints a, Ints b) noexcept { return _mm512_unpacklo_epi16(a, b); }
  static Ints high16(Ints a, Ints b) noexcept { return _mm512_unpackhi_epi16(a, b); }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  [[gnu::always_inline]] static void store_chunk(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t count, const float* multiplier,
                          const Ints (&acc)[4]) noexcept {
    if (e.y == nullptr || !e.below_one) {
      store_wide_chunk_avx512(e, at, count, multiplier, acc[0], acc[1], acc[2], acc[3]);
      return;
    }
    store_bytes<4>(e.y + at, count,
                   unordered_bytes_within(o, rounded(acc[0], multiplier), rounded(acc[1], multiplier + 16), rounded(acc[2], multiplier + 32),
                                          rounded(acc[3], multiplier + 48)));
  }
};

/// What the loops use of DepthwiseColumns, read once: outputs are bytes, which might overlap anything the compiler knows of.
struct ColumnLoop {
  std::int64_t in_columns, out_columns, pad_left, channels;
  __m512i zero_points;
  const std::int32_t* bias;
  const float* multiplier;
};

/// Three rows, or three for each of two output rows, the first of which starts `first` elements into the output, the other one `second`
/// elements, if it exists.
struct ColumnRows {
  const std::uint8_t* rows[3];
  const std::uint8_t* others[3];
  std::int64_t first, second;
  bool has_second;
};

template <bool kHalves>
[[gnu::always_inline]] inline __m512i column_row(const ColumnRows& b, int row, std::int64_t at) noexcept {
  if constexpr (kHalves) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b.rows[row] + at));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b.others[row] + at)), 1);
  } else {
    return _mm512_loadu_si512(b.rows[row] + at);
  }
}

/// The quads of an input column, which may lie outside. Of the fourth row, whose weights are 0, there is whatever is at hand.
template <bool kHalves>
[[gnu::always_inline]] inline void column_quads(const ColumnLoop& c, const ColumnRows& b, std::int64_t column, __m512i (&quads)[4]) noexcept {
  if (column < 0 || column >= c.in_columns) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) quads[v] = c.zero_points;
    return;
  }
  const std::int64_t at = column * c.channels;
  const __m512i r0 = column_row<kHalves>(b, 0, at);
  const __m512i r1 = column_row<kHalves>(b, 1, at);
  const __m512i r2 = column_row<kHalves>(b, 2, at);
  const __m512i low01 = _mm512_unpacklo_epi8(r0, r1);
  const __m512i high01 = _mm512_unpackhi_epi8(r0, r1);
  const __m512i low22 = _mm512_unpacklo_epi8(r2, r2);
  const __m512i high22 = _mm512_unpackhi_epi8(r2, r2);
  quads[0] = _mm512_unpacklo_epi16(low01, low22);
  quads[1] = _mm512_unpackhi_epi16(low01, low22);
  quads[2] = _mm512_unpacklo_epi16(high01, high22);
  quads[3] = _mm512_unpackhi_epi16(high01, high22);
}

/// Of three taps, in registers: reading them for each column would be most of what is read.
using ColumnWeights = __m512i[3][4];

[[gnu::always_inline]] inline void load_weights(const std::int8_t* from, ColumnWeights& to) noexcept {
#pragma GCC unroll 3
  for (int t = 0; t < 3; ++t) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      to[t][v] = _mm512_load_si512(from + (t * 4 + v) * 64);
      asm("" : "+v"(to[t][v]));
    }
  }
}

[[gnu::always_inline]] inline void add_tap(__m512i (&acc)[4], const __m512i (&quads)[4], const __m512i (&weights)[4]) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) acc[v] = Avx512Vnni::dot(acc[v], quads[v], weights[v]);
}

[[gnu::always_inline]] inline void begin_sums(__m512i (&acc)[4], const std::int32_t* bias) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) acc[v] = _mm512_load_si512(bias + 16 * v);
}

/// Where outputs go, read once; y is null where the rare way is to be taken.
struct ColumnOutput {
  const Epilogue* epilogue;
  FinishAvx512 finish;
  std::uint8_t* y;
};

/// What is rare: outputs that are not u8, or large multipliers.
[[gnu::noinline]] void store_wide_column(const Epilogue& e, bool halves, std::int64_t first, std::int64_t second, bool has_second, const float* multiplier,
                                         __m512i a0, __m512i a1, __m512i a2, __m512i a3) noexcept {
  if (!halves) {
    store_wide_chunk_avx512(e, first, 64, multiplier, a0, a1, a2, a3);
    return;
  }
  if (e.y != nullptr) {
    const FinishAvx512 o = make_finish(e.out);
    const __m512i bytes = unordered_bytes_of(o, whole(o, scale(a0, multiplier)), whole(o, scale(a1, multiplier + 16)),
                                             whole(o, scale(a2, multiplier + 32)), whole(o, scale(a3, multiplier + 48)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(e.y + first), _mm512_castsi512_si256(bytes));
    if (has_second) _mm256_storeu_si256(reinterpret_cast<__m256i*>(e.y + second), _mm512_extracti64x4_epi64(bytes, 1));
    return;
  }
  alignas(64) std::int32_t sums[64];
  _mm512_store_si512(sums, a0);
  _mm512_store_si512(sums + 16, a1);
  _mm512_store_si512(sums + 32, a2);
  _mm512_store_si512(sums + 48, a3);
  store_wide_chunk(e, first, 32, 16, multiplier, sums);
  // Elements 32 and on lie eight lanes further in each vector, see place_of.
  if (has_second) store_wide_chunk(e, second, 32, 16, multiplier + 8, sums + 8);
}

/// One output column, of row `first` and, in halves, `second`.
template <bool kHalves>
[[gnu::always_inline]] inline void store_column(const ColumnLoop& c, const ColumnOutput& o, const ColumnRows& b, std::int64_t column,
                                                const __m512i (&acc)[4]) noexcept {
  const std::int64_t first = b.first + column * c.channels;
  const std::int64_t second = b.second + column * c.channels;
  const float* m = c.multiplier;
  if (o.y == nullptr) [[unlikely]] {
    store_wide_column(*o.epilogue, kHalves, first, second, b.has_second, m, acc[0], acc[1], acc[2], acc[3]);
    return;
  }
  const __m512i bytes = unordered_bytes_within(o.finish, rounded(acc[0], m), rounded(acc[1], m + 16), rounded(acc[2], m + 32), rounded(acc[3], m + 48));
  if constexpr (kHalves) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(o.y + first), _mm512_castsi512_si256(bytes));
    if (b.has_second) _mm256_storeu_si256(reinterpret_cast<__m256i*>(o.y + second), _mm512_extracti64x4_epi64(bytes, 1));
  } else {
    _mm512_storeu_si512(o.y + first, bytes);
  }
}

/// Output column x ends, the next one goes on, and the one after that takes its place.
template <bool kHalves>
[[gnu::always_inline]] inline void column_step(const ColumnLoop& c, const ColumnOutput& o, const ColumnRows& b, const ColumnWeights& weights, std::int64_t x,
                                               __m512i (&last)[4], __m512i (&next)[4]) noexcept {
  __m512i quads[4];
  column_quads<kHalves>(c, b, x + 2 - c.pad_left, quads);
  add_tap(last, quads, weights[2]);
  add_tap(next, quads, weights[1]);
  store_column<kHalves>(c, o, b, x, last);
  begin_sums(last, c.bias);
  add_tap(last, quads, weights[0]);
}

/// Stride 1: each column of quads ends the sums of one output column, is the middle of the next one and begins a third.
template <bool kHalves>
void columns_of_stride1(const ColumnLoop& c, const ColumnOutput& o, const ColumnRows& b, const std::int8_t* packed) noexcept {
  ColumnWeights weights;
  load_weights(packed, weights);
  __m512i even[4];
  __m512i odd[4];
  __m512i quads[4];
  begin_sums(even, c.bias);
  begin_sums(odd, c.bias);
  column_quads<kHalves>(c, b, -c.pad_left, quads);
  add_tap(even, quads, weights[0]);
  column_quads<kHalves>(c, b, 1 - c.pad_left, quads);
  add_tap(even, quads, weights[1]);
  add_tap(odd, quads, weights[0]);
  std::int64_t x = 0;
  for (; x + 2 <= c.out_columns; x += 2) {
    column_step<kHalves>(c, o, b, weights, x, even, odd);
    column_step<kHalves>(c, o, b, weights, x + 1, odd, even);
  }
  if (x < c.out_columns) column_step<kHalves>(c, o, b, weights, x, even, odd);
}

template <bool kHalves>
void columns_of_stride2(const ColumnLoop& c, const ColumnOutput& o, const ColumnRows& b, const std::int8_t* packed) noexcept {
  ColumnWeights weights;
  load_weights(packed, weights);
  __m512i acc[4];
  __m512i quads[4];
  column_quads<kHalves>(c, b, -c.pad_left, quads);
  for (std::int64_t x = 0; x < c.out_columns; ++x) {
    begin_sums(acc, c.bias);
    add_tap(acc, quads, weights[0]);
    column_quads<kHalves>(c, b, 2 * x + 1 - c.pad_left, quads);
    add_tap(acc, quads, weights[1]);
    column_quads<kHalves>(c, b, 2 * x + 2 - c.pad_left, quads);
    add_tap(acc, quads, weights[2]);
    store_column<kHalves>(c, o, b, x, acc);
  }
}

}  // namespace

void depthwise_columns_avx512vnni(const DepthwiseColumns& d) noexcept {
  const ColumnLoop c = {d.in_columns, d.out_columns, d.pad_left, d.channels, _mm512_set1_epi8(static_cast<char>(d.zero_point)), d.epilogue.bias,
                        d.epilogue.multiplier};
  const Epilogue& e = d.epilogue;
  const ColumnOutput o = {&e, make_finish(e.out), e.below_one ? e.y : nullptr};
  ColumnRows b{};
  for (std::int64_t r = 0; r < 3; ++r) b.rows[r] = d.rows[r], b.others[r] = d.rows[d.stride + r];
  b.second = d.out_stride;
  b.has_second = d.out_rows == 2;
  if (d.halves) {
    d.stride == 1 ? columns_of_stride1<true>(c, o, b, d.weights) : columns_of_stride2<true>(c, o, b, d.weights);
    return;
  }
  for (std::int64_t r = 0; r < d.out_rows; ++r) {
    b.first = r * d.out_stride;
    if (r == 1)
      for (std::int64_t i = 0; i < 3; ++i) b.rows[i] = b.others[i];
    d.stride == 1 ? columns_of_stride1<false>(c, o, b, d.weights) : columns_of_stride2<false>(c, o, b, d.weights);
  }
}

void split_columns_avx512vnni(const ColumnSplit& work) noexcept { split_columns<Avx512Vnni>(work); }
void depthwise_bands_avx512vnni(const DepthwiseBands& bands) noexcept { depthwise_bands<Avx512Vnni>(bands); }

}  // namespace octet::kernels
