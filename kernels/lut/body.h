// The vector kernels between f32 and u8 for any V of u8_avx2.h or u8_avx512.h. Everything here has internal linkage.
#pragma once

#include "kernels/lut/lut.h"

namespace octet::kernels {
namespace {

/// What quantization uses of its parameters, read once: bytes are written, which might overlap anything the compiler knows of.
///
/// Division is the slowest operation by far, and its last bits seldom matter: x * r, r = f32(1 / s), is within 3 roundings of x / s,
/// which is less than 1e-4 where |x / s| < 512, and beyond that both are clamped alike. So where no x * r of a chunk is within 1e-4 of a
/// tie, it rounds to what x / s rounds to. Where one is, or is NaN, the chunk is divided.
template <class V>
struct Quantizer {
  typename V::Finish finish;
  typename V::Floats scale, inverse;
  bool precise;  ///< below the least normal number r has fewer bits

  explicit Quantizer(const QuantizeF32& q) noexcept
      : finish(V::finish(q.out)), scale(V::floats(q.scale)), inverse(V::floats(1.0F / q.scale)), precise(1.0F / q.scale >= 1.17549435e-38F) {}

  /// The first `count` of a chunk. False if one was NaN.
  [[gnu::always_inline]] bool run(const float* from, std::uint8_t* to, std::int64_t count) const noexcept {
    typename V::Floats x[V::kVectors];
    typename V::Floats t[V::kVectors];
    bool numbers = true;
#pragma GCC unroll 4
    for (int v = 0; v < V::kVectors; ++v) {
      x[v] = V::load(from + v * V::kLanes, count - v * V::kLanes);
      t[v] = V::mul(x[v], inverse);
    }
    if (!precise || !V::far_from_ties(t)) [[unlikely]] {
#pragma GCC unroll 4
      for (int v = 0; v < V::kVectors; ++v) t[v] = V::div(x[v], scale);
#pragma GCC unroll 2
      for (int v = 0; v < V::kVectors; v += 2) numbers = numbers && !V::any_nan(x[v], x[v + 1]);
    }
    V::store(to, count, finish, t);
    return numbers;
  }
};

template <class V>
inline bool quantize_run(const QuantizeF32& q) noexcept {
  constexpr std::int64_t kChunk = V::kVectors * V::kLanes;
  const Quantizer<V> quantizer(q);
  const float* x = q.x;
  std::uint8_t* y = q.y;
  const std::int64_t n = q.n;
  bool numbers = true;
  std::int64_t i = 0;
  for (; i + kChunk <= n; i += kChunk) numbers &= quantizer.run(x + i, y + i, kChunk);
  if (i < n) numbers &= quantizer.run(x + i, y + i, n - i);
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
