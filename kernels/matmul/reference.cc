#include <algorithm>

#include "kernels/matmul/matmul.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void matmul_u8_reference(const MatMulU8& p) noexcept {
  const MatMulShape& s = p.shape;
  const std::int64_t step_k = s.transpose_b ? 1 : s.columns;
  const std::int64_t step_c = s.transpose_b ? s.depth : 1;
  parallel_for(p.threads, s.batch * s.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::uint8_t* a = p.a + s.a_offsets[r / s.rows] + r % s.rows * s.depth;
      const std::uint8_t* b = p.b + s.b_offsets[r / s.rows];
      for (std::int64_t c = 0; c < s.columns; ++c) {
        std::int32_t acc = 0;
        for (std::int64_t k = 0; k < s.depth; ++k) acc += (a[k] - p.zero_a) * (b[c * step_c + k * step_k] - p.zero_b);
        store(p.epilogue, r * s.columns + c, c, acc);
      }
    }
  });
}

/// Each row of b is read once for all rows of a.
void matmul_rows_f32_reference(const MatMulF32& p, const float* a, const float* b, std::int64_t rows, float* y) noexcept {
  const std::int64_t n = p.shape.columns;
  std::fill(y, y + rows * n, 0.0F);
  for (std::int64_t k = 0; k < p.shape.depth; ++k) {
    const float* from = b + k * n;
    for (std::int64_t r = 0; r < rows; ++r) {
      const float factor = a[r * p.shape.depth + k];
      float* to = y + r * n;
      for (std::int64_t c = 0; c < n; ++c) to[c] += factor * from[c];
    }
  }
  if (p.scale != 1.0F)
    for (std::int64_t i = 0; i < rows * n; ++i) y[i] *= p.scale;
}

}  // namespace octet::kernels
