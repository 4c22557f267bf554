// Products of u8 and s8, four depths at a time, as VNNI's vpdpbusd does them: b is packed as b - 128, and
//   sum (a - z_a)(b - z_b) = sum a (b - 128) + (128 - z_b) sum a - z_a sum (b - 128) - depth z_a (128 - z_b),
// where the second term is the same for all of a row, the last two for all of a column.
#pragma once

#include "kernels/matmul/matmul.h"

namespace octet::kernels {

/// Up to kMatMulColumns columns of b to be packed: for each quad of depths, for each column, four values b - 128, and 0 for what does not
/// exist.
struct QuadColumns {
  const std::uint8_t* b = nullptr;  ///< of depth 0 and the first column
  std::int64_t stride = 0;          ///< bytes from one depth to the next or, transposed, from one column to the next
  bool transposed = false;
  std::int64_t depth = 1, columns = 1;
  std::int32_t zero_a = 0, zero_b = 0;
  std::int8_t* packed = nullptr;
  std::int32_t* terms = nullptr;  ///< [kMatMulColumns], what is the same for all of a column
};

/// Up to kMostMatMulRows rows times such columns.
struct QuadRows {
  const std::uint8_t* a = nullptr;
  std::int64_t a_stride = 0;  ///< at least 4 * quads
  std::int64_t rows = 1, columns = 1, quads = 1;
  const std::int32_t* row_terms = nullptr;
  const std::int8_t* packed = nullptr;
  const std::int32_t* column_terms = nullptr;
  Epilogue epilogue;  ///< of these columns; y or real is the first row's first one
  std::int64_t out_stride = 0;
};

/// sums[r] = factor * sum over k of a[r, k].
struct RowSums {
  const std::uint8_t* a = nullptr;
  std::int64_t stride = 0, rows = 1, depth = 1;
  std::int32_t factor = 1;
  std::int32_t* sums = nullptr;
};

// A MatMulKernel's functions.
[[nodiscard]] std::size_t quads_scratch_bytes(const MatMulShape& shape) noexcept;
void pack_quads(const MatMulU8& product, const std::uint8_t* b, void* scratch) noexcept;
void multiply_quads(const MatMulU8& product, const std::uint8_t* a, std::int64_t rows, const Epilogue& output, void* scratch) noexcept;

}  // namespace octet::kernels
