// Ranges to scales and zero-points, values to integers: the formulas of quantization.md, one function each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "converter/observe/range.h"
#include "engine/graph.h"

namespace octet {

/// Scale and zero-point of u8 activations over a range, made to contain 0. Asymmetric: s = (max - min) / 255,
/// z = rne(-min / s). Symmetric: s = max|x| / 127, z = 128, or s = max / 255, z = 0 for what is never negative. A range
/// that is nothing but 0 has s = 1, z = 0; scales below the smallest normal f32 are raised to it.
[[nodiscard]] Quantization activation_parameters(const Range& range, bool symmetric);

/// Quantized weights and bias of one product.
struct QuantizedWeights {
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;  ///< at s_in * s_w[c]
  std::vector<float> scales;       ///< one a channel, or one
  bool representable = true;       ///< false if no scale is large enough for the bias
};

/// Errors of QuantizeOptions::weight_calibrator.
[[nodiscard]] Result<void> check_weight_calibrator(const std::string& name);

/// Symmetric s8: s_w = max|w| / 127, or with `least_error` the scale with the least sum of (w - w')^2;
/// q = clamp(rne(w / s_w), -127, 127), bias = rne(b / (s_in s_w)). Scales are raised until |bias| + 255 sum|q| < 2^31 in every
/// channel (nearly dead channels with an ordinary bias need it). An all-zero channel takes its scale from the bias, or 1.
/// `weights` is [channels, ...]; `bias` may be empty.
[[nodiscard]] QuantizedWeights quantize_weights(std::span<const float> weights, std::span<const float> bias, std::size_t channels,
                                                float s_in, bool per_channel, bool least_error = false);

/// The 256 results of quantizing f(x), x the real value of each byte under `in`.
template <class F>
[[nodiscard]] std::vector<std::uint8_t> make_table(const Quantization& in, const Quantization& out, const F& f);

/// clamp(rne(x / s) + z, 0, 255), in f64: for tables. z where x is NaN: a function is not defined there.
[[nodiscard]] std::uint8_t quantize_value(double x, const Quantization& q);

template <class F>
std::vector<std::uint8_t> make_table(const Quantization& in, const Quantization& out, const F& f) {
  std::vector<std::uint8_t> table(256);
  for (int q = 0; q < 256; ++q)
    table[static_cast<std::size_t>(q)] = quantize_value(f(static_cast<double>(in.scale()) * (q - in.zero_point())), out);
  return table;
}

}  // namespace octet
