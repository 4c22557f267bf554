#include "converter/passes/source_scales.h"

#include <algorithm>
#include <cmath>

#include "converter/onnx/tensor_proto.h"

namespace octet {

std::optional<Tensor> with_scaled_source(const Tensor& weights, std::span<const double> factors) {
  const Quantization& from = weights.source.quant;
  const std::size_t channels = factors.size();
  if (from.axis > 0 || (from.axis == 0 && from.scales.size() != channels)) return std::nullopt;
  Tensor made = weights;
  Quantization& to = made.source.quant;
  to = {std::vector<float>(channels), std::vector<std::int32_t>(channels), 0};
  const auto w = weights.data.as<float>();
  const std::size_t depth = w.size() / channels;
  std::vector<float> values(w.size());
  for (std::size_t c = 0; c < channels; ++c) {
    const std::size_t k = from.axis == 0 ? c : 0;
    to.scales[c] = round_to_f32(static_cast<double>(from.scales[k]) * factors[c]);
    to.zero_points[c] = from.zero_points[k];
    if (!std::isnormal(to.scales[c]) || to.scales[c] < 0) return std::nullopt;
    for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
      values[i] = std::nearbyint(w[i] / from.scales[k]) * to.scales[c];
      if (!std::isfinite(values[i])) return std::nullopt;
    }
  }
  if (std::ranges::all_of(to.scales, [&](float s) { return s == to.scales[0]; }) && from.axis == -1)
    to = {{to.scales[0]}, {to.zero_points[0]}, -1};
  made.data = Constant::of(std::move(values));
  return made;
}

}  // namespace octet
