// The vector kernels between f32 and u8 for any V of u8_avx2.h or u8_avx512.h. Everything here has internal linkage.
#pragma once

#include "kernels/lut/lut.h"

namespace octet::kernels {
namespace {

template <class V>
inline bool quantize_run(const QuantizeF32& q) noexcept {
  constexpr std::int64_t kChunk = V::kVectors * V::kLanes;
  const auto finish = V::finish(q.out);
  const auto scale = V::floats(q.scale);
  bool numbers = true;
  for (std::int64_t i = 0; i < q.n; i += kChunk) {
    typename V::Floats x[V::kVectors];
    typename V::Floats t[V::kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < V::kVectors; ++v) {
      x[v] = V::load(q.x + i + v * V::kLanes, q.n - i - v * V::kLanes);
      t[v] = V::div(x[v], scale);
    }
    for (int v = 0; v < V::kVectors; v += 2) numbers = numbers && !V::any_nan(x[v], x[v + 1]);
    V::store(q.y + i, q.n - i, finish, t);
  }
  return numbers;
}

template <class V>
inline void dequantize_run(const DequantizeU8& d) noexcept {
  constexpr std::int64_t kChunk = V::kVectors * V::kLanes;
  const auto zero_point = V::ints(d.zero_point);
  const auto scale = V::floats(d.scale);
  for (std::int64_t i = 0; i < d.n; i += kChunk) {
    typename V::Ints q[V::kVectors];
    V::load(d.x + i, d.n - i, q);
#pragma GCC unroll 4
    for (int v = 0; v < V::kVectors; ++v)
      V::store(d.y + i + v * V::kLanes, d.n - i - v * V::kLanes, V::mul(scale, V::to_floats(V::sub(q[v], zero_point))));
  }
}

}  // namespace
}  // namespace octet::kernels
