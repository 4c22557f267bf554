// Sums and products of two tensors, with broadcasting.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/quant_math.h"

namespace octet::kernels {

inline constexpr int kMaxBroadcastAxes = 8;

/// Output sizes, outermost first, and each operand's stride in elements (0 where it repeats). Adjacent axes along which both
/// operands advance alike are merged, so most uses have one or two.
struct Broadcast {
  int axes = 1;
  std::array<std::int64_t, kMaxBroadcastAxes> size{1};
  std::array<std::int64_t, kMaxBroadcastAxes> stride_a{}, stride_b{};
};

/// q = clamp(rne(f32(a - z_a) * m_a + f32(b - z_b) * m_b) + z, lo, hi): two products and a sum, each rounded.
/// m_a = f32(s_a / s_out), likewise m_b.
struct AddU8 {
  Broadcast shape;
  const std::uint8_t* a = nullptr;
  const std::uint8_t* b = nullptr;
  std::int32_t zero_a = 0, zero_b = 0;
  float multiplier_a = 1, multiplier_b = 1;
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void add_u8_reference(const AddU8& add) noexcept;

/// q = requantize((a - z_a)(b - z_b), m), m = f32(s_a s_b / s_out).
struct MulU8 {
  Broadcast shape;
  const std::uint8_t* a = nullptr;
  const std::uint8_t* b = nullptr;
  std::int32_t zero_a = 0, zero_b = 0;
  float multiplier = 1;
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void mul_u8_reference(const MulU8& mul) noexcept;

struct BinaryF32 {
  Broadcast shape;
  const float* a = nullptr;
  const float* b = nullptr;
  float clamp_min = 0, clamp_max = 0;
  float* y = nullptr;
  int threads = 1;
};
void add_f32_reference(const BinaryF32& add) noexcept;
void mul_f32_reference(const BinaryF32& mul) noexcept;

}  // namespace octet::kernels
