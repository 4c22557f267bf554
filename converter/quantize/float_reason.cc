#include "converter/quantize/float_reason.h"

#include <algorithm>

#include "converter/imported_quantization.h"
#include "converter/int8_form.h"

namespace octet {

using schema::Operator;

bool wanted_in_float(const Graph& graph, const Node& node, const std::vector<std::string>& float_nodes) {
  return std::ranges::any_of(node.sources, [&](int s) { return std::ranges::find(float_nodes, graph.source_nodes[at(s)].name) != float_nodes.end(); });
}

namespace {

/// Whether a node is a step of an operator that computes where in its input it reads.
bool computes_places(const Graph& graph, const Node& node) {
  return std::ranges::any_of(node.sources, [&](int s) {
    const std::string& type = graph.source_nodes[at(s)].op_type;
    return type == "GridSample" || type == "RoiAlign";
  });
}

}  // namespace

std::string FloatReasons::of(const Node& node) {
  if (wanted_in_float(to_.from(), node, float_nodes_)) return kWantedInFloat;
  if (computes_places(to_.from(), node)) return "it computes places in its input, which int8 steps would move";
  std::string reason = lacks_int8_form(to_.from(), node, !to_.plan().imported);
  if (reason.empty() && has_given_mask(node)) {
    const bool sum = node.op() == Operator::Add || node.op() == Operator::Sub;
    reason = std::string(sum ? "adds" : node.op() == Operator::Softmax ? "its input contains" : "moves") +
             " a mask the caller gives, whose values calibration cannot know";
  }
  if (to_.plan().imported && reason.empty()) reason = lacks_quantization(node);
  if (reason.empty() && node.op() == Operator::Softmax && node.inputs.size() > 1 && !outweighs(node))
    reason = "its mask does not outweigh the range of its input";
  return reason;
}

bool FloatReasons::has_given_mask(const Node& node) const {
  return to_.plan().given_masks[static_cast<std::size_t>(&node - to_.from().nodes.data())];
}

/// Whether a masked element would have no share of a quantized softmax, whatever its row (see schema/octet.fbs).
bool FloatReasons::outweighs(const Node& node) const {
  const auto& op = node.as<schema::SoftmaxT>();
  const Quantization q = to_.parameters_of(node.inputs[0]);
  const double scale = static_cast<double>(q.scale());
  return static_cast<double>(op.mask_value) <= (op.mask_replaces ? -scale * q.zero_point() - 17 : -(255 * scale + 17));
}

/// Whether a float tensor's values are integers in the source, or can be.
bool FloatReasons::has_bytes(int tensor) {
  if (to_.is_quantized(tensor)) return true;
  const Tensor& t = to_.from().tensors[at(tensor)];
  if (!t.constant()) return false;
  const auto [where, fresh] = source_bytes_.try_emplace(tensor, false);
  if (fresh) where->second = exact_bytes(t).has_value();
  return where->second;
}

/// Whether it is a Concat of integers of one scale, which its output has, too.
bool FloatReasons::shares_scale(const Node& node) const {
  if (node.op() != Operator::Concat) return false;
  const Quantization first = to_.parameters_of(node.inputs[0]);
  return std::ranges::all_of(node.inputs, [&](int i) { return to_.parameters_of(i) == first; });
}

/// Why a node's real values are not all integers in the source.
std::string FloatReasons::lacks_quantization(const Node& node) {
  const Graph& from = to_.from();
  const auto not_quantized = [&](const char* what, int i) {
    return std::string("its ") + what + " '" + from.tensors[at(i)].name + "' is not quantized in the source";
  };
  if (is_recurrent(node.op())) return "its state is not quantized in the source";
  const std::size_t quantized_inputs = takes_constants(node) ? 1 : node.inputs.size();
  for (std::size_t k = 0; k < quantized_inputs; ++k)
    if (node.inputs[k] != kAbsent && from.tensors[at(node.inputs[k])].type == Type::f32 && !has_bytes(node.inputs[k]))
      return not_quantized("input", node.inputs[k]);
  const Quantization& given = to_.plan().parameters[at(node.outputs[0])];
  if (has_weights(node.op()))
    if (std::string reason = lacks_imported_weights(from, node, to_.parameters_of(node.inputs[0]), given); !reason.empty()) return reason;
  const bool free = is_product(node.op()) || chooses_values(node) || node.op() == Operator::ArgMax || shares_scale(node);
  return free || given.present() ? std::string() : not_quantized("output", node.outputs[0]);
}

}  // namespace octet
