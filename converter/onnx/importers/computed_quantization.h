// QuantizeLinear and DequantizeLinear with a scale or zero-point that is computed, as what they say, in f32. Tensors of the engine
// carry their scale in the file; here the integers are just numbers, u8 or s8 without a scale.
#pragma once

#include <cstdint>

#include "converter/onnx/importer.h"

namespace octet {

/// Whether scale (input 1) or zero-point (input 2, optional) is computed.
[[nodiscard]] bool has_computed_quantization(const NodeImport& node);

/// clamp(rne(x / s) + z); the type is the zero-point's, or `fallback`. A NaN becomes some integer.
[[nodiscard]] Result<void> import_computed_quantize(NodeImport& node, int x, Type fallback, std::int64_t axis);
/// (x - z) s.
[[nodiscard]] Result<void> import_computed_dequantize(NodeImport& node, int x, std::int64_t axis);

}  // namespace octet
