// Softmax.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "kernels/quant_math.h"

namespace octet::kernels {

/// What becomes of a row whose mask is 0 throughout: all 0; what its elements say, as if there were no mask; one over the columns.
enum class MaskedRow : std::uint8_t { zero, unmasked, uniform };

/// One byte, 0 or 1, for each element of a row; which rows of the mask belong to which of x says a broadcast.
struct SoftmaxMask {
  static constexpr int kMostAxes = 8;
  const std::uint8_t* data = nullptr;  ///< none: there is no mask
  int axes = 0;                        ///< of the rows, the last first
  std::array<std::int64_t, kMostAxes> size{}, stride{};  ///< stride in elements of data
  MaskedRow masked_row = MaskedRow::zero;

  /// The mask of a row; nullptr where there is none, so that a kernel has a call less.
  [[nodiscard]] const std::uint8_t* row(std::int64_t index) const noexcept;
};

/// Along the last axis of x [rows, columns]. With d = max(x[r]) - x[r, c] and E = table: S = sum of E[d] over the row (exact,
/// u64), reciprocal = f32(1 / (f64(S) * s_out)), y[r, c] = finish_u8(f32(E[d]) * reciprocal, out).
/// table[d] = rne(2^23 exp(-s_x d)), so E[0] = 2^23 and S is never 0.
///
/// With a mask, elements whose mask is 0 have E = 0 and no part in the maximum.
struct SoftmaxU8 {
  std::int64_t rows = 1, columns = 1;
  const std::uint8_t* x = nullptr;
  const std::uint32_t* table = nullptr;  ///< 256 entries
  float scale = 1;                       ///< s_out
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
  SoftmaxMask mask;
};
void softmax_u8_reference(const SoftmaxU8& softmax) noexcept;

/// A table's entries, byte by byte, the lowest first: look-ups of bytes, and sums of bytes, are what vectors do best.
using SoftmaxPlanes = std::array<std::array<std::uint8_t, 256>, 3>;

/// False if an entry does not fit: those of the contract, 2^23 at most, do.
[[nodiscard]] bool split_softmax_table(std::span<const std::uint32_t> table, SoftmaxPlanes& planes) noexcept;

/// Kernels of an instruction set, for the rows [begin, end), of tables that have planes.
struct SoftmaxKernel {
  const char* name;
  Isa isa;
  bool vbmi;               ///< it needs AVX-512 VBMI, too
  double row_nanoseconds;  ///< about what a row takes ...
  double nanoseconds;      ///< ... beside so many for each of its elements
  void (*run)(const SoftmaxU8& softmax, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept;
};

/// Rows of no more columns are done sooner by the specification: a kernel begins each with a table of all 256 results. Measured on a
/// Zen 5: 44 ns for any row up to 64 columns against 8 ns for 2, 30 for 12 and 34 for 16.
inline constexpr std::int64_t kFewSoftmaxColumns = 12;

/// Every one, whatever this CPU is.
[[nodiscard]] std::span<const SoftmaxKernel> softmax_kernels() noexcept;

/// The best one a cap and this CPU allow, or nullptr.
[[nodiscard]] const SoftmaxKernel* find_softmax_kernel(Isa cap) noexcept;

void softmax_u8(const SoftmaxKernel& kernel, const SoftmaxU8& softmax, const SoftmaxPlanes& planes) noexcept;

/// exp(x - max) / sum along the last axis of x [rows, columns]. With a mask, x is `x + mask_value` or, if mask_replaces, `mask_value`
/// where the mask is 0, rounded to f32; where that is -inf, such elements take no part, and a row of them is all 0.
struct SoftmaxF32 {
  std::int64_t rows = 1, columns = 1;
  const float* x = nullptr;
  float* y = nullptr;
  int threads = 1;
  SoftmaxMask mask;
  float mask_value = 0;
  bool mask_replaces = false;
};
/// In f64.
void softmax_rows_f32_reference(const SoftmaxF32& softmax) noexcept;
/// In f32, a sum of many columns in f64.
void softmax_rows_f32_avx2(const SoftmaxF32& softmax) noexcept;

/// exp(x - max) / sum, in f64, along the middle axis of x [outer, n, inner].
void softmax_f32_reference(const float* x, std::int64_t outer, std::int64_t n, std::int64_t inner, float* y, int threads) noexcept;

/// x - max - log(sum(exp(x - max))), in f64, likewise.
void log_softmax_f32_reference(const float* x, std::int64_t outer, std::int64_t n, std::int64_t inner, float* y, int threads) noexcept;

}  // namespace octet::kernels
