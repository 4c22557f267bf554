// Which nodes have an int8 form, and what the quantizer must know of each operator.
#pragma once

#include <optional>
#include <string>

#include "engine/graph.h"

namespace octet {

/// Conv and FullyConnected.
[[nodiscard]] bool has_weights(schema::Operator op) noexcept;
/// What can give f32 from its accumulators.
[[nodiscard]] bool is_product(schema::Operator op) noexcept;
/// LSTM and GRU.
[[nodiscard]] bool is_recurrent(schema::Operator op) noexcept;
/// Elements of input 0, moved, left out or repeated.
[[nodiscard]] bool keeps_values(schema::Operator op) noexcept;
/// Input 0 and output have one scale.
[[nodiscard]] bool keeps_scale(const Node& node) noexcept;
/// Every element of the output is one of input 0, or 0.
[[nodiscard]] bool chooses_values(const Node& node) noexcept;
/// Inputs behind the first are real constants in int8, too, or have rules of their own.
[[nodiscard]] bool takes_constants(const Node& node) noexcept;
/// Whether no real value is involved: indices, masks, sizes.
[[nodiscard]] bool is_integer(const Graph& g, const Node& node);
/// The axis of x along which the slopes of a PRelu vary, -1 where there is one slope; nothing where there is no such axis.
[[nodiscard]] std::optional<int> slope_axis(const Graph& g, const Node& node);
/// Whether it is a Min of a computed tensor and finite constants, one or one for each index of an axis (as of slopes).
[[nodiscard]] bool is_bounding(const Graph& g, const Node& node);
/// Why a node has no int8 form, or, with `judge_spread`, should not have it; empty if there is no reason.
[[nodiscard]] std::string lacks_int8_form(const Graph& g, const Node& node, bool judge_spread);

}  // namespace octet
