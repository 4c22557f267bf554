// Matrix product with constant weights: y[r, o] = finish(bias[o] + sum over k of (x[r, k] - z) * w[o, k]).
#pragma once

#include <cstdint>

#include "kernels/epilogue.h"

namespace octet::kernels {

struct GemmU8 {
  std::int64_t rows = 1, depth = 1, out = 1;
  const std::uint8_t* x = nullptr;       ///< [rows, depth]
  std::int32_t zero_point = 0;           ///< z of x
  const std::int8_t* weights = nullptr;  ///< [out, depth]
  Epilogue epilogue;
  int threads = 1;
};

/// The specification. |bias| + 255 sum|w| < 2^31 for every output.
void gemm_u8s8_reference(const GemmU8& gemm) noexcept;

struct GemmF32 {
  std::int64_t rows = 1, depth = 1, out = 1;
  const float* x = nullptr;
  const float* weights = nullptr;
  const float* bias = nullptr;  ///< [out] or null
  float clamp_min = 0, clamp_max = 0;
  float* y = nullptr;
  int threads = 1;
};

/// Sums in f64; checks the float path.
void gemm_f32_reference(const GemmF32& gemm) noexcept;

}  // namespace octet::kernels
