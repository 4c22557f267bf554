// Quantized and fused operators (QLinearConv, com.microsoft's QGemm ...) as the nodes of ONNX's plain operators that they stand for:
// DequantizeLinear, the operator, QuantizeLinear. Each of them is then imported as if the source had it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/graph.h"

namespace onnx {
class NodeProto;
}

namespace octet {

/// The attribute of a DequantizeLinear that an expansion made of a product of integers: their own scale, if any, does not count.
inline constexpr const char* kOfIntegers = "octet.of_integers";

/// What an expansion may ask the graph it happens in.
struct ExpansionScope {
  std::function<std::string(const std::string& suffix)> fresh;               ///< a name that no value has
  std::function<std::optional<std::size_t>(const std::string& value)> rank;  ///< of a value
};

/// The nodes, in order; the last ones write the outputs of `node`. Errors: attributes that cannot be honoured, missing inputs.
using Expand = Result<std::vector<onnx::NodeProto>> (*)(const onnx::NodeProto& node, const ExpansionScope& scope);

struct Expansion {
  const char* domain;  ///< "" is ONNX's own
  const char* op_type;
  std::size_t min_inputs, max_inputs;
  Expand expand;
  const char* becomes;  ///< for the table of supported operators
  const char* notes;
};

/// Nothing where an operator is not one of these.
[[nodiscard]] const Expansion* find_expansion(const std::string& domain, const std::string& op_type) noexcept;

/// All of them, by domain and name.
[[nodiscard]] std::span<const Expansion> expansions() noexcept;

}  // namespace octet
