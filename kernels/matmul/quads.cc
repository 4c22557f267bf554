#include "kernels/matmul/quads.h"

#include <algorithm>
#include <cstring>

namespace octet::kernels {

void matmul_pack_avx512vnni(const QuadColumns& columns) noexcept;
void matmul_row_sums_avx512vnni(const RowSums& sums) noexcept;
void matmul_quads_avx512vnni(const QuadRows& rows) noexcept;

namespace {

constexpr std::int64_t kTerms = kMatMulColumns * sizeof(std::int32_t);  ///< bytes of a block

std::int64_t quads_of(const MatMulShape& s) noexcept { return (s.depth + 3) / 4; }
std::int64_t blocks_of(const MatMulShape& s) noexcept { return (s.columns + kMatMulColumns - 1) / kMatMulColumns; }

/// A block's columns' terms, then its weights.
std::int64_t block_bytes(const MatMulShape& s) noexcept { return kTerms + quads_of(s) * 4 * kMatMulColumns; }

/// Rows of whole quads; those of other depths are copied.
std::int64_t copied_bytes(const MatMulShape& s) noexcept { return s.depth % 4 == 0 ? 0 : kMostMatMulRows * 4 * quads_of(s); }

}  // namespace

std::size_t quads_scratch_bytes(const MatMulShape& s) noexcept {
  return static_cast<std::size_t>(blocks_of(s) * block_bytes(s) + (copied_bytes(s) + 63) / 64 * 64);
}

void pack_quads(const MatMulU8& p, const std::uint8_t* b, void* scratch) noexcept {
  const MatMulShape& s = p.shape;
  auto* block = static_cast<std::byte*>(scratch);
  for (std::int64_t first = 0; first < s.columns; first += kMatMulColumns, block += block_bytes(s)) {
    QuadColumns c;
    c.b = b + (s.transpose_b ? first * s.depth : first);
    c.stride = s.transpose_b ? s.depth : s.columns;
    c.transposed = s.transpose_b;
    c.depth = s.depth;
    c.columns = std::min(kMatMulColumns, s.columns - first);
    c.zero_a = p.zero_a, c.zero_b = p.zero_b;
    c.terms = reinterpret_cast<std::int32_t*>(block);
    c.packed = reinterpret_cast<std::int8_t*>(block + kTerms);
    matmul_pack_avx512vnni(c);
  }
}

void multiply_quads(const MatMulU8& p, const std::uint8_t* a, std::int64_t rows, const Epilogue& output, void* scratch) noexcept {
  const MatMulShape& s = p.shape;
  const auto* block = static_cast<const std::byte*>(scratch);
  std::int32_t row_terms[kMostMatMulRows] = {};
  if (p.zero_b != 128) matmul_row_sums_avx512vnni({a, s.depth, rows, s.depth, 128 - p.zero_b, row_terms});
  QuadRows t;
  t.a = a;
  t.a_stride = s.depth;
  t.rows = rows;
  t.quads = quads_of(s);
  t.row_terms = row_terms;
  t.out_stride = s.columns;
  if (copied_bytes(s) != 0) {
    auto* copy = static_cast<std::uint8_t*>(scratch) + blocks_of(s) * block_bytes(s);
    t.a_stride = 4 * t.quads;
    std::memset(copy, 0, static_cast<std::size_t>(rows * t.a_stride));
    for (std::int64_t r = 0; r < rows; ++r) std::memcpy(copy + r * t.a_stride, a + r * s.depth, static_cast<std::size_t>(s.depth));
    t.a = copy;
  }
  for (std::int64_t first = 0; first < s.columns; first += kMatMulColumns, block += block_bytes(s)) {
    t.columns = std::min(kMatMulColumns, s.columns - first);
    t.column_terms = reinterpret_cast<const std::int32_t*>(block);
    t.packed = reinterpret_cast<const std::int8_t*>(block + kTerms);
    t.epilogue = advanced(output, first);
    t.epilogue.multiplier += first;
    matmul_quads_avx512vnni(t);
  }
}

}  // namespace octet::kernels
