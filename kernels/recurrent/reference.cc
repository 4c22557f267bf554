#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/recurrent/recurrent.h"

namespace octet::kernels {
namespace {

/// exp(-t) for 0 <= t <= 700.
double exp_minus(double t) noexcept {
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  constexpr double kLn2High = 0x1.62e42fee00000p-1;  // times any n here it is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  constexpr double kShift = 0x1.8p52;
  const double shifted = t * kLog2E + kShift;
  const double n = shifted - kShift;
  const double r = -((t - n * kLn2High) - n * kLn2Low);
  double p = 1.0 / 6227020800.0;
  for (const double reciprocal : {1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0,
                                  1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0})
    p = p * r + reciprocal;
  const auto steps = std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(kShift);
  return p * std::bit_cast<double>((std::uint64_t{1023} - steps) << 52U);
}

constexpr double kMost = 350;

}  // namespace

float exact_sigmoid(float x) noexcept {
  const double e = exp_minus(std::min(std::abs(static_cast<double>(x)), kMost));
  return static_cast<float>((x < 0 ? e : 1.0) / (1.0 + e));
}

float exact_tanh(float x) noexcept {
  const double e = exp_minus(2.0 * std::min(std::abs(static_cast<double>(x)), kMost));
  return std::copysign(static_cast<float>((1.0 - e) / (1.0 + e)), x);
}

void lstm_step_reference(const LstmStep& s) noexcept {
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const float* x = s.inputs + row * s.input_stride;
    const float* r = s.recurrent + row * 4 * s.size;
    float* c = s.c + row * s.size;
    float* h = s.h + row * s.size;
    for (std::int64_t i = 0; i < s.size; ++i) {
      const float in = exact_sigmoid(x[i] + r[i]);
      const float out = exact_sigmoid(x[s.size + i] + r[s.size + i]);
      const float forget = exact_sigmoid(x[2 * s.size + i] + r[2 * s.size + i]);
      const float candidate = exact_tanh(x[3 * s.size + i] + r[3 * s.size + i]);
      const float kept = forget * c[i];
      const float added = in * candidate;
      c[i] = kept + added;
      h[i] = out * exact_tanh(c[i]);
    }
    if (s.y != nullptr) std::copy(h, h + s.size, s.y + row * s.y_stride);
  }
}

void gru_reset_reference(const GruStep& s) noexcept {
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const float* x = s.inputs + row * s.input_stride;
    const float* r = s.recurrent + row * 2 * s.size;
    for (std::int64_t i = 0; i < s.size; ++i) s.reset[row * s.size + i] = exact_sigmoid(x[s.size + i] + r[s.size + i]) * s.h[row * s.size + i];
  }
}

void gru_step_reference(const GruStep& s) noexcept {
  const std::int64_t width = (s.reset_after ? 3 : 2) * s.size;
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const float* x = s.inputs + row * s.input_stride;
    const float* r = s.recurrent + row * width;
    float* h = s.h + row * s.size;
    for (std::int64_t i = 0; i < s.size; ++i) {
      const float update = exact_sigmoid(x[i] + r[i]);
      float share = 0.0F;
      if (s.reset_after) {
        const float reset = exact_sigmoid(x[s.size + i] + r[s.size + i]);
        share = reset * (r[2 * s.size + i] + (s.bias != nullptr ? s.bias[i] : 0.0F));
      } else {
        share = s.candidate[row * s.size + i];
      }
      const float candidate = exact_tanh(x[2 * s.size + i] + share);
      const float fresh = (1.0F - update) * candidate;
      const float kept = update * h[i];
      h[i] = fresh + kept;
    }
    if (s.y != nullptr) std::copy(h, h + s.size, s.y + row * s.y_stride);
  }
}

}  // namespace octet::kernels
