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

/// Columns [first, first + count) of rows k and k + 1 (null: there is none) of b, side by side.
void pack_pair(const std::uint8_t* row, const std::uint8_t* next, std::int64_t count, std::int32_t zero, std::int16_t* packed) noexcept {
  if (next == nullptr) {
    for (std::int64_t c = 0; c < count; ++c) packed[2 * c] = static_cast<std::int16_t>(row[c] - zero), packed[2 * c + 1] = 0;
    return;
  }
  for (std::int64_t c = 0; c < count; ++c) {
    packed[2 * c] = static_cast<std::int16_t>(row[c] - zero);
    packed[2 * c + 1] = static_cast<std::int16_t>(next[c] - zero);
  }
}

/// A row of transposed b, which is a column: its pairs, each kPairColumns pairs after the one before.
void pack_column(const std::uint8_t* column, std::int64_t depth, std::int32_t zero, std::int16_t* packed) noexcept {
  constexpr std::int64_t kStep = 2 * kPairColumns;
  std::int64_t k = 0;
  for (; k + 2 <= depth; k += 2, packed += kStep) {
    packed[0] = static_cast<std::int16_t>(column[k] - zero);
    packed[1] = static_cast<std::int16_t>(column[k + 1] - zero);
  }
  if (k < depth) packed[0] = static_cast<std::int16_t>(column[k] - zero), packed[1] = 0;
}

/// b in the order of PairTile, block after block. Depths that do not exist are 0; columns that do not are 0 as well, so that nothing
/// undefined is read.
void pack_b(const MatMulU8& p, const std::uint8_t* b, std::int16_t* packed) noexcept {
  const MatMulShape& s = p.shape;
  const std::int64_t pairs = pairs_of(s);
  const std::int64_t block_values = pairs * 2 * kPairColumns;
  for (std::int64_t first = 0; first < s.columns; first += kPairColumns, packed += block_values) {
    const std::int64_t count = std::min(kPairColumns, s.columns - first);
    if (count < kPairColumns) std::fill_n(packed, block_values, std::int16_t{0});
    if (s.transpose_b) {
      for (std::int64_t c = 0; c < count; ++c) pack_column(b + (first + c) * s.depth, s.depth, p.zero_b, packed + 2 * c);
      continue;
    }
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const std::uint8_t* row = b + 2 * pair * s.columns + first;
      pack_pair(row, 2 * pair + 1 < s.depth ? row + s.columns : nullptr, count, p.zero_b, packed + pair * 2 * kPairColumns);
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
  Epilogue output = p.epilogue;
  output.below_one = below_one(p.epilogue.multiplier, 1);  // the same for every column
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
        Epilogue e = advanced(output, r * s.columns + first);
        e.bias += first;
        e.multiplier += first;
        kernel.run({wide, packed + block * pairs * 2 * kPairColumns, rows, std::min(kPairColumns, s.columns - first), pairs, e, s.columns});
      }
      r += rows;
    }
  });
}

}  // namespace octet::kernels
