// The kernels of quad_depthwise.h for any vector type V. Everything here has internal linkage (see u8_avx2.h).
//
// V has: Ints (s32 lanes), kLanes, kDepthwiseChunks (whose sums fit into the registers), Weights, kWeightBytes, weights(p), Output; load(p), store(p, v), dot(acc, x, w); bytes(p, count), order(p) for regroup(x, order),
// which puts groups of four bytes where unpacking within 128-bit lanes makes quads of them in their order; low8, high8, low16,
// high16(a, b), which unpack; output(epilogue), store_chunk(epilogue, output, at, count, multiplier, acc).
#pragma once

#include "kernels/depthwise/quad_depthwise.h"

namespace octet::kernels {
namespace {

template <class V>
inline void interleave_chunk(const std::uint8_t* const (&rows)[4], std::int64_t count, typename V::Ints order, std::uint8_t* first,
                             std::uint8_t* second) noexcept {
  constexpr std::int64_t kVector = V::kLanes * 4;
  const auto r0 = V::regroup(V::bytes(rows[0], count), order);
  const auto r1 = V::regroup(V::bytes(rows[1], count), order);
  const auto r2 = V::regroup(V::bytes(rows[2], count), order);
  const auto r3 = V::regroup(V::bytes(rows[3], count), order);
  const auto low01 = V::low8(r0, r1);
  const auto high01 = V::high8(r0, r1);
  const auto low23 = V::low8(r2, r3);
  const auto high23 = V::high8(r2, r3);
  V::store(first, V::low16(low01, low23));
  V::store(first + kVector, V::high16(low01, low23));
  V::store(second, V::low16(high01, high23));
  V::store(second + kVector, V::high16(high01, high23));
}

template <class V>
inline void interleave(const QuadInterleave& work) noexcept {
  constexpr std::int64_t kChunk = V::kLanes * 4;
  const auto order = V::order(work.order);
  for (std::int64_t run = 0; run < work.runs; ++run) {
    const std::uint8_t* rows[4];
    for (unsigned i = 0; i < 4; ++i) rows[i] = work.rows[i] + run * work.in_step;
    std::uint8_t* first = work.first + run * work.out_step;
    std::uint8_t* second = work.second + run * work.out_step;
    for (std::int64_t i = 0; i < work.count; i += kChunk) {
      interleave_chunk<V>(rows, work.count - i, order, first, second);
      for (auto& row : rows) row += kChunk;
      first += work.chunk_step;
      second += work.chunk_step;
    }
  }
}

/// acc += the chunk's quads under one tap, times their weights.
template <class V>
inline void add_tap(typename V::Ints (&acc)[4], const std::uint8_t* x, const typename V::Weights (&w)[4]) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) acc[v] = V::dot(acc[v], V::load(x + v * V::kLanes * 4), w[v]);
}

template <class V>
inline void load_four(typename V::Ints (&to)[4], const void* from) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) to[v] = V::load(static_cast<const std::uint8_t*>(from) + v * V::kLanes * 4);
}

template <class V>
inline void load_weights(typename V::Weights (&to)[4], const std::int8_t* from) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) to[v] = V::weights(from + v * V::kLanes * V::kWeightBytes);
}

/// kChunks chunks from output i on, `step` outputs apart, with any number of taps: each weight serves all of them.
template <class V, int kChunks>
inline void chunks_of_any(const DepthwiseRow& row, std::int64_t p, std::int64_t i, std::int64_t step) noexcept {
  constexpr std::int64_t kChunk = V::kLanes * 4;
  typename V::Ints acc[kChunks][4];
#pragma GCC unroll 4
  for (int k = 0; k < kChunks; ++k) load_four<V>(acc[k], row.epilogue.bias + p * kChunk);
  const std::uint8_t* x = row.quads + 4 * i;
  const std::int8_t* weights = row.weights + p * row.tap_count * kChunk * V::kWeightBytes;
  for (const std::int32_t* tap = row.taps; tap != row.taps + row.tap_count; ++tap, weights += kChunk * V::kWeightBytes) {
    typename V::Weights w[4];
    load_weights<V>(w, weights);
#pragma GCC unroll 4
    for (int k = 0; k < kChunks; ++k) add_tap<V>(acc[k], x + *tap + 4 * k * step, w);
  }
  const auto output = V::output(row.epilogue);
#pragma GCC unroll 4
  for (int k = 0; k < kChunks; ++k)
    V::store_chunk(row.epilogue, output, i + k * step, row.count - i - k * step, row.epilogue.multiplier + p * kChunk, acc[k]);
}

/// A row with any number of taps.
template <class V>
inline void row_of_any(const DepthwiseRow& row) noexcept {
  constexpr int kMost = V::kDepthwiseChunks;
  const std::int64_t step = row.period * V::kLanes * 4;
  for (std::int64_t p = 0; p < row.period; ++p) {
    std::int64_t i = p * V::kLanes * 4;
    for (; i + (kMost - 1) * step < row.count; i += kMost * step) chunks_of_any<V, kMost>(row, p, i, step);
    if constexpr (kMost > 2)
      for (; i + step < row.count; i += 2 * step) chunks_of_any<V, 2>(row, p, i, step);
    for (; i < row.count; i += step) chunks_of_any<V, 1>(row, p, i, step);
  }
}

/// A row with three taps, whose weights stay in registers, and the bias. Copies of what `row` says: outputs are bytes, which
/// might overlap anything the compiler knows of.
template <class V>
inline void row_of_three(const DepthwiseRow& row) noexcept {
  constexpr std::int64_t kChunk = V::kLanes * 4;
  const Epilogue epilogue = row.epilogue;
  const auto output = V::output(epilogue);
  const std::int64_t step = row.period * kChunk;
  const std::int64_t count = row.count;
  const std::uint8_t* x[3] = {row.quads + row.taps[0], row.quads + row.taps[1], row.quads + row.taps[2]};
  for (std::int64_t first = 0; first < step; first += kChunk) {
    typename V::Ints bias[4];
    typename V::Weights w[3][4];
    load_four<V>(bias, epilogue.bias + first);
#pragma GCC unroll 3
    for (int t = 0; t < 3; ++t) load_weights<V>(w[t], row.weights + (3 * first + t * kChunk) * V::kWeightBytes);
    for (std::int64_t i = first; i < count; i += step) {
      typename V::Ints acc[4];
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) acc[v] = bias[v];
#pragma GCC unroll 3
      for (int t = 0; t < 3; ++t) add_tap<V>(acc, x[t] + 4 * i, w[t]);
      V::store_chunk(epilogue, output, i, count - i, epilogue.multiplier + first, acc);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
