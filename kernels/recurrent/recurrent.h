// One step of a recurrent layer, after its matrix products: gates to the next state. Order of the gates as in ONNX.
#pragma once

#include <cstdint>

namespace octet::kernels {

/// 1 / (1 + exp(-x)) and tanh(x), the same bits everywhere: f64 arithmetic in one order, no mathematical library. With
/// t = min(|x|, 350) (2t for tanh), n = rne(t / ln 2), r = t - n ln 2 (n times the high part of ln 2, then the low one),
/// e = 2^-n times the Taylor polynomial of degree 13 of exp(-r), by Horner: sigmoid = (x < 0 ? e : 1) / (1 + e),
/// tanh = (1 - e) / (1 + e) with the sign of x; rounded to f32 once.
[[nodiscard]] float exact_sigmoid(float x) noexcept;
[[nodiscard]] float exact_tanh(float x) noexcept;

/// Rows of a batch, `size` units each. `inputs` is the input's share of the gates, rows input_stride apart; `recurrent` the
/// state's share, dense. `y`, if not null, gets the new h, rows y_stride apart.
struct LstmStep {
  std::int64_t rows = 1, size = 1;
  const float* inputs = nullptr;     ///< i, o, f, c: 4 size values a row
  std::int64_t input_stride = 0;
  const float* recurrent = nullptr;  ///< [rows, 4 size]
  float* c = nullptr;                ///< [rows, size], updated: c = sigmoid(f) * c + sigmoid(i) * tanh(c~), each rounded
  float* h = nullptr;                ///< [rows, size], written: sigmoid(o) * tanh(c)
  float* y = nullptr;
  std::int64_t y_stride = 0;
};
void lstm_step_reference(const LstmStep& step) noexcept;

/// z = sigmoid, r = sigmoid of their gates. Where the reset comes after the product (`reset_after`), the candidate is
/// tanh(inputs + r * (recurrent + bias)); else `recurrent` has no share of it when gru_reset_reference is called, and has that
/// of r * h when gru_step_reference is: tanh(inputs + recurrent). h = (1 - z) * candidate + z * h, each rounded.
struct GruStep {
  std::int64_t rows = 1, size = 1;
  const float* inputs = nullptr;     ///< z, r, h: 3 size values a row
  std::int64_t input_stride = 0;
  const float* recurrent = nullptr;  ///< [rows, 3 size], or [rows, 2 size] for z, r where the reset comes before
  const float* candidate = nullptr;  ///< [rows, size], the share of r * h, where the reset comes before
  const float* bias = nullptr;       ///< [size] of the recurrent candidate, where the reset comes after
  bool reset_after = false;
  float* h = nullptr;                ///< [rows, size], updated
  float* reset = nullptr;            ///< [rows, size]: gru_reset_reference writes r * h
  float* y = nullptr;
  std::int64_t y_stride = 0;
};
void gru_reset_reference(const GruStep& step) noexcept;
void gru_step_reference(const GruStep& step) noexcept;

}  // namespace octet::kernels
