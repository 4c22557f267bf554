// Softmax.
#pragma once

#include <cstdint>

#include "kernels/quant_math.h"

namespace octet::kernels {

/// Along the last axis of x [rows, columns]. With d = max(x[r]) - x[r, c] and E = table: S = sum of E[d] over the row (exact,
/// u64), reciprocal = f32(1 / (f64(S) * s_out)), y[r, c] = finish_u8(f32(E[d]) * reciprocal, out).
/// table[d] = rne(2^23 exp(-s_x d)), so E[0] = 2^23 and S is never 0.
struct SoftmaxU8 {
  std::int64_t rows = 1, columns = 1;
  const std::uint8_t* x = nullptr;
  const std::uint32_t* table = nullptr;  ///< 256 entries
  float scale = 1;                       ///< s_out
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void softmax_u8_reference(const SoftmaxU8& softmax) noexcept;

/// exp(x - max) / sum, in f64, along the middle axis of x [outer, n, inner].
void softmax_f32_reference(const float* x, std::int64_t outer, std::int64_t n, std::int64_t inner, float* y, int threads) noexcept;

}  // namespace octet::kernels
