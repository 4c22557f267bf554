#include "kernels/matmul/pairs.h"

#include <algorithm>

namespace octet::kernels {

void matmul_pairs_avx2(const PairTile& tile) noexcept;

namespace {

std::int64_t pairs_of(const MatMulShape& s) noexcept { return (s.depth + 1) / 2; }
std::int64_t blocks_of(const MatMulShape& s) noexcept { return (s.columns + kMatMulColumns - 1) / kMatMulColumns; }
std::int64_t block_values(const MatMulShape& s) noexcept { return pairs_of(s) * 2 * kMatMulColumns; }

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

/// A row of transposed b, which is a column: its pairs, each kMatMulColumns pairs after the one before.
void pack_column(const std::uint8_t* column, std::int64_t depth, std::int32_t zero, std::int16_t* packed) noexcept {
  constexpr std::int64_t kStep = 2 * kMatMulColumns;
  std::int64_t k = 0;
  for (; k + 2 <= depth; k += 2, packed += kStep) {
    packed[0] = static_cast<std::int16_t>(column[k] - zero);
    packed[1] = static_cast<std::int16_t>(column[k + 1] - zero);
  }
  if (k < depth) packed[0] = static_cast<std::int16_t>(column[k] - zero), packed[1] = 0;
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

std::size_t pairs_scratch_bytes(const MatMulShape& s) noexcept {
  return static_cast<std::size_t>(blocks_of(s) * block_values(s) + (kMostMatMulRows * 2 * pairs_of(s) + 31) / 32 * 32) * sizeof(std::int16_t);
}

/// b in the order of PairTile, block after block. Depths that do not exist are 0; columns that do not are 0 as well, so that nothing
/// undefined is read.
void pack_pairs(const MatMulU8& p, const std::uint8_t* b, void* scratch) noexcept {
  const MatMulShape& s = p.shape;
  auto* packed = static_cast<std::int16_t*>(scratch);
  for (std::int64_t first = 0; first < s.columns; first += kMatMulColumns, packed += block_values(s)) {
    const std::int64_t count = std::min(kMatMulColumns, s.columns - first);
    if (count < kMatMulColumns) std::fill_n(packed, block_values(s), std::int16_t{0});
    if (s.transpose_b) {
      for (std::int64_t c = 0; c < count; ++c) pack_column(b + (first + c) * s.depth, s.depth, p.zero_b, packed + 2 * c);
      continue;
    }
    for (std::int64_t pair = 0; pair < pairs_of(s); ++pair) {
      const std::uint8_t* row = b + 2 * pair * s.columns + first;
      pack_pair(row, 2 * pair + 1 < s.depth ? row + s.columns : nullptr, count, p.zero_b, packed + pair * 2 * kMatMulColumns);
    }
  }
}

void multiply_pairs(const MatMulU8& p, const std::uint8_t* a, std::int64_t rows, const Epilogue& output, void* scratch) noexcept {
  const MatMulShape& s = p.shape;
  const auto* packed = static_cast<const std::int16_t*>(scratch);
  std::int16_t* wide = static_cast<std::int16_t*>(scratch) + blocks_of(s) * block_values(s);
  widen_rows(p, a, rows, wide);
  for (std::int64_t first = 0; first < s.columns; first += kMatMulColumns, packed += block_values(s)) {
    Epilogue e = advanced(output, first);
    e.bias += first;
    e.multiplier += first;
    matmul_pairs_avx2({wide, packed, rows, std::min(kMatMulColumns, s.columns - first), pairs_of(s), e, s.columns});
  }
}

}  // namespace octet::kernels
