// Softmax.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "kernels/quant_math.h"

namespace octet::kernels {

/// Along the last axis of x [rows, columns]. With d = max(x[r]) - x[r, c] and E = table: S = sum of E[d] over the row (exact,
/// u64), reciprocal = f32(1 / (f64(S) * s_out)), y[r, c] = finish_u8(f32(E[d]) * reciprocal, out).
/// table[d] = rne(2^23 exp(-s_x d)), so E[0] = 2^23 and S is never 0.
struct SoftmaxU8 {
  std::int64_t rows = 1, columns = 1;
  const std::uint8_t* x = nullptr;
  const std::uint32_t* table = nullptr;  ///< 256 entries
  float scale = 1;                       ///< s_out
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
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
  bool vbmi;  ///< it needs AVX-512 VBMI, too
  void (*run)(const SoftmaxU8& softmax, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept;
};

/// The best one a cap and this CPU allow, or nullptr.
[[nodiscard]] const SoftmaxKernel* find_softmax_kernel(Isa cap) noexcept;

void softmax_u8(const SoftmaxKernel& kernel, const SoftmaxU8& softmax, const SoftmaxPlanes& planes) noexcept;

/// exp(x - max) / sum, in f64, along the middle axis of x [outer, n, inner].
void softmax_f32_reference(const float* x, std::int64_t outer, std::int64_t n, std::int64_t inner, float* y, int threads) noexcept;

/// x - max - log(sum(exp(x - max))), in f64, likewise.
void log_softmax_f32_reference(const float* x, std::int64_t outer, std::int64_t n, std::int64_t inner, float* y, int threads) noexcept;

}  // namespace octet::kernels
