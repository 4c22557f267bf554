#include "converter/onnx/check_names.h"

#include <onnx/onnx-ml.pb.h>

#include "engine/operator.h"

namespace octet {
namespace {

/// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return byte(i) >= 0x80U && byte(i) <= 0xBFU; };
  const unsigned lead = byte(0);
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead <= 0xDFU) return continues(1) ? 2 : 0;
  if (lead >= 0xE0U && lead <= 0xEFU) {
    const bool overlong = lead == 0xE0U && byte(1) < 0xA0U;
    const bool surrogate = lead == 0xEDU && byte(1) > 0x9FU;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0U && lead <= 0xF4U) {
    const bool overlong = lead == 0xF0U && byte(1) < 0x90U;
    const bool too_large = lead == 0xF4U && byte(1) > 0x8FU;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

Error bad_name(const std::string& what) {
  return invalid("the name of " + what + " is not plain text (UTF-8 without control characters)");
}

Result<void> check_node(const onnx::NodeProto& node, const std::string& what) {
  if (!is_plain_text(node.name()) || !is_plain_text(node.op_type()) || !is_plain_text(node.domain()))
    return bad_name(what);
  for (const std::string& name : node.input())
    if (!is_plain_text(name)) return bad_name("an input of " + what);
  for (const std::string& name : node.output())
    if (!is_plain_text(name)) return bad_name("an output of " + what);
  for (const auto& attribute : node.attribute())
    if (!is_plain_text(attribute.name())) return bad_name("an attribute of " + what);
  return {};
}

}  // namespace

bool is_plain_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto front = static_cast<unsigned char>(text.front());
    const std::size_t length = sequence_length(text);
    if (length == 0 || front < 0x20U || front == 0x7FU) return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<void> check_names(const onnx::GraphProto& graph) {
  for (int i = 0; i < graph.node_size(); ++i) OCTET_CHECK(check_node(graph.node(i), "node " + std::to_string(i)));
  for (const auto& t : graph.initializer()) {
    if (t.name().empty()) return invalid("an initializer has no name");
    if (!is_plain_text(t.name())) return bad_name("an initializer");
  }
  for (const auto& input : graph.input()) {
    if (input.name().empty()) return invalid("an input has no name");
    if (!is_plain_text(input.name())) return bad_name("an input");
    for (const auto& d : input.type().tensor_type().shape().dim())
      if (!is_plain_text(d.dim_param())) return bad_name("a dimension of input '" + input.name() + "'");
  }
  return {};
}

}  // namespace octet
