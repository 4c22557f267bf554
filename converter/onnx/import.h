// A parsed ONNX model -> a float graph of the engine's operators that computes the same, with everything checked.
#pragma once

#include "converter/onnx/reader.h"
#include "engine/graph.h"
#include "octet/converter.hpp"

namespace octet {

/// The graph is literally the model's: images are NCHW, each Conv and pool stands between two Transposes that carry no
/// source (passes/ moves them away). An open leading size of an input is the batch and stays free where the model
/// allows it. Errors: invalid_argument (open sizes that options do not set, options that do not fit), unsupported (an
/// operator, attribute, type or operator set), invalid_file (everything a model must not be); all name the node or
/// input.
[[nodiscard]] Result<Graph> import_onnx(const OnnxModel& model, const ImportOptions& options = {});

}  // namespace octet
