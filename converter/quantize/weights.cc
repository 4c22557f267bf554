#include "converter/quantize/weights.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize_math.h"

namespace octet {

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

Result<Tensor> int8_weights(const Tensor& weights, const QuantizeOptions& options) {
  const auto values = weights.data.as<float>();
  if (!all_finite(values)) return Error{ErrorCode::invalid_file, "a weight is NaN or infinite", {}};
  QuantizedWeights q = quantize_weights(values, {}, at(weights.shape[0]), 1.0F, options.per_channel_weights, options.weight_calibrator == "mse");
  Quantization parameters{std::move(q.scales), {}, options.per_channel_weights ? 0 : -1};
  return Tensor{weights.name, Type::s8, weights.shape, false, std::move(parameters), Constant::of(std::move(q.weights))};
}

}  // namespace octet
