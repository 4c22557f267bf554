// The micro-kernel of quad.h for any vector type V. Everything here has internal linkage (see u8_avx2.h).
//
// V has: Ints (s32 lanes), Weights and Quad (a vector of weights, four bytes in every lane, as dot() takes them), kLanes,
// kWeightBytes, Output; ints(p), add(a, b), most(a, b), weights(p), quad(p), dot(acc, x, w), output(epilogue), store<ending>(epilogue, output, at,
// stride, count, multiplier, acc).
#pragma once

#include "kernels/gemm/quad.h"

namespace octet::kernels {
namespace {

/// A sum depends on the one before it for the four or five cycles vpdpbusd takes, two of which start in each cycle: tiles with
/// few sums keep several partial ones. They are added up at the end; integers may be added in any order.
constexpr int parts_of(int sums) noexcept { return sums >= 8 ? 1 : sums >= 4 ? 2 : sums >= 2 ? 4 : 8; }

/// One quad of depths: acc[r][v] += x[r] . w[v].
template <class V, int kRows, int kVectors>
[[gnu::always_inline]] inline void add_quad(typename V::Ints (&acc)[kRows][kVectors], const std::uint8_t* const (&x)[kRows],
                                            std::int64_t offset, const std::int8_t* weights) noexcept {
  typename V::Weights w[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) w[v] = V::weights(weights + v * V::kLanes * V::kWeightBytes);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const typename V::Quad a = V::quad(x[r] + offset);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) acc[r][v] = V::dot(acc[r][v], a, w[v]);
  }
}

/// What becomes of the sums. Each has functions of its own: where one holds several, the compiler keeps sums in memory.
enum class Ending { plain, pooled, added };

/// The sums of a tile, or of windows of its rows the largest.
template <class V, Ending kEnding, int kRows, int kVectors>
[[gnu::always_inline]] inline void store_rows(const QuadTile& t, const typename V::Output& output, std::int64_t first,
                                              const typename V::Ints (&acc)[kRows][kVectors]) noexcept {
  if constexpr (kEnding == Ending::pooled) {
    typename V::Ints most[kRows / kPooledRows][kVectors];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        auto& m = most[r / kPooledRows][v];
        m = r % kPooledRows == 0 ? acc[r][v] : V::most(m, acc[r][v]);
      }
    }
    V::template store<kEnding>(t.epilogue, output, first / kPooledRows * t.out_stride, t.out_stride, t.channels, t.epilogue.multiplier, most);
  } else {
    V::template store<kEnding>(t.epilogue, output, first * t.out_stride, t.out_stride, t.channels, t.epilogue.multiplier, acc);
  }
}

// Loops over rows, vectors and parts are unrolled, or the sums would live in memory.
template <class V, Ending kEnding, int kRows, int kVectors>
inline void quad_rows(const QuadTile& t, const typename V::Output& output, std::int64_t first) noexcept {
  constexpr int kParts = parts_of(kRows * kVectors);
  constexpr std::int64_t kStep = kVectors * V::kLanes * V::kWeightBytes;  // bytes of weights a quad
  const std::uint8_t* x[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) x[r] = t.x + t.rows[first + r];
  typename V::Ints acc[kParts][kRows][kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kParts; ++p) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) acc[p][r][v] = p == 0 ? V::ints(t.epilogue.bias + v * V::kLanes) : V::zero();
    }
  }
  const std::int32_t* const quads = t.quads;
  const std::int64_t count = t.quad_count;
  const std::int8_t* weights = t.weights;
  std::int64_t q = 0;
  for (; q + kParts <= count; q += kParts, weights += kParts * kStep) {
#pragma GCC unroll 8
    for (int p = 0; p < kParts; ++p) add_quad<V>(acc[p], x, quads[q + p], weights + p * kStep);
  }
  for (; kParts > 1 && q < count; ++q, weights += kStep) add_quad<V>(acc[0], x, quads[q], weights);
#pragma GCC unroll 8
  for (int p = 1; p < kParts; ++p) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) acc[0][r][v] = V::add(acc[0][r][v], acc[p][r][v]);
    }
  }
  store_rows<V, kEnding>(t, output, first, acc[0]);
}

/// Any number of rows up to kMost, a compile-time constant for each.
template <class V, Ending kEnding, int kMost, int kVectors>
inline void quad_rows_of(const QuadTile& t, const typename V::Output& output, std::int64_t first, std::int64_t count) noexcept {
  if constexpr (kMost > 1) {
    if (count < kMost) {
      quad_rows_of<V, kEnding, kMost - 1, kVectors>(t, output, first, count);
      return;
    }
  }
  quad_rows<V, kEnding, kMost, kVectors>(t, output, first);
}

/// All rows, in tiles of nearly the same size.
template <class V, Ending kEnding, int kMost, int kVectors>
[[gnu::noinline]] void even_tiles(const QuadTile& t) noexcept {
  const typename V::Output output = V::output(t.epilogue);
  const std::int64_t tiles = (t.row_count + kMost - 1) / kMost;
  if (tiles == 0) return;
  const std::int64_t least = t.row_count / tiles;
  std::int64_t larger = t.row_count - tiles * least;  // tiles of one row more
  for (std::int64_t first = 0; first < t.row_count;) {
    const std::int64_t count = least + (larger-- > 0 ? 1 : 0);
    quad_rows_of<V, kEnding, kMost, kVectors>(t, output, first, count);
    first += count;
  }
}

/// All rows, in tiles of whole windows.
template <class V, int kMost, int kVectors>
[[gnu::noinline]] void pooled_tiles(const QuadTile& t) noexcept {
  const typename V::Output output = V::output(t.epilogue);
  constexpr int kRows = kMost / kPooledRows * kPooledRows;
  std::int64_t first = 0;
  for (; first + kRows <= t.row_count; first += kRows) quad_rows<V, Ending::pooled, kRows, kVectors>(t, output, first);
  for (; kRows > kPooledRows && first < t.row_count; first += kPooledRows) quad_rows<V, Ending::pooled, kPooledRows, kVectors>(t, output, first);
}

template <class V, int kMost, int kVectors>
inline void quad_block(const QuadTile& t) noexcept {
  if (t.pooled) {
    pooled_tiles<V, kMost, kVectors>(t);
  } else if (t.epilogue.residual != nullptr) {
    even_tiles<V, Ending::added, kMost, kVectors>(t);
  } else {
    even_tiles<V, Ending::plain, kMost, kVectors>(t);
  }
}

}  // namespace
}  // namespace octet::kernels
