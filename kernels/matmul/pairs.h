// Products whose sides are widened to s16, zero-points subtracted, two depths at a time: for AVX2, which multiplies no bytes exactly.
#pragma once

#include "kernels/matmul/matmul.h"

namespace octet::kernels {

/// Up to kMostMatMulRows rows times up to kMatMulColumns columns of one pair of matrices.
struct PairTile {
  const std::int16_t* a = nullptr;  ///< [rows][2 * pairs]
  const std::int16_t* b = nullptr;  ///< for each pair of depths, for each of kMatMulColumns columns, two values
  std::int64_t rows = 1, columns = 1, pairs = 1;
  Epilogue epilogue;                ///< of these columns; y or real is the first row's first one
  std::int64_t out_stride = 0;
};

// A MatMulKernel's functions.
[[nodiscard]] std::size_t pairs_scratch_bytes(const MatMulShape& shape) noexcept;
void pack_pairs(const MatMulU8& product, const std::uint8_t* b, void* scratch) noexcept;
void multiply_pairs(const MatMulU8& product, const std::uint8_t* a, std::int64_t rows, const Epilogue& output, void* scratch) noexcept;

}  // namespace octet::kernels
