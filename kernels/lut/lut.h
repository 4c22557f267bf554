// Element by element: table look-ups of bytes, and the steps between f32 and u8.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "kernels/quant_math.h"

namespace octet::kernels {

/// y[o, c, i] = tables[256 c + x[o, c, i]]; x and y are [outer, channels, inner].
struct LookupU8 {
  std::int64_t outer = 1, channels = 1, inner = 1;
  const std::uint8_t* x = nullptr;
  const std::uint8_t* tables = nullptr;  ///< [channels, 256]
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void lookup_u8_reference(const LookupU8& lookup) noexcept;

/// y[i] = quantize(x[i], scale, out).
struct QuantizeF32 {
  std::int64_t n = 0;
  const float* x = nullptr;
  float scale = 1;
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
/// False if a value was NaN; y is then unspecified.
[[nodiscard]] bool quantize_f32_reference(const QuantizeF32& quantize) noexcept;

/// y[i] = s (x[i] - z).
struct DequantizeU8 {
  std::int64_t n = 0;
  const std::uint8_t* x = nullptr;
  float scale = 1;
  std::int32_t zero_point = 0;
  float* y = nullptr;
  int threads = 1;
};
void dequantize_u8_reference(const DequantizeU8& dequantize) noexcept;

// Kernels for runs of n adjacent elements, on the caller's thread. The functions below them split the work.

struct LookupKernel {
  const char* name;
  Isa isa;
  bool vbmi;  ///< it needs AVX-512 VBMI, too
  void (*run)(const std::uint8_t* table, const std::uint8_t* x, std::int64_t n, std::uint8_t* y) noexcept;
};
struct QuantizeKernel {
  const char* name;
  Isa isa;
  bool (*run)(const QuantizeF32& quantize) noexcept;
};
struct DequantizeKernel {
  const char* name;
  Isa isa;
  void (*run)(const DequantizeU8& dequantize) noexcept;
};

/// Every kernel, whatever this CPU is; the reference first.
[[nodiscard]] std::span<const LookupKernel> lookup_kernels() noexcept;
[[nodiscard]] std::span<const QuantizeKernel> quantize_kernels() noexcept;
[[nodiscard]] std::span<const DequantizeKernel> dequantize_kernels() noexcept;

/// The best one a cap and this CPU allow.
[[nodiscard]] const LookupKernel& find_lookup_kernel(Isa cap) noexcept;
[[nodiscard]] const QuantizeKernel& find_quantize_kernel(Isa cap) noexcept;
[[nodiscard]] const DequantizeKernel& find_dequantize_kernel(Isa cap) noexcept;

void lookup_u8(const LookupKernel& kernel, const LookupU8& lookup) noexcept;
[[nodiscard]] bool quantize_f32(const QuantizeKernel& kernel, const QuantizeF32& quantize) noexcept;
void dequantize_u8(const DequantizeKernel& kernel, const DequantizeU8& dequantize) noexcept;

}  // namespace octet::kernels
