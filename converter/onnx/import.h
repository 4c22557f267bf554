// A parsed ONNX model -> a float graph of the engine's operators that computes the same, with everything checked.
#pragma once

#include "converter/onnx/reader.h"
#include "engine/graph.h"
#include "octet/converter.hpp"

namespace octet {

/// Whether open leading sizes of inputs stay free.
enum class Batch { free, fixed };

/// The graph is literally the model's: images are NCHW, each Conv and pool stands between two Transposes that carry no
/// source (passes/ moves them away). An open leading size of an input is the batch and stays free where the model
/// allows it; inside, it may be on any axis, and optimize() refuses what it cannot bring back to the leading one. Errors: invalid_argument (open sizes that options do not set, options that do not fit), unsupported (an
/// operator, attribute, type or operator set), invalid_file (everything a model must not be); all name the node or
/// input.
[[nodiscard]] Result<Graph> import_onnx(const OnnxModel& model, const ImportOptions& options = {}, Batch batch = Batch::free);

}  // namespace octet
