#include "kernels/matmul/matmul.h"

#include <algorithm>
#include <array>

#include "kernels/choose.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void matmul_pairs_avx2(const PairTile& tile) noexcept;
void matmul_pairs_avx512vnni(const PairTile& tile) noexcept;

namespace {

constexpr std::array kKernels = {
    PairKernel{"matmul_u8u8_avx2", Isa::avx2, matmul_pairs_avx2},
    PairKernel{"matmul_u8u8_avx512vnni", Isa::avx512vnni, matmul_pairs_avx512vnni},
};

std::int64_t pairs_of(const MatMulShape& s) noexcept { return (s.depth + 1) / 2; }
std::int64_t blocks_of(const MatMulShape& s) noexcept { return (s.columns + kPairColumns - 1) / kPairColumns; }
std::int64_t packed_values(const MatMulShape& s) noexcept { return blocks_of(s) * pairs_of(s) * 2 * kPairColumns; }
std::int64_t row_values(const MatMulShape& s) noexcept { return kPairRows * 2 * pairs_of(s); }

/// b in the order of PairTile, block after block; what does not exist is 0.
void pack_b(const MatMulU8& p, const std::uint8_t* b, std::int16_t* packed) noexcept {
  const MatMulShape& s = p.shape;
  const std::int64_t step_k = s.transpose_b ? 1 : s.columns;
  const std::int64_t step_c = s.transpose_b ? s.depth : 1;
  const std::int64_t pairs = pairs_of(s);
  for (std::int64_t block = 0; block < blocks_of(s); ++block) {
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      for (std::int64_t c = block * kPairColumns; c < (block + 1) * kPairColumns; ++c) {
        for (std::int64_t k = 2 * pair; k < 2 * pair + 2; ++k) {
          const bool exists = c < s.columns && k < s.depth;
          *packed++ = exists ? static_cast<std::int16_t>(b[c * step_c + k * step_k] - p.zero_b) : std::int16_t{0};
        }
      }
    }
  }
}

void widen_rows(const MatMulU8& p, const std::uint8_t* a, std::int64_t rows, std::int16_t* wide) noexcept {
  const std::int64_t depth = p.shape.depth;
  const std::int64_t stride = 2 * pairs_of(p.shape);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t k = 0; k < depth; ++k) wide[r * stride + k] = static_cast<std::int16_t>(a[r * depth + k] - p.zero_a);
    if (stride != depth) wide[r * stride + depth] = 0;
  }
}

}  // namespace

std::span<const PairKernel> pair_kernels() noexcept { return kKernels; }

const PairKernel* find_pair_kernel(Isa cap) noexcept { return best_of(pair_kernels(), cap); }

std::size_t matmul_pairs_scratch(const MatMulShape& shape, int threads) noexcept {
  return static_cast<std::size_t>(threads) * static_cast<std::size_t>(packed_values(shape) + row_values(shape)) * sizeof(std::int16_t);
}

void matmul_u8_pairs(const PairKernel& kernel, const MatMulU8& p, void* scratch) noexcept {
  const MatMulShape& s = p.shape;
  const std::int64_t pairs = pairs_of(s);
  parallel_pieces(p.threads, s.batch * s.rows, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    auto* packed = static_cast<std::int16_t*>(scratch) + piece * (packed_values(s) + row_values(s));
    std::int16_t* wide = packed + packed_values(s);
    std::int64_t held = -1;  // the batch whose b is packed
    for (std::int64_t r = begin; r < end;) {
      const std::int64_t batch = r / s.rows;
      const std::int64_t rows = std::min({kPairRows, end - r, (batch + 1) * s.rows - r});
      if (held != batch) pack_b(p, p.b + s.b_offsets[batch], packed);
      held = batch;
      widen_rows(p, p.a + s.a_offsets[batch] + r % s.rows * s.depth, rows, wide);
      for (std::int64_t block = 0; block < blocks_of(s); ++block) {
        const std::int64_t first = block * kPairColumns;
        Epilogue e = advanced(p.epilogue, r * s.columns + first);
        e.bias += first;
        e.multiplier += first;
        kernel.run({wide, packed + block * pairs * 2 * kPairColumns, rows, std::min(kPairColumns, s.columns - first), pairs, e, s.columns});
      }
      r += rows;
    }
  });
}

}  // namespace octet::kernels
