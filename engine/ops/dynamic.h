// Products whose input is quantized at run time: the rows of x to u8, an int8 product that gives its sums, and the sums back
// to f32. The product itself is a step of the static operator, on a graph of its own.
#pragma once

#include "engine/ops/common.h"
#include "kernels/layout/layout.h"

namespace octet {

/// Whether a Conv or FullyConnected, checked already, quantizes its input at run time.
[[nodiscard]] inline bool is_dynamic(const NodeView& node) { return node.input(0).type == Type::f32 && node.input(1).type == Type::s8; }

/// `rows` says how x is cut into rows and padded: `batch` rows of h x w x channels. `product` is the static operator's
/// attributes, for an input that has its padding: no padding, no clamp.
[[nodiscard]] Result<Step> dynamic_step(const NodeView& node, const kernels::PaddedImage& rows, schema::OperatorUnion product,
                                        float clamp_min, float clamp_max, const PrepareOptions& options);

}  // namespace octet
