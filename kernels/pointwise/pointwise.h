// Functions of one f32 value, element by element. Their u8 form is a table (kernels/lut), made of evaluate().
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace octet::kernels {

/// As schema/octet.fbs defines them; same order.
enum class Function : std::uint8_t {
  clip, sigmoid, hard_sigmoid, hard_swish, silu, tanh, leaky_relu, elu, selu, celu, swish, mish, gelu, gelu_tanh, erf, softplus, softsign,
  thresholded_relu, exp, log, sqrt, reciprocal, abs, neg, power, sign, floor, ceil, round, sin, cos,
  tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, shrink
};
inline constexpr int kFunctionCount = 41;

/// The function in f64; a and b are its parameters. Tables and the reference kernel are made of it.
[[nodiscard]] double evaluate(Function function, double x, double a, double b) noexcept;

/// y[i] = function(x[i]) for n values; y may be x.
struct PointwiseF32 {
  Function function = Function::clip;
  float a = 0, b = 0;
  const float* x = nullptr;
  std::int64_t n = 0;
  float* y = nullptr;
};

/// evaluate(), rounded to f32.
void pointwise_f32_reference(const PointwiseF32& pointwise) noexcept;

/// Computes on the caller's thread. Kernels other than the reference are f32 throughout and differ from it by a few roundings,
/// of the result or of what a function amplifies: f32 pointwise operators are outside the bit-exact contract.
struct PointwiseKernel {
  const char* name;
  Isa isa;
  void (*run)(const PointwiseF32& pointwise) noexcept;
};

/// The fastest kernel that has the function and that the cap allows.
[[nodiscard]] PointwiseKernel find_pointwise_kernel(Isa cap, Function function) noexcept;

/// Runs a kernel on several threads.
void pointwise_f32(const PointwiseKernel& kernel, const PointwiseF32& pointwise, int threads) noexcept;

}  // namespace octet::kernels
