// ONNX tensors (initializers, attributes) -> the graph's constants.
#pragma once

#include "engine/graph.h"

namespace onnx {
class TensorProto;
}

namespace octet {

class ExternalData;

/// Type, shape and values, converted to the nearest of Octet's types: double, float16 and bfloat16 become f32. A size
/// may be 0 here. Errors: unsupported (external data without `external`, other element types), invalid_file (sizes that
/// overflow, a number of values that does not fit the shape, what ExternalData refuses).
[[nodiscard]] Result<Tensor> decode_tensor(const onnx::TensorProto& proto, ExternalData* external = nullptr);

/// The type a graph input declared with this ONNX element type has: f32 for double, float16 and bfloat16, whose arithmetic is done in
/// f32. unsupported for what no kernel reads.
[[nodiscard]] Result<Type> declared_type(int onnx_element_type);

/// A double as the nearest float; infinite where it is too large.
[[nodiscard]] float round_to_f32(double value) noexcept;

}  // namespace octet
