#include "converter/quantize_math.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "converter/observe/rounded.h"
#include "converter/observe/weight_range.h"
#include "kernels/quant_math.h"

namespace octet {
namespace {

constexpr double kMostAccumulator = 2147483647.0;
/// Bias steps given to a channel without weights: whole numbers of this size are exact in f32.
constexpr double kBiasSteps = 8388608.0;

/// The nearest normal positive f32.
float normal(double scale) noexcept {
  constexpr double kLeast = std::numeric_limits<float>::min();
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(std::min(std::max(scale, kLeast), kMost));
}

double largest(std::span<const float> values) noexcept {
  double most = 0;
  for (const float v : values) most = std::max(most, std::abs(static_cast<double>(v)));
  return most;
}

/// clamp(rne(w / s), -127, 127).
double quantized(float w, double scale) noexcept {
  return rounded(std::min(std::max(static_cast<double>(w) / scale, -127.0), 127.0));
}

/// Sum of |q|. Sums of whole numbers: their order does not matter, and several at a time are quicker.
double magnitude(std::span<const float> weights, double scale) noexcept {
  std::array<double, 8> sums{};
  const std::size_t whole = weights.size() / sums.size() * sums.size();
  for (std::size_t i = 0; i < whole; i += sums.size())
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += std::abs(quantized(weights[i + lane], scale));
  for (std::size_t i = whole; i < weights.size(); ++i) sums[0] += std::abs(quantized(weights[i], scale));
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// One group of weights that share a scale: whether |bias| + 255 sum|q| stays below 2^31 in each of its channels.
bool fits(std::span<const float> weights, std::span<const float> bias, std::size_t channels, double s_in, float scale) {
  const std::size_t depth = weights.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    double bound = bias.empty() ? 0.0 : std::abs(std::nearbyint(static_cast<double>(bias[c]) / (s_in * static_cast<double>(scale))));
    bound += 255.0 * magnitude(weights.subspan(c * depth, depth), static_cast<double>(scale));
    if (!(bound < kMostAccumulator)) return false;
  }
  return true;
}

float group_scale(std::span<const float> weights, std::span<const float> bias, std::size_t channels, double s_in, bool least_error) {
  const double most = least_error ? least_error_limit(weights) : largest(weights);
  const double most_bias = largest(bias);
  if (most == 0 && most_bias == 0) return 1.0F;
  float scale = normal(most > 0 ? most / 127.0 : most_bias / (s_in * kBiasSteps));
  while (scale < std::numeric_limits<float>::max() && !fits(weights, bias, channels, s_in, scale)) scale = normal(static_cast<double>(scale) * 2.0);
  return scale;
}

}  // namespace

std::uint8_t quantize_value(double x, const Quantization& q) {
  if (std::isnan(x)) return static_cast<std::uint8_t>(q.zero_point());
  const double t = std::nearbyint(x / static_cast<double>(q.scale())) + q.zero_point();
  return static_cast<std::uint8_t>(std::min(std::max(t, 0.0), 255.0));
}

Quantization activation_parameters(const Range& range, bool symmetric) {
  const double lo = std::min(static_cast<double>(range.min), 0.0);
  const double hi = std::max(static_cast<double>(range.max), 0.0);
  if (lo == 0 && hi == 0) return {{1.0F}, {0}, -1};
  if (symmetric) {
    if (lo == 0) return {{normal(hi / 255.0)}, {0}, -1};
    return {{normal(std::max(-lo, hi) / 127.0)}, {128}, -1};
  }
  const float scale = normal((hi - lo) / 255.0);
  const double z = std::nearbyint(-lo / static_cast<double>(scale));
  return {{scale}, {static_cast<std::int32_t>(std::min(std::max(z, 0.0), 255.0))}, -1};
}

Result<void> check_weight_calibrator(const std::string& name) {
  if (name == "minmax" || name == "mse") return {};
  return Error{ErrorCode::invalid_argument, "unknown weight calibrator '" + name + "'; there are: minmax, mse", {}};
}

QuantizedWeights quantize_weights(std::span<const float> weights, std::span<const float> bias, std::size_t channels, float s_in,
                                  bool per_channel, bool least_error) {
  QuantizedWeights out;
  const std::size_t depth = weights.size() / channels;
  const auto bias_of = [&](std::size_t c, std::size_t n) { return bias.empty() ? bias : bias.subspan(c, n); };
  const auto input = static_cast<double>(s_in);
  if (per_channel) {
    for (std::size_t c = 0; c < channels; ++c) out.scales.push_back(group_scale(weights.subspan(c * depth, depth), bias_of(c, 1), 1, input, least_error));
  } else {
    out.scales.push_back(group_scale(weights, bias, channels, input, least_error));
  }
  out.weights.resize(channels * depth);
  for (std::size_t c = 0; c < channels; ++c) {
    const auto scale = static_cast<double>(out.scales[per_channel ? c : 0]);
    for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) out.weights[i] = static_cast<std::int8_t>(quantized(weights[i], scale));
    if (bias.empty()) continue;
    const double q = std::nearbyint(static_cast<double>(bias[c]) / (input * scale));
    out.representable = out.representable && std::abs(q) < kMostAccumulator;
    out.bias.push_back(static_cast<std::int32_t>(std::min(std::max(q, -kMostAccumulator), kMostAccumulator)));
  }
  return out;
}

}  // namespace octet
