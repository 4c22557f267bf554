// Windows over channels-last images. Window positions outside x are skipped: they never win a maximum, and add 0 to a sum.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "kernels/quant_math.h"

namespace octet::kernels {

struct PoolShape {
  std::int64_t batch = 1;
  std::int64_t in_h = 1, in_w = 1, channels = 1;
  std::int64_t out_h = 1, out_w = 1;
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool count_include_pad = false;
};

/// x [batch, in_h, in_w, channels], y [batch, out_h, out_w, channels].
struct MaxPoolU8 {
  PoolShape shape;
  const std::uint8_t* x = nullptr;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void max_pool_u8_reference(const MaxPoolU8& pool) noexcept;
void max_pool_f32_reference(const PoolShape& shape, const float* x, float* y, int threads) noexcept;

/// q = clamp(rne(f32(sum(q - z_in)) * m[n]) + z_out): n is the number of elements of x in the window, or with
/// count_include_pad that of the padded extent; m[n] = f32(s_in / (s_out n)), for n = 0 .. kernel_h * kernel_w.
struct AveragePoolU8 {
  PoolShape shape;
  const std::uint8_t* x = nullptr;
  std::int32_t zero_point = 0;
  const float* multipliers = nullptr;
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void average_pool_u8_reference(const AveragePoolU8& pool) noexcept;

/// Kernels of an instruction set, for the rows [begin, end) of the batch * out_h output rows.
struct PoolKernel {
  const char* max_name;
  const char* average_name;
  Isa isa;
  void (*max)(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
  void (*average)(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
};

/// Every vector kernel, whatever this CPU is.
[[nodiscard]] std::span<const PoolKernel> pool_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const PoolKernel* find_pool_kernel(Isa cap) noexcept;

/// With a kernel, or where it is null the specification.
void max_pool_u8(const PoolKernel* kernel, const MaxPoolU8& pool) noexcept;
void average_pool_u8(const PoolKernel* kernel, const AveragePoolU8& pool) noexcept;

/// Sums in f64, then one division.
void average_pool_f32_reference(const PoolShape& shape, const float* x, float* y, int threads) noexcept;

}  // namespace octet::kernels
