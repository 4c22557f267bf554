#include "converter/onnx/builder.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace octet {
namespace {

bool same_content(const Tensor& a, const Tensor& b) {
  return a.shape == b.shape && std::ranges::equal(a.data.bytes(), b.data.bytes());
}

/// Whether `two` is `one` twice along the leading axis, of size 1 in `one`.
bool repeats(const Tensor& one, const Tensor& two) {
  Shape doubled = one.shape;
  if (doubled.empty() || doubled[0] != 1) return false;
  doubled[0] = 2;
  const auto bytes = one.data.bytes();
  return two.shape == doubled && std::ranges::equal(two.data.bytes().first(bytes.size()), bytes) &&
         std::ranges::equal(two.data.bytes().subspan(bytes.size()), bytes);
}

}  // namespace

bool fits(const Shape& shape) noexcept {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  return element_count(shape) >= 0 && std::ranges::all_of(shape, [](std::int64_t size) { return size <= kLargest; });
}

void GraphBuilder::define_constant(const std::string& name, KnownValue value) {
  value.one.name = name;
  if (value.two && same_content(value.one, *value.two)) value.two.reset();
  values_[name] = {kAbsent, std::move(value)};
}

Result<int> GraphBuilder::tensor_of(const std::string& name) {
  Value& value = values_.at(name);
  if (value.tensor != kAbsent) return value.tensor;
  if (is_empty(value.pending.one.shape) && value.pending.two) return follows_batch("the size of '" + name + "', which has no elements, follows the batch");
  value.tensor = add_tensor(std::move(value.pending.one));
  if (value.pending.two) {
    shapes_[1][at(value.tensor)] = value.pending.two->shape;
    at_two_[value.tensor] = *std::move(value.pending.two);
  }
  return value.tensor;
}

std::optional<KnownValue> GraphBuilder::known_value_of(const std::string& name) const {
  const Value& value = values_.at(name);
  if (value.tensor == kAbsent) return value.pending;
  const Tensor& t = tensor(value.tensor);
  if (!t.constant()) return std::nullopt;
  const auto two = at_two_.find(value.tensor);
  return KnownValue{t, two == at_two_.end() ? std::nullopt : std::optional(two->second)};
}

std::optional<Tensor> GraphBuilder::constant_of(const std::string& name) const {
  auto known = known_value_of(name);
  if (!known || known->two) return std::nullopt;
  return std::move(known->one);
}

int GraphBuilder::add_tensor(Tensor tensor) {
  for (const std::size_t b : {0U, 1U}) {
    shapes_[b].push_back(tensor.shape);
    if (b == 1 && tensor.batched) shapes_[b].back()[0] *= 2;
  }
  graph_.tensors.push_back(std::move(tensor));
  return static_cast<int>(graph_.tensors.size()) - 1;
}

std::array<Shape, 2> GraphBuilder::shapes(int index) const { return {shapes_[0][at(index)], shapes_[1][at(index)]}; }

Error GraphBuilder::follows_batch(std::string message) {
  needs_fixed_batch_ = true;
  return Error{ErrorCode::unsupported, std::move(message), {}};
}

Result<int> GraphBuilder::batched_input() {
  const auto like = std::ranges::find_if(graph_.inputs, [&](int i) { return tensor(i).batched; });
  if (like == graph_.inputs.end()) return follows_batch("no input follows the batch");
  return *like;
}

namespace {

/// Operators that make tensors without elements of such ones; others are never asked what they would make of them.
constexpr std::array kTakeNothing = {
    schema::Operator::Reshape, schema::Operator::Transpose, schema::Operator::Slice,  schema::Operator::Concat,   schema::Operator::Gather,
    schema::Operator::Add,     schema::Operator::Sub,       schema::Operator::Mul,    schema::Operator::Binary,   schema::Operator::Pointwise,
    schema::Operator::Compare, schema::Operator::Where,     schema::Operator::Lookup, schema::Operator::Quantize, schema::Operator::Dequantize,
    schema::Operator::Cast};

/// Whether a node reads nothing that has no elements, or makes nothing that has any.
Result<void> check_elements(const NodeView& node, const std::vector<Shape>& outputs) {
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i) || !is_empty(node.input_shape(i)) || (!outputs.empty() && std::ranges::all_of(outputs, is_empty))) continue;
    return Error{ErrorCode::unsupported, "its input '" + node.input(i).name + "' of shape " + to_string(node.input_shape(i)) + " has no elements", {}};
  }
  return {};
}

}  // namespace

Result<void> GraphBuilder::infer(const Node& node) {
  const OperatorInfo& info = *find_operator(node.op());
  for (const std::size_t b : {0U, 1U}) {
    if (std::ranges::find(kTakeNothing, node.op()) == kTakeNothing.end()) OCTET_CHECK(check_elements(NodeView(graph_, node, shapes_[b]), {}));
    auto inferred = info.infer(NodeView(graph_, node, shapes_[b]));
    if (!inferred && b == 1) return follows_batch(inferred.error().message + " at batch 2");
    if (!inferred) return std::move(inferred).error();
    OCTET_CHECK(check_elements(NodeView(graph_, node, shapes_[b]), *inferred));
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      const Shape& shape = (*inferred)[k];
      if (shape.size() > kMaxRank) return invalid("its output has rank " + std::to_string(shape.size()) + ", above " + std::to_string(kMaxRank));
      if (!fits(shape)) return invalid("its output shape " + to_string(shape) + " is too large");
      shapes_[b][at(node.outputs[k])] = shape;
      if (b == 0) graph_.tensors[at(node.outputs[k])].shape = shape;
    }
  }
  return info.check(NodeView(graph_, node, shapes_[0]));
}

/// The node's results at batch 2; its inputs are constants, some of which follow the batch.
Result<std::vector<Tensor>> GraphBuilder::evaluate_at_two(const Node& node) {
  Graph graph;
  Node copy = node;
  copy.sources.clear();
  for (int& i : copy.inputs) {
    if (i == kAbsent) continue;
    const auto two = at_two_.find(i);
    graph.tensors.push_back(two == at_two_.end() ? tensor(i) : two->second);
    i = static_cast<int>(graph.tensors.size()) - 1;
  }
  std::vector<Tensor> results;
  for (int& i : copy.outputs) {
    Tensor result = tensor(i);
    result.shape = shapes_[1][at(i)];
    result.data = {};
    results.push_back(result);
    graph.tensors.push_back(std::move(result));
    i = static_cast<int>(graph.tensors.size()) - 1;
  }
  OCTET_TRY(auto data, evaluate(graph, copy));
  for (std::size_t k = 0; k < results.size(); ++k) results[k].data = std::move(data[k]);
  return results;
}

namespace {

/// The source form of a constant after a node that moves its values; empty where its scales are no longer along one axis.
SourceForm moved_source(const Node& node, const Tensor& from, const Shape& to) {
  SourceForm source = from.source;
  int& axis = source.quant.axis;
  if (node.op() != schema::Operator::Transpose && node.op() != schema::Operator::Reshape) return {};
  if (axis == -1) return source;
  if (node.op() == schema::Operator::Transpose) {
    const auto& perm = node.as<schema::TransposeT>().perm;
    axis = static_cast<int>(std::ranges::find(perm, axis) - perm.begin());
    return source;
  }
  const auto before = [](const Shape& shape, std::size_t i) { return element_count(Shape(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(i))); };
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i] != from.shape[at(axis)] || before(to, i) != before(from.shape, at(axis))) continue;
    axis = static_cast<int>(i);
    return source;
  }
  return {};
}

}  // namespace

Result<bool> GraphBuilder::fold(const Node& node) {
  if (!all_inputs_constant(graph_, node) || !budget_.take(node.op(), NodeView(graph_, node, shapes_[0]))) return false;
  OCTET_TRY(auto data, evaluate(graph_, node));
  const bool follow = std::ranges::any_of(node.inputs, [&](int i) { return at_two_.contains(i); });
  if (follow) {
    OCTET_TRY(auto two, evaluate_at_two(node));
    for (std::size_t k = 0; k < two.size(); ++k) {
      Tensor one = tensor(node.outputs[k]);
      one.data = data[k];
      if (!same_content(one, two[k])) at_two_[node.outputs[k]] = std::move(two[k]);
    }
  }
  for (std::size_t k = 0; k < data.size(); ++k) graph_.tensors[at(node.outputs[k])].data = std::move(data[k]);
  if (!node.inputs.empty() && tensor(node.inputs[0]).source.quant.present()) {
    const Tensor& from = tensor(node.inputs[0]);
    graph_.tensors[at(node.outputs[0])].source = moved_source(node, from, tensor(node.outputs[0]).shape);
  }
  return true;
}

/// A constant that follows the batch as a tensor that does.
Result<int> GraphBuilder::expanded(int index) {
  if (const auto found = expanded_.find(index); found != expanded_.end()) return found->second;
  const Tensor one = tensor(index);
  if (!repeats(one, at_two_.at(index))) return follows_batch("the values of its input '" + one.name + "' follow the batch");
  OCTET_TRY(const int like, batched_input());
  Tensor row = one;
  row.name += "@row";
  Node node;
  node.name = one.name;
  schema::ExpandT op;
  op.shape.assign(one.shape.begin(), one.shape.end());
  node.attributes.Set(std::move(op));
  node.inputs = {add_tensor(std::move(row)), like};
  OCTET_TRY(const int y, append(std::move(node), one.name + "@expanded", false));
  return expanded_[index] = y;
}

Result<bool> GraphBuilder::fold_nothing(const Node& node) {
  if (std::ranges::none_of(node.outputs, [&](int i) { return is_empty(tensor(i).shape); })) return false;
  for (const int i : node.outputs) {
    if (!is_empty(tensor(i).shape)) return Error{ErrorCode::unsupported, "some of its outputs have no elements", {}};
    if (shapes_[0][at(i)] != shapes_[1][at(i)]) return follows_batch("its output has no elements, and its shape follows the batch");
    Tensor& t = graph_.tensors[at(i)];
    if (t.source.s8) t.type = Type::s8;
    t.quant = {};
    t.source = {};
    t.data = Constant::of(std::vector<std::byte>());
  }
  return true;
}

Result<void> GraphBuilder::expand_inputs(Node& node) {
  for (int& i : node.inputs) {
    if (i == kAbsent || !at_two_.contains(i)) continue;
    OCTET_TRY(i, expanded(i));
  }
  return {};
}

Result<std::vector<int>> GraphBuilder::append(Node node, const std::vector<NewTensor>& outputs, bool may_fold) {
  node.outputs.clear();
  for (const NewTensor& o : outputs) {
    Tensor t;
    t.name = o.name;
    t.type = o.type;
    if (t.type == Type::u8) {
      const Tensor* like = node.inputs.empty() || node.inputs[0] == kAbsent ? nullptr : &tensor(node.inputs[0]);
      const bool inherits = !o.quant.present() && like != nullptr && like->type == Type::u8 && !like->constant();
      t.quant = inherits ? like->quant : o.quant;
      t.source = inherits ? like->source : o.source;
    }
    node.outputs.push_back(add_tensor(std::move(t)));
  }
  OCTET_CHECK(infer(node));
  if (may_fold) {
    OCTET_TRY(bool folded, fold_nothing(node));
    if (!folded) {
      OCTET_TRY(folded, fold(node));
    }
    if (folded) return node.outputs;
  }
  OCTET_CHECK(expand_inputs(node));
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().outputs;
}

const Node* GraphBuilder::recent_maker(int tensor) const {
  constexpr std::size_t kFew = 16;  // so that no file makes this slow
  for (std::size_t n = graph_.nodes.size(), last = n - std::min(n, kFew); n-- > last;)
    if (graph_.nodes[n].outputs[0] == tensor) return &graph_.nodes[n];
  return nullptr;
}

Result<int> GraphBuilder::append(Node node, const std::string& output_name, bool may_fold) {
  const Type type = tensor(node.inputs[0]).type;
  OCTET_TRY(const auto outputs, append(std::move(node), {{output_name, type}}, may_fold));
  return outputs[0];
}

Result<void> GraphBuilder::finish_shapes() {
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    Tensor& t = graph_.tensors[i];
    t.shape = shapes_[0][i];
    Shape doubled = t.shape;
    if (!doubled.empty()) doubled[0] *= 2;
    t.batched = !t.constant() && shapes_[1][i] != t.shape && shapes_[1][i] == doubled;
  }
  if (std::ranges::none_of(graph_.inputs, [&](int i) { return tensor(i).batched; })) return {};
  const auto three = infer_shapes(graph_, 3);
  if (!three) return follows_batch(three.error().message + " at batch 3");
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    if (graph_.tensors[i].constant()) continue;
    const Shape& one = shapes_[0][i];
    const Shape& two = shapes_[1][i];
    bool grows = one.size() == two.size() && one.size() == (*three)[i].size();
    for (std::size_t k = 0; grows && k < one.size(); ++k) grows = (*three)[i][k] - two[k] == two[k] - one[k];
    if (!grows) return follows_batch("the shape of '" + graph_.tensors[i].name + "' does not grow with the batch");
  }
  return {};
}

}  // namespace octet
