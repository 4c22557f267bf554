// Matrix products of two activations, many of them at once: y = a b for each of `batch` pairs.
//
// u8: acc = sum over k of (a - z_a)(b - z_b), exact in s32 (depth * 255^2 < 2^31), then the epilogue, whose bias is 0 and
// whose multiplier is the same for every column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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
  /// multiplier and bias have an entry for each column, filled up to a multiple of kMatMulColumns.
  Epilogue epilogue;
  int threads = 1;
};
void matmul_u8_reference(const MatMulU8& product) noexcept;

/// y = scale * sum; sums in f32, in the order of k, each product rounded. `scratch` has room for threads * depth * columns floats where b
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

/// y [rows, columns] of up to kMatMulRowsF32 rows of one a and its b [depth, columns].
using MatMulRowsF32 = void (*)(const MatMulF32& product, const float* a, const float* b, std::int64_t rows, float* y) noexcept;
inline constexpr std::int64_t kMatMulRowsF32 = 4;
void matmul_rows_f32_reference(const MatMulF32& product, const float* a, const float* b, std::int64_t rows, float* y) noexcept;
/// The same bytes.
void matmul_rows_f32_avx2(const MatMulF32& product, const float* a, const float* b, std::int64_t rows, float* y) noexcept;

void matmul_f32(MatMulRowsF32 multiply, const MatMulF32& product) noexcept;

/// A way to multiply matrices: packs each b once, then takes a few rows of a at a time. All give the bytes of matmul_u8_reference.
struct MatMulKernel {
  const char* name;
  Isa isa;
  /// Of one thread, a multiple of 64.
  std::size_t (*scratch_bytes)(const MatMulShape& shape);
  void (*pack_b)(const MatMulU8& product, const std::uint8_t* b, void* scratch) noexcept;
  /// y of `rows` rows of the a that starts at `a`, 1 <= rows <= kMostMatMulRows; `output` is where the first one's goes.
  void (*run)(const MatMulU8& product, const std::uint8_t* a, std::int64_t rows, const Epilogue& output, void* scratch) noexcept;
};

inline constexpr std::int64_t kMostMatMulRows = 8;

/// What kernels fill columns up to.
inline constexpr std::int64_t kMatMulColumns = 32;

/// Every kernel, whatever this CPU is.
[[nodiscard]] std::span<const MatMulKernel> matmul_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const MatMulKernel* find_matmul_kernel(Isa cap) noexcept;

[[nodiscard]] std::size_t matmul_scratch_bytes(const MatMulKernel& kernel, const MatMulShape& shape, int threads) noexcept;

/// The same bytes as matmul_u8_reference. `scratch` of matmul_scratch_bytes(), 64-byte aligned.
void matmul_u8(const MatMulKernel& kernel, const MatMulU8& product, void* scratch) noexcept;

}  // namespace octet::kernels
