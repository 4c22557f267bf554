// The range of weights with the least quantization error.
#pragma once

#include <span>

namespace octet {

/// The a > 0, of a grid, for which s8 weights of scale a / 127 have the least sum of (w - w')^2; 0 if they are all zero.
[[nodiscard]] double least_error_limit(std::span<const float> weights);

}  // namespace octet
