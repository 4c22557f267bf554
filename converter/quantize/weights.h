// Weights whose products have no s32 bias: of recurrent layers and of what is quantized dynamically.
#pragma once

#include <span>

#include "engine/graph.h"
#include "octet/converter.hpp"

namespace octet {

[[nodiscard]] bool all_finite(std::span<const float> values);

/// The s8 form of weights [channels, ...]; an error if one is NaN or infinite.
[[nodiscard]] Result<Tensor> int8_weights(const Tensor& weights, const QuantizeOptions& options);

}  // namespace octet
