// Functions of two values that have no u8 form, with broadcasting.
#pragma once

#include "kernels/elementwise/elementwise.h"

namespace octet::kernels {

/// As schema/octet.fbs defines them; same order.
enum class BinaryFunction : std::uint8_t { add, sub, mul, div, min, max, pow, prelu, mod, remainder, shift_left, shift_right };
inline constexpr int kBinaryFunctionCount = 12;

template <class T>
struct Binary {
  BinaryFunction function = BinaryFunction::div;
  Broadcast shape;
  const T* a = nullptr;
  const T* b = nullptr;
  T* y = nullptr;
  int threads = 1;
};

/// The lesser and the greater of a number and a NaN are NaN.
void binary_f32_reference(const Binary<float>& binary) noexcept;

/// Integers wrap around; quotients are rounded toward 0. False if one was divided by 0; y is then unspecified. Not prelu.
[[nodiscard]] bool binary_s32_reference(const Binary<std::int32_t>& binary) noexcept;
[[nodiscard]] bool binary_s64_reference(const Binary<std::int64_t>& binary) noexcept;

}  // namespace octet::kernels
