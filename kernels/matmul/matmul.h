// Matrix products of two activations, many of them at once: y = a b for each of `batch` pairs.
//
// u8: acc = sum over k of (a - z_a)(b - z_b), exact in s32 (depth * 255^2 < 2^31), then the epilogue, whose bias is 0 and
// whose multiplier is the same for every column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/epilogue.h"
#include "kernels/isa.h"

namespace octet::kernels {

/// Each a is [rows, depth], each b [depth, columns] or, transposed, [columns, depth]; each y [rows, columns], one after the
/// other. a_offsets and b_offsets say where each pair lies, in elements.
struct MatMulShape {
  std::int64_t batch = 1, rows = 1, depth = 1, columns = 1;
  bool transpose_b = false;
  const std::int64_t* a_offsets = nullptr;
  const std::int64_t* b_offsets = nullptr;
};

struct MatMulU8 {
  MatMulShape shape;
  const std::uint8_t* a = nullptr;
  const std::uint8_t* b = nullptr;
  std::int32_t zero_a = 0, zero_b = 0;
  /// multiplier and bias have an entry for each column, filled up to a multiple of kPairColumns.
  Epilogue epilogue;
  int threads = 1;
};
void matmul_u8_reference(const MatMulU8& product) noexcept;

/// y = clamp-free scale * sum; sums in f32, in the order of k. `scratch` has room for threads * depth * columns floats where b
/// is transposed.
struct MatMulF32 {
  MatMulShape shape;
  const float* a = nullptr;
  const float* b = nullptr;
  float scale = 1;
  float* y = nullptr;
  float* scratch = nullptr;
  int threads = 1;
};
void matmul_f32_reference(const MatMulF32& product) noexcept;

// ---- Kernels that widen both sides to s16, zero-points subtracted, and multiply pairs of depths.

inline constexpr std::int64_t kPairRows = 8;
inline constexpr std::int64_t kPairColumns = 32;

/// Up to kPairRows rows times up to kPairColumns columns of one pair of matrices.
struct PairTile {
  const std::int16_t* a = nullptr;  ///< [rows][2 * pairs]
  const std::int16_t* b = nullptr;  ///< for each pair of depths, for each of kPairColumns columns, two values
  std::int64_t rows = 1, columns = 1, pairs = 1;
  Epilogue epilogue;                ///< of these columns; y or real is the first row's first one
  std::int64_t out_stride = 0;
};

struct PairKernel {
  const char* name;
  Isa isa;
  void (*run)(const PairTile& tile) noexcept;
};

/// Every kernel, whatever this CPU is.
[[nodiscard]] std::span<const PairKernel> pair_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const PairKernel* find_pair_kernel(Isa cap) noexcept;

[[nodiscard]] std::size_t matmul_pairs_scratch(const MatMulShape& shape, int threads) noexcept;

/// The same bytes as matmul_u8_reference. `scratch` of matmul_pairs_scratch(), 64-byte aligned.
void matmul_u8_pairs(const PairKernel& kernel, const MatMulU8& product, void* scratch) noexcept;

}  // namespace octet::kernels
