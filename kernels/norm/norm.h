// Normalizations: subtract the mean, divide by the standard deviation, scale and shift.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "kernels/quant_math.h"

namespace octet::kernels {

/// The most elements a row of layer_norm_u8 may have: |n q - sum| must be exact in f32.
inline constexpr std::int64_t kMaxLayerNormSize = 65793;

/// Over each row of x [rows, n]: V = n sum(q^2) - (sum q)^2 in s64, r = f32(1 / sqrt(f64(V) + epsilon)), 0 where that root is
/// 0; t = f32(n q - sum q) * r; q' = finish_u8(t * gain[c] + shift[c], out), product and sum each rounded.
/// epsilon = f64(n)^2 eps / s_in^2, gain = f32(gamma / s_out), shift = f32(beta / s_out). n <= kMaxLayerNormSize.
struct LayerNormU8 {
  std::int64_t rows = 1, n = 1;
  const std::uint8_t* x = nullptr;
  double epsilon = 0;
  const float* gain = nullptr;   ///< [n]
  const float* shift = nullptr;  ///< [n]
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void layer_norm_u8_reference(const LayerNormU8& norm) noexcept;

/// The same bytes with the vectors of an instruction set, for the rows [begin, end).
struct LayerNormKernel {
  const char* name;
  Isa isa;
  void (*rows)(const LayerNormU8& norm, std::int64_t begin, std::int64_t end) noexcept;
};

/// Every vector kernel, whatever this CPU is.
[[nodiscard]] std::span<const LayerNormKernel> layer_norm_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const LayerNormKernel* find_layer_norm_kernel(Isa cap) noexcept;

/// With a kernel, or where it is null the specification.
void layer_norm_u8(const LayerNormKernel* kernel, const LayerNormU8& norm) noexcept;

/// (x - mean) / sqrt(variance + eps) * gamma + beta over each row, mean and variance in f64. gamma and beta may be null.
struct LayerNormF32 {
  std::int64_t rows = 1, n = 1;
  const float* x = nullptr;
  double epsilon = 0;
  const float* gamma = nullptr;  ///< [n]
  const float* beta = nullptr;   ///< [n]
  float* y = nullptr;
  int threads = 1;
};
void layer_norm_f32_reference(const LayerNormF32& norm) noexcept;

/// x [batch, positions, channels]: mean and variance of each group of adjacent channels over all positions, in f64, then
/// gamma and beta of the channel.
struct GroupNormF32 {
  std::int64_t batch = 1, positions = 1, channels = 1, groups = 1;
  const float* x = nullptr;
  double epsilon = 0;
  const float* gamma = nullptr;  ///< [channels]
  const float* beta = nullptr;   ///< [channels]
  float* y = nullptr;
  int threads = 1;
};
void group_norm_f32_reference(const GroupNormF32& norm) noexcept;

}  // namespace octet::kernels
