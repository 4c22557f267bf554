// layer_norm_u8 for any V of u8_avx2.h or u8_avx512.h. Everything here has internal linkage.
#pragma once

#include "kernels/norm/norm.h"

namespace octet::kernels {
namespace {

struct RowSums {
  std::int32_t sum = 0;
  std::int64_t squares = 0;
};

/// Lanes of squares stay in s32: kMaxLayerNormSize / 8 values of at most 255^2.
template <class V>
inline RowSums sums_of(const std::uint8_t* x, std::int64_t n) noexcept {
  constexpr std::int64_t kChunk = V::kVectors * V::kLanes;
  typename V::Ints sum[V::kVectors];
  typename V::Ints squares[V::kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < V::kVectors; ++v) sum[v] = squares[v] = V::ints(0);
  for (std::int64_t i = 0; i < n; i += kChunk) {
    typename V::Ints q[V::kVectors];
    V::load(x + i, n - i, q);
#pragma GCC unroll 4
    for (int v = 0; v < V::kVectors; ++v) {
      sum[v] = V::add(sum[v], q[v]);
      squares[v] = V::add(squares[v], V::square(q[v]));
    }
  }
  RowSums sums;
  for (int v = 0; v < V::kVectors; ++v) {
    std::int32_t lanes[2][V::kLanes];
    __builtin_memcpy(lanes[0], &sum[v], sizeof(lanes[0]));
    __builtin_memcpy(lanes[1], &squares[v], sizeof(lanes[1]));
    for (int i = 0; i < V::kLanes; ++i) sums.sum += lanes[0][i], sums.squares += lanes[1][i];
  }
  return sums;
}

template <class V>
inline void layer_norm_rows(const LayerNormU8& p, std::int64_t begin, std::int64_t end) noexcept {
  constexpr std::int64_t kChunk = V::kVectors * V::kLanes;
  const auto finish = V::finish(p.out);
  const auto n = V::floats(static_cast<float>(p.n));
  for (std::int64_t row = begin; row < end; ++row) {
    const std::uint8_t* x = p.x + row * p.n;
    std::uint8_t* y = p.y + row * p.n;
    const RowSums sums = sums_of<V>(x, p.n);
    const std::int64_t variance = p.n * sums.squares - std::int64_t{sums.sum} * sums.sum;
    const double root = __builtin_sqrt(static_cast<double>(variance) + p.epsilon);
    const auto r = V::floats(root == 0 ? 0.0F : static_cast<float>(1.0 / root));
    const auto minus_sum = V::floats(static_cast<float>(-sums.sum));
    for (std::int64_t i = 0; i < p.n; i += kChunk) {
      typename V::Ints q[V::kVectors];
      typename V::Floats t[V::kVectors];
      V::load(x + i, p.n - i, q);
#pragma GCC unroll 4
      for (int v = 0; v < V::kVectors; ++v) {
        const std::int64_t at = i + v * V::kLanes;
        // n q and the sum are whole and below 2^24: exact in f32.
        const auto centered = V::add(V::mul(V::to_floats(q[v]), n), minus_sum);
        t[v] = V::add(V::mul(V::mul(centered, r), V::load(p.gain + at, p.n - at)), V::load(p.shift + at, p.n - at));
      }
      V::store(y + i, p.n - i, finish, t);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
