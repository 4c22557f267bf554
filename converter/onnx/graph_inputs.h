// What an ONNX model's declared inputs are to the graph.
#pragma once

#include "converter/onnx/import.h"

namespace onnx {
class ValueInfoProto;
}

namespace octet {

/// A declared input as a tensor, its shape at batch 1; `batched` where the leading size is open.
[[nodiscard]] Result<Tensor> declared_input(const onnx::ValueInfoProto& input, const ImportOptions& options);

}  // namespace octet
