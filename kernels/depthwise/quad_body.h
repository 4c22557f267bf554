// The kernels of quad_depthwise.h for any vector type V with vpdpbusd. Everything here has internal linkage (see u8_avx2.h).
//
// V has: Ints (s32 lanes), kLanes, Output; load(p), store(p, v), dot(acc, x, w); bytes(p, count), order(p) for regroup(x, order),
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
inline void add_tap(typename V::Ints (&acc)[4], const std::uint8_t* x, const typename V::Ints (&w)[4]) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) acc[v] = V::dot(acc[v], V::load(x + v * V::kLanes * 4), w[v]);
}

template <class V>
inline void load_four(typename V::Ints (&to)[4], const void* from) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) to[v] = V::load(static_cast<const std::uint8_t*>(from) + v * V::kLanes * 4);
}

/// A row with any number of taps.
template <class V>
inline void row_of_any(const DepthwiseRow& row) noexcept {
  constexpr std::int64_t kChunk = V::kLanes * 4;
  const auto output = V::output(row.epilogue);
  for (std::int64_t p = 0; p < row.period; ++p) {
    const std::int8_t* weights = row.weights + p * row.tap_count * kChunk * 4;
    for (std::int64_t i = p * kChunk; i < row.count; i += row.period * kChunk) {
      typename V::Ints acc[4];
      load_four<V>(acc, row.epilogue.bias + p * kChunk);
      for (std::int64_t t = 0; t < row.tap_count; ++t) {
        typename V::Ints w[4];
        load_four<V>(w, weights + t * kChunk * 4);
        add_tap<V>(acc, row.quads + row.taps[t] + 4 * i, w);
      }
      V::store_chunk(row.epilogue, output, i, row.count - i, row.epilogue.multiplier + p * kChunk, acc);
    }
  }
}

/// A row with three taps, whose weights stay in registers.
template <class V>
inline void row_of_three(const DepthwiseRow& row) noexcept {
  constexpr std::int64_t kChunk = V::kLanes * 4;
  const auto output = V::output(row.epilogue);
  const std::uint8_t* x0 = row.quads + row.taps[0];
  const std::uint8_t* x1 = row.quads + row.taps[1];
  const std::uint8_t* x2 = row.quads + row.taps[2];
  for (std::int64_t p = 0; p < row.period; ++p) {
    typename V::Ints w[3][4];
#pragma GCC unroll 3
    for (int t = 0; t < 3; ++t) load_four<V>(w[t], row.weights + (p * 3 + t) * kChunk * 4);
    for (std::int64_t i = p * kChunk; i < row.count; i += row.period * kChunk) {
      typename V::Ints acc[4];
      load_four<V>(acc, row.epilogue.bias + p * kChunk);
      add_tap<V>(acc, x0 + 4 * i, w[0]);
      add_tap<V>(acc, x1 + 4 * i, w[1]);
      add_tap<V>(acc, x2 + 4 * i, w[2]);
      V::store_chunk(row.epilogue, output, i, row.count - i, row.epilogue.multiplier + p * kChunk, acc);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
