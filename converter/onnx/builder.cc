#include "converter/onnx/builder.h"

#include <algorithm>
#include <limits>

namespace octet {
namespace {

std::size_t at(int index) noexcept { return static_cast<std::size_t>(index); }

}  // namespace

bool fits(const Shape& shape) noexcept {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  return element_count(shape) >= 1 && std::ranges::all_of(shape, [](std::int64_t size) { return size <= kLargest; });
}

void GraphBuilder::define_constant(const std::string& name, Tensor constant) {
  constant.name = name;
  values_[name] = {kAbsent, std::move(constant)};
}

Result<int> GraphBuilder::tensor_of(const std::string& name) {
  Value& value = values_.at(name);
  if (value.tensor != kAbsent) return value.tensor;
  for (const std::int64_t size : value.pending.shape)
    if (size == 0) return Error{ErrorCode::unsupported, "constant '" + name + "' has no elements", {}};
  return value.tensor = add_tensor(std::move(value.pending));
}

std::optional<Tensor> GraphBuilder::constant_of(const std::string& name) const {
  const Value& value = values_.at(name);
  if (value.tensor == kAbsent) return value.pending;
  const Tensor& t = tensor(value.tensor);
  return t.constant() ? std::optional(t) : std::nullopt;
}

int GraphBuilder::add_tensor(Tensor tensor) {
  shapes_.push_back(tensor.shape);
  graph_.tensors.push_back(std::move(tensor));
  return static_cast<int>(graph_.tensors.size()) - 1;
}

Result<void> GraphBuilder::infer(const Node& node) {
  const OperatorInfo& info = *find_operator(node.op());
  const NodeView view(graph_, node, shapes_);
  OCTET_TRY(const Shape shape, info.infer(view));
  if (!fits(shape)) return invalid("its output shape " + to_string(shape) + " is empty or too large");
  const std::size_t output = at(node.outputs[0]);
  shapes_[output] = graph_.tensors[output].shape = shape;
  return info.check(view);
}

Result<bool> GraphBuilder::fold(const Node& node) {
  if (!all_inputs_constant(graph_, node) || !budget_.take(node.op(), NodeView(graph_, node, shapes_))) return false;
  OCTET_TRY(graph_.tensors[at(node.outputs[0])].data, evaluate(graph_, node));
  return true;
}

Result<int> GraphBuilder::append(Node node, const std::string& output_name, bool may_fold) {
  Tensor out;
  out.name = output_name;
  out.type = tensor(node.inputs[0]).type;
  const int output = add_tensor(std::move(out));
  node.outputs = {output};
  OCTET_CHECK(infer(node));
  if (may_fold) {
    OCTET_TRY(const bool folded, fold(node));
    if (folded) return output;
  }
  graph_.nodes.push_back(std::move(node));
  return output;
}

}  // namespace octet
