#include "kernels/matmul/matmul.h"

#include <algorithm>
#include <array>

#include "kernels/choose.h"
#include "kernels/matmul/pairs.h"
#include "kernels/matmul/quads.h"
#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

constexpr std::array kKernels = {
    MatMulKernel{"matmul_u8u8_avx2", Isa::avx2, pairs_scratch_bytes, pack_pairs, multiply_pairs},
    MatMulKernel{"matmul_u8u8_avx512vnni", Isa::avx512vnni, quads_scratch_bytes, pack_quads, multiply_quads},
};

}  // namespace

std::span<const MatMulKernel> matmul_kernels() noexcept { return kKernels; }

const MatMulKernel* find_matmul_kernel(Isa cap) noexcept { return best_of(matmul_kernels(), cap); }

std::size_t matmul_scratch_bytes(const MatMulKernel& kernel, const MatMulShape& shape, int threads) noexcept {
  return static_cast<std::size_t>(threads) * kernel.scratch_bytes(shape);
}

void matmul_u8(const MatMulKernel& kernel, const MatMulU8& p, void* scratch) noexcept {
  const MatMulShape& s = p.shape;
  Epilogue output = p.epilogue;
  output.below_one = below_one(p.epilogue.multiplier, 1);  // the same for every column
  const auto own_bytes = static_cast<std::int64_t>(kernel.scratch_bytes(s));
  parallel_pieces(p.threads, s.batch * s.rows, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    std::byte* own = static_cast<std::byte*>(scratch) + piece * own_bytes;
    std::int64_t held = -1;  // the batch whose b is packed
    for (std::int64_t r = begin; r < end;) {
      const std::int64_t batch = r / s.rows;
      const std::int64_t rows = std::min({kMostMatMulRows, end - r, (batch + 1) * s.rows - r});
      if (held != batch) kernel.pack_b(p, p.b + s.b_offsets[batch], own);
      held = batch;
      kernel.run(p, p.a + s.a_offsets[batch] + r % s.rows * s.depth, rows, advanced(output, r * s.columns), own);
      r += rows;
    }
  });
}

void matmul_f32(MatMulRowsF32 multiply, const MatMulF32& p) noexcept {
  const MatMulShape& s = p.shape;
  parallel_pieces(p.threads, s.batch * s.rows, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    float* transposed = p.scratch + piece * s.depth * s.columns;
    std::int64_t held = -1;  // the batch whose b is in `transposed`
    for (std::int64_t r = begin; r < end;) {
      const std::int64_t batch = r / s.rows;
      const std::int64_t count = std::min({kMatMulRowsF32, end - r, (batch + 1) * s.rows - r});
      const float* b = p.b + s.b_offsets[batch];
      if (s.transpose_b) {
        if (held != batch)
          for (std::int64_t c = 0; c < s.columns; ++c)
            for (std::int64_t k = 0; k < s.depth; ++k) transposed[k * s.columns + c] = b[c * s.depth + k];
        held = batch;
        b = transposed;
      }
      multiply(p, p.a + s.a_offsets[batch] + r % s.rows * s.depth, b, count, p.y + r * s.columns);
      r += count;
    }
  });
}

}  // namespace octet::kernels
