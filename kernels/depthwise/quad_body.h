// The kernels of quad_depthwise.h for any vector type V. Everything here has internal linkage (see u8_avx2.h).
//
// V has: Ints (s32 lanes), kLanes, kMostRows and kMostChunks (whose sums fit into the registers), Weights, kWeightBytes, weights(p),
// Output; load(p), row(p), which is read once, dot(acc, x, w); bytes(p, count), regroup(x, order); low8, high8, low16,
// high16(a, b), which unpack within 128-bit lanes; store_low, store_high(p, v); output(epilogue), store_chunk(epilogue, output, at,
// count, multiplier, acc).
#pragma once

#include "kernels/depthwise/quad_depthwise.h"

namespace octet::kernels {
namespace {

/// Pixels of an even number of columns, apart.
template <class V>
inline void split_columns(const ColumnSplit& work) noexcept {
  constexpr std::int64_t kChunk = V::kLanes * 4;
  const auto order = V::load(work.order);
  for (std::int64_t i = 0; i < work.count; i += kChunk) {
    const auto x = V::regroup(V::bytes(work.x + i, work.count - i), order);
    V::store_low(work.first + i / 2, x);
    V::store_high(work.second + i / 2, x);
  }
}

/// The quads of a chunk: one byte of each of four rows, in the order of unpacking, which packing undoes.
template <class V>
[[gnu::always_inline]] inline void quads_of(const std::uint8_t* const (&rows)[4], std::int64_t at, typename V::Ints (&quads)[4]) noexcept {
  const auto r0 = V::row(rows[0] + at);
  const auto r1 = V::row(rows[1] + at);
  const auto r2 = V::row(rows[2] + at);
  const auto r3 = V::row(rows[3] + at);
  const auto low01 = V::low8(r0, r1);
  const auto high01 = V::high8(r0, r1);
  const auto low23 = V::low8(r2, r3);
  const auto high23 = V::high8(r2, r3);
  quads[0] = V::low16(low01, low23);
  quads[1] = V::high16(low01, low23);
  quads[2] = V::low16(high01, high23);
  quads[3] = V::high16(high01, high23);
}

/// What the loops use of DepthwiseBands, read once and field by field: outputs are bytes, which might overlap anything the compiler
/// knows of, and a copy of the whole would wait until the caller's stores of its parts have landed.
struct BandLoop {
  const std::uint8_t* const* rows;
  const std::int32_t* columns;
  std::int64_t row_quads, kernel_w;
  const std::int8_t* weights;
  std::int64_t packed_rows, out_stride;
  const std::int32_t* bias;
  const float* multiplier;
};

/// kChunks chunks from output i on, `step` outputs apart, of a band of kRows output rows, the first at element `at`: quads serve every row, weights every chunk. kTaps
/// is 3 for a window of three columns and up to four rows, else 0.
template <class V, int kTaps, int kRows, int kChunks>
[[gnu::always_inline]] inline void chunks(const BandLoop& band, const Epilogue& epilogue, const typename V::Output& output, std::int64_t p,
                                          std::int64_t i, std::int64_t step, std::int64_t count, std::int64_t at) noexcept {
  constexpr std::int64_t kChunk = V::kLanes * 4;
  typename V::Ints acc[kChunks][kRows][4];
#pragma GCC unroll 4
  for (int k = 0; k < kChunks; ++k) {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) acc[k][r][v] = V::load(band.bias + p * kChunk + v * V::kLanes);
    }
  }
  const std::int64_t taps = kTaps != 0 ? kTaps : band.row_quads * band.kernel_w;
  const std::int8_t* weights = band.weights + p * taps * band.packed_rows * kChunk * V::kWeightBytes;
  const auto add_tap = [&](const std::uint8_t* const (&rows)[4], std::int64_t from) noexcept {
    typename V::Ints quads[kChunks][4];
#pragma GCC unroll 4
    for (int k = 0; k < kChunks; ++k) quads_of<V>(rows, from + k * step, quads[k]);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const auto w = V::weights(weights + (r * 4 + v) * V::kLanes * V::kWeightBytes);
#pragma GCC unroll 4
        for (int k = 0; k < kChunks; ++k) acc[k][r][v] = V::dot(acc[k][r][v], quads[k][v], w);
      }
    }
    weights += band.packed_rows * kChunk * V::kWeightBytes;
  };
  if constexpr (kTaps != 0) {
    const std::uint8_t* const rows[4] = {band.rows[0], band.rows[1], band.rows[2], band.rows[3]};
#pragma GCC unroll 4
    for (int t = 0; t < kTaps; ++t) add_tap(rows, band.columns[t] + i);
  } else {
    for (std::int64_t g = 0; g < band.row_quads; ++g) {
      const std::uint8_t* const rows[4] = {band.rows[4 * g], band.rows[4 * g + 1], band.rows[4 * g + 2], band.rows[4 * g + 3]};
      for (std::int64_t t = 0; t < band.kernel_w; ++t) add_tap(rows, band.columns[t] + i);
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < kChunks; ++k) {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r)
      V::store_chunk(epilogue, output, at + r * band.out_stride + i + k * step, count - i - k * step, band.multiplier + p * kChunk, acc[k][r]);
  }
}

template <class V, int kTaps, int kRows>
inline void bands_of_rows(const DepthwiseBands& given) noexcept {
  constexpr int kChunks = kRows >= V::kMostChunks ? 1 : V::kMostChunks / kRows;
  BandLoop band{given.rows, given.columns, given.row_quads, given.kernel_w, given.weights, given.packed_rows, given.out_stride,
                given.epilogue.bias, given.epilogue.multiplier};
  const auto output = V::output(given.epilogue);
  const std::int64_t count = given.count;
  const std::int64_t step = given.period * V::kLanes * 4;
  // A chunk's weights serve all bands before the next one's turn.
  for (std::int64_t first = 0, p = 0; first < step; first += V::kLanes * 4, ++p) {
    std::int64_t at = 0;
    band.rows = given.rows;
    for (std::int64_t b = 0; b < given.bands; ++b, band.rows += given.row_step, at += kRows * band.out_stride) {
      std::int64_t i = first;
      for (; i + (kChunks - 1) * step < count; i += kChunks * step)
        chunks<V, kTaps, kRows, kChunks>(band, given.epilogue, output, p, i, step, count, at);
      if constexpr (kChunks > 1)
        for (; i < count; i += step) chunks<V, kTaps, kRows, 1>(band, given.epilogue, output, p, i, step, count, at);
    }
  }
}

/// Any number of output rows up to kMost, a compile-time constant for each.
template <class V, int kTaps, int kMost>
inline void bands_of(const DepthwiseBands& bands) noexcept {
  if constexpr (kMost > 1) {
    if (bands.out_rows < kMost) {
      bands_of<V, kTaps, kMost - 1>(bands);
      return;
    }
  }
  bands_of_rows<V, kTaps, kMost>(bands);
}

template <class V>
inline void depthwise_bands(const DepthwiseBands& bands) noexcept {
  if (bands.row_quads == 1 && bands.kernel_w == 3) {
    bands_of<V, 3, V::kMostRows>(bands);
  } else {
    bands_of<V, 0, V::kMostRows>(bands);
  }
}

/// Outputs that are not u8, rare behind a depthwise convolution: the first `count` of a chunk's `acc`, one by one.
inline void store_wide_chunk(const Epilogue& e, std::int64_t at, std::int64_t count, std::int64_t lanes, const float* multiplier,
                             const std::int32_t* acc) noexcept {
  for (std::int64_t i = 0; i < 4 * lanes && i < count; ++i) {
    const std::int64_t place = place_of(i, lanes);
    if (e.sums != nullptr) {
      e.sums[at + i] = acc[place];
      continue;
    }
    // As std::min(std::max()), which would be a weak symbol here.
    const float t = static_cast<float>(acc[place]) * multiplier[place];
    const float above = t < e.clamp_min ? e.clamp_min : t;
    e.real[at + i] = e.clamp_max < above ? e.clamp_max : above;
  }
}

}  // namespace
}  // namespace octet::kernels
