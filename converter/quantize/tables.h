// Operators whose u8 form is a table of results: one for each of the 256 values of a byte.
#pragma once

#include "converter/quantize/quantized_graph.h"

namespace octet {

/// A function of one tensor.
void add_pointwise(QuantizedGraph& to, const Node& node);
/// PRelu, Min: a table for each slope or bound.
void add_binary(QuantizedGraph& to, const Node& node);
/// The exponentials of all differences from a row's largest byte.
void add_softmax(QuantizedGraph& to, const Node& node);

/// Of raw bytes: (byte * scale - mean) / std, quantized; by the index of `axis`, -1 where there is one mean.
[[nodiscard]] schema::LookupT normalization_tables(const Normalization& n, int axis, const Quantization& q);

}  // namespace octet
