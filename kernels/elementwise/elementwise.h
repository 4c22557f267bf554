// Sums and products of two tensors, with broadcasting.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/isa.h"
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

/// The innermost axes of a broadcast: y[r, i] = f(a[r a_row + i a_step], b[r b_row + i b_step]), y dense.
struct BinaryRows {
  const std::uint8_t* a = nullptr;
  const std::uint8_t* b = nullptr;
  std::uint8_t* y = nullptr;
  std::int64_t rows = 1, count = 1;
  std::int64_t a_row = 0, b_row = 0;
  std::int64_t a_step = 1, b_step = 1;  ///< 0 or 1
};

/// Kernels of an instruction set; what they compute is said by an AddU8 or MulU8, where by rows.
struct ElementwiseKernel {
  const char* add_name;
  const char* mul_name;
  Isa isa;
  void (*add)(const AddU8& add, const BinaryRows& rows) noexcept;
  void (*mul)(const MulU8& mul, const BinaryRows& rows) noexcept;
};

/// Every vector kernel, whatever this CPU is.
[[nodiscard]] std::span<const ElementwiseKernel> elementwise_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const ElementwiseKernel* find_elementwise_kernel(Isa cap) noexcept;

/// With a kernel, or where it is null the specification.
void add_u8(const ElementwiseKernel* kernel, const AddU8& add) noexcept;
void mul_u8(const ElementwiseKernel* kernel, const MulU8& mul) noexcept;

struct BinaryF32 {
  Broadcast shape;
  const float* a = nullptr;
  const float* b = nullptr;
  float clamp_min = 0, clamp_max = 0;
  float* y = nullptr;
  int threads = 1;
};
void add_f32_reference(const BinaryF32& add) noexcept;
void sub_f32_reference(const BinaryF32& sub) noexcept;
void mul_f32_reference(const BinaryF32& mul) noexcept;

}  // namespace octet::kernels
