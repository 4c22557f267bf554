#include "kernels/elementwise/elementwise.h"

#include <algorithm>

#include "kernels/elementwise/broadcast.h"

namespace octet::kernels {

void add_u8_reference(const AddU8& op) noexcept {
  for_each_pair(op, [&](std::uint8_t a, std::uint8_t b) noexcept {
    const float ta = static_cast<float>(a - op.zero_a) * op.multiplier_a;
    const float tb = static_cast<float>(b - op.zero_b) * op.multiplier_b;
    return finish_u8(ta + tb, op.out);
  });
}

void mul_u8_reference(const MulU8& op) noexcept {
  for_each_pair(op, [&](std::uint8_t a, std::uint8_t b) noexcept {
    return requantize((a - op.zero_a) * (b - op.zero_b), op.multiplier, op.out);
  });
}

void add_f32_reference(const BinaryF32& op) noexcept {
  for_each_pair(op, [&](float a, float b) noexcept { return std::min(std::max(a + b, op.clamp_min), op.clamp_max); });
}

void sub_f32_reference(const BinaryF32& op) noexcept {
  for_each_pair(op, [&](float a, float b) noexcept { return std::min(std::max(a - b, op.clamp_min), op.clamp_max); });
}

void mul_f32_reference(const BinaryF32& op) noexcept {
  for_each_pair(op, [&](float a, float b) noexcept { return std::min(std::max(a * b, op.clamp_min), op.clamp_max); });
}

}  // namespace octet::kernels
