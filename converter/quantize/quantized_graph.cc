#include "converter/quantize/quantized_graph.h"

#include <algorithm>

#include "converter/imported_quantization.h"
#include "converter/passes/edit.h"
#include "converter/quantize.h"
#include "converter/quantize_math.h"
#include "engine/try.h"

namespace octet {
namespace {

bool has(const std::vector<int>& list, int tensor) { return std::ranges::find(list, tensor) != list.end(); }

}  // namespace

QuantizedGraph::QuantizedGraph(const Graph& from, QuantizationPlan plan, bool symmetric_constants)
    : from_(from),
      plan_(std::move(plan)),
      symmetric_constants_(symmetric_constants),
      quantized_(from.tensors.size(), kAbsent),
      real_(from.tensors.size(), kAbsent) {
  graph_.source_nodes = from.source_nodes;
  graph_.provenance = from.provenance;
  for (const Tensor& t : from.tensors) names_.insert(t.name);
}

int QuantizedGraph::quantized_of(int from) {
  if (is_quantized(from)) return quantized_[at(from)];
  const Tensor& t = from_.tensors[at(from)];
  if (t.constant()) return quantized_[at(from)] = add_constant(t);
  Tensor u8 = quantized_tensor(from);
  const std::string name = u8.name;
  return quantized_[at(from)] = append(name, attributes(schema::QuantizeT{}), {real_[at(from)]}, std::move(u8));
}

int QuantizedGraph::real_of(int from) {
  if (real_[at(from)] != kAbsent) return real_[at(from)];
  const Tensor& t = from_.tensors[at(from)];
  if (t.constant()) return real_[at(from)] = add_tensor(t);
  const std::string name = has(from_.outputs, from) ? t.name : unused_name(t.name + "_dequantized");
  const auto step = steps_.find(from);
  return real_[at(from)] = append(step == steps_.end() ? name : step->second->name, attributes(schema::DequantizeT{}), {quantized_[at(from)]},
                                  {name, Type::f32, t.shape, t.batched, {}, {}}, step == steps_.end() ? std::vector<int>() : step->second->sources);
}

int QuantizedGraph::rescaled(int made, const Quantization& q) {
  const Tensor source = tensor(made);
  if (source.quant == q) return made;
  schema::LookupT lookup;
  lookup.tables = make_table(source.quant, q, [](double x) { return x; });
  const std::string name = unused_name(source.name + "_rescaled");
  if (source.constant()) {
    std::vector<std::uint8_t> bytes;
    for (const std::uint8_t byte : source.data.as<std::uint8_t>()) bytes.push_back(lookup.tables[byte]);
    return add_tensor({name, Type::u8, source.shape, false, q, Constant::of(std::move(bytes))});
  }
  return append(name, attributes(std::move(lookup)), {made}, {name, Type::u8, source.shape, source.batched, q, {}});
}

Tensor QuantizedGraph::quantized_tensor(int from) {
  const Tensor& t = from_.tensors[at(from)];
  const bool visible = has(from_.inputs, from) || has(from_.outputs, from);
  return {visible ? unused_name(t.name + kQuantizedSuffix) : t.name, Type::u8, t.shape, t.batched, plan_.parameters[at(from)], {}};
}

int QuantizedGraph::add_tensor(Tensor t) {
  graph_.tensors.push_back(std::move(t));
  return static_cast<int>(graph_.tensors.size()) - 1;
}

Quantization QuantizedGraph::parameters_of(int from) const {
  if (is_quantized(from)) return tensor(quantized_[at(from)]).quant;
  const Tensor& t = from_.tensors[at(from)];
  return t.constant() ? constant_parameters(t) : plan_.parameters[at(from)];
}

/// An operand of Add, Mul or Concat, over its own range.
int QuantizedGraph::add_constant(const Tensor& t) {
  const Quantization q = constant_parameters(t);
  std::vector<std::uint8_t> bytes;
  for (const float v : t.data.as<float>()) bytes.push_back(quantize_value(static_cast<double>(v), q));
  return add_tensor({t.name, Type::u8, t.shape, false, q, Constant::of(std::move(bytes))});
}

Quantization QuantizedGraph::constant_parameters(const Tensor& t) const {
  if (plan_.imported) return exact_bytes(t).value_or(Quantization{});
  const auto [lo, hi] = std::ranges::minmax(t.data.as<float>());
  return activation_parameters({lo, hi, true}, symmetric_constants_);
}

std::vector<int> QuantizedGraph::quantized_inputs(const Node& node) {
  std::vector<int> inputs;
  for (const int i : node.inputs) inputs.push_back(from_.tensors[at(i)].type == Type::f32 ? quantized_of(i) : real_of(i));
  return inputs;
}

std::vector<int> QuantizedGraph::real_inputs(const Node& node) {
  std::vector<int> inputs;
  for (const int i : node.inputs) inputs.push_back(i == kAbsent ? kAbsent : real_of(i));
  return inputs;
}

void QuantizedGraph::add_input(int made, std::shared_ptr<const Preprocessing> preprocessing) {
  graph_.inputs.push_back(made);
  graph_.preprocessing.push_back(std::move(preprocessing));
}

int QuantizedGraph::append(std::string name, schema::OperatorUnion op, std::vector<int> inputs, Tensor output, std::vector<int> sources) {
  const int out = add_tensor(std::move(output));
  maker_[out] = graph_.nodes.size();
  graph_.nodes.push_back({std::move(name), std::move(op), std::move(inputs), {out}, std::move(sources), {}});
  return out;
}

void QuantizedGraph::append_quantized(const Node& node, schema::OperatorUnion op, std::vector<int> inputs, Tensor output) {
  set_quantized(node.outputs[0], append(node.name, std::move(op), std::move(inputs), std::move(output), node.sources));
}

void QuantizedGraph::append_quantized(const Node& node, schema::OperatorUnion op, std::vector<int> inputs) {
  append_quantized(node, std::move(op), std::move(inputs), quantized_tensor(node.outputs[0]));
}

void QuantizedGraph::append_real(const Node& node, std::vector<int> inputs, std::string float_reason) {
  std::vector<int> outputs;
  for (const int i : node.outputs) {
    outputs.push_back(add_tensor(from_.tensors[at(i)]));
    set_real(i, outputs.back());
  }
  graph_.nodes.push_back({node.name, node.attributes, std::move(inputs), std::move(outputs), node.sources, std::move(float_reason)});
}

void QuantizedGraph::append_product(const Node& node, std::vector<int> inputs) {
  if (plan_.stays_real[at(node.outputs[0])]) return append_real(node, std::move(inputs));
  append_quantized(node, node.attributes, std::move(inputs));
}

bool QuantizedGraph::is_output(int from) const { return has(from_.outputs, from); }

int QuantizedGraph::as_output(int made, const std::string& name) {
  if (maker_.contains(made) && named_outputs_.insert(made).second) {
    graph_.tensors[at(made)].name = name;
    return made;
  }
  const Tensor source = tensor(made);
  schema::ReshapeT same;
  same.shape.assign(source.shape.size(), 0);
  return append(name, attributes(std::move(same)), {made}, {name, source.type, source.shape, source.batched, source.quant, {}});
}

void QuantizedGraph::add_sources(int made, const std::vector<int>& sources) {
  if (const auto maker = maker_.find(made); maker != maker_.end()) merge_sources(graph_.nodes[maker->second].sources, sources);
}

std::string QuantizedGraph::unused_name(std::string name) {
  while (!names_.insert(name).second) name += "_";
  return name;
}

Result<Graph> QuantizedGraph::finish() {
  for (const int i : from_.outputs) graph_.outputs.push_back(real_of(i));
  OCTET_CHECK(resolve_shapes(graph_));
  return std::move(graph_);
}

}  // namespace octet
