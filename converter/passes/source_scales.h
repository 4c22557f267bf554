// Weights that were integers in the source, with a factor for each output channel: the integers stay, their scales change.
#pragma once

#include <optional>
#include <span>

#include "engine/graph.h"

namespace octet {

/// The weights [channels, ...] times a factor for each channel; nullopt where they would not be the source's integers at normal scales.
[[nodiscard]] std::optional<Tensor> with_scaled_source(const Tensor& weights, std::span<const double> factors);

}  // namespace octet
