// The names of a model go into messages, JSON and file formats; they have to be text.
#pragma once

#include <string_view>

#include "octet/result.hpp"

namespace onnx {
class GraphProto;
}

namespace octet {

/// UTF-8 without control characters.
[[nodiscard]] bool is_plain_text(std::string_view text) noexcept;

/// Every name of the graph is plain text, and no input or initializer is without one.
[[nodiscard]] Result<void> check_names(const onnx::GraphProto& graph);

}  // namespace octet
