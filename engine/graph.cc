#include "engine/graph.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/operator.h"

namespace octet {
namespace {

Error tensor_error(const Tensor& tensor, const std::string& message) {
  return Error{ErrorCode::invalid_file, message, "tensor '" + tensor.name + "'"};
}

Result<void> check_quantization(const Tensor& t) {
  const Quantization& q = t.quant;
  if (!q.present()) {
    if (!q.zero_points.empty()) return tensor_error(t, "zero-points without scales");
    return {};
  }
  if (t.type != Type::u8 && t.type != Type::s8) return tensor_error(t, std::string("type ") + name_of(t.type) + " takes no quantization");
  std::size_t count = 1;
  if (q.axis != -1) {
    if (q.axis < 0 || at(q.axis) >= t.shape.size()) return tensor_error(t, "quantization axis " + std::to_string(q.axis) + " is out of range");
    count = static_cast<std::size_t>(t.shape[at(q.axis)]);
  }
  if (q.scales.size() != count)
    return tensor_error(t, std::to_string(q.scales.size()) + " scales where there must be " + std::to_string(count));
  for (std::size_t i = 0; i < q.scales.size(); ++i)
    if (!std::isnormal(q.scales[i]) || q.scales[i] < 0)
      return tensor_error(t, "scale[" + std::to_string(i) + "] is " + std::to_string(q.scales[i]) + ", not a normal positive number");
  if (t.type == Type::s8) {
    for (const std::int32_t z : q.zero_points)
      if (z != 0) return tensor_error(t, "s8 weights are symmetric, but a zero-point is " + std::to_string(z));
    return {};
  }
  if (q.zero_points.size() != count) return tensor_error(t, "as many zero-points as scales are needed");
  for (const std::int32_t z : q.zero_points)
    if (z < 0 || z > 255) return tensor_error(t, "zero-point " + std::to_string(z) + " is outside 0..255");
  return {};
}

Result<void> check_tensor(const Tensor& t) {
  if (t.shape.size() > kMaxRank) return tensor_error(t, "rank " + std::to_string(t.shape.size()) + " is above " + std::to_string(kMaxRank));
  for (const std::int64_t size : t.shape)
    if (size < 0) return tensor_error(t, "a size of its shape is " + std::to_string(size));
  const std::int64_t count = element_count(t.shape);
  if (count < 0) return tensor_error(t, "its shape " + to_string(t.shape) + " overflows");
  if (t.batched && (t.constant() || t.shape.empty())) return tensor_error(t, "it cannot follow the batch");
  if (t.constant() && t.data.bytes().size() != static_cast<std::size_t>(count) * size_of(t.type))
    return tensor_error(t, "has " + std::to_string(t.data.bytes().size()) + " bytes of data for shape " + to_string(t.shape) + " of " +
                               name_of(t.type));
  return check_quantization(t);
}

Result<void> check_node_tensors(const Graph& graph, const Node& node, const OperatorInfo& info, std::vector<bool>& written) {
  const auto in_range = [&](int i) { return i >= 0 && at(i) < graph.tensors.size(); };
  if (node.inputs.size() < info.min_inputs || node.inputs.size() > info.max_inputs)
    return invalid("has " + std::to_string(node.inputs.size()) + " inputs");
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const int index = node.inputs[i];
    if (index == kAbsent && i >= info.min_inputs) continue;
    if (!in_range(index)) return invalid("input " + std::to_string(i) + " is tensor " + std::to_string(index) + ", which does not exist");
    const Tensor& t = graph.tensors[at(index)];
    if (!written[at(index)]) return invalid("input '" + t.name + "' is read before anything writes it");
  }
  if (node.outputs.empty() || node.outputs.size() > info.max_outputs)
    return invalid("has " + std::to_string(node.outputs.size()) + " outputs, not " + (info.max_outputs > 1 ? "up to " : "") +
                   std::to_string(info.max_outputs));
  for (const int index : node.outputs) {
    if (!in_range(index)) return invalid("its output is tensor " + std::to_string(index) + ", which does not exist");
    if (written[at(index)]) return invalid("its output '" + graph.tensors[at(index)].name + "' is written twice");
    written[at(index)] = true;
  }
  return {};
}

/// Indices, order, single assignment: what everything else relies on.
Result<void> check_structure(const Graph& graph) {
  std::vector<bool> written(graph.tensors.size());
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) written[i] = graph.tensors[i].constant();
  for (const int i : graph.inputs) {
    if (i < 0 || at(i) >= graph.tensors.size()) return invalid("graph input " + std::to_string(i) + " does not exist");
    if (written[at(i)]) return tensor_error(graph.tensors[at(i)], "is a graph input twice, or a constant");
    written[at(i)] = true;
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const OperatorInfo* info = find_operator(graph.nodes[n].op());
    if (info == nullptr) return Error{ErrorCode::unsupported, "unknown operator", describe(graph, n)};
    if (auto ok = check_node_tensors(graph, graph.nodes[n], *info, written); !ok) return std::move(ok).error().in(describe(graph, n));
    for (const int s : graph.nodes[n].sources)
      if (s < 0 || at(s) >= graph.source_nodes.size()) return invalid("source node out of range").in(describe(graph, n));
  }
  if (graph.outputs.empty()) return invalid("the graph has no output");
  std::vector<bool> computed(graph.tensors.size());
  for (const Node& node : graph.nodes)
    for (const int i : node.outputs) computed[at(i)] = true;
  for (const int i : graph.outputs) {
    if (i < 0 || at(i) >= graph.tensors.size()) return invalid("graph output " + std::to_string(i) + " does not exist");
    if (!computed[at(i)]) return tensor_error(graph.tensors[at(i)], "is a graph output that no node writes, or twice an output");
    computed[at(i)] = false;
  }
  return {};
}

/// Whether a node's values depend on which samples share a batch. Shapes do not show it where the size stays, or grows in
/// proportion. Every operator with an axis belongs here.
bool works_along_batch(const Graph& graph, const Node& node) {
  using schema::Operator;
  const Tensor& x = graph.tensors[at(node.inputs[0])];
  const auto other_than = [](const std::vector<int>& list, int usual) { return !list.empty() && list[0] != usual; };
  switch (node.op()) {
    case Operator::Softmax: {
      const int axis = node.as<schema::SoftmaxT>().axis;
      return x.batched && (axis == -1 ? x.shape.size() == 1 : axis == 0);
    }
    case Operator::Concat:
      return node.as<schema::ConcatT>().axis == 0 && std::ranges::any_of(node.inputs, [&](int i) { return graph.tensors[at(i)].batched; });
    case Operator::Slice: return x.batched && other_than(node.as<schema::SliceT>().sizes, 0);
    case Operator::Tile: return x.batched && other_than(node.as<schema::TileT>().repeats, 1);
    case Operator::Pad: return x.batched && (other_than(node.as<schema::PadT>().begins, 0) || other_than(node.as<schema::PadT>().ends, 0));
    case Operator::Reduce: return x.batched && std::ranges::find(node.as<schema::ReduceT>().axes, 0) != node.as<schema::ReduceT>().axes.end();
    case Operator::ArgMax: return x.batched && node.as<schema::ArgMaxT>().axis == 0;
    case Operator::TopK: return x.batched && node.as<schema::TopKT>().axis == 0;
    case Operator::LogSoftmax: return x.batched && node.as<schema::LogSoftmaxT>().axis == 0;
    case Operator::LayerNormalization: return x.batched && node.as<schema::LayerNormalizationT>().axes == static_cast<int>(x.shape.size());
    case Operator::Gather: return x.batched && node.as<schema::GatherT>().axis == 0;
    case Operator::GatherND: return x.batched && node.as<schema::GatherNDT>().batch_axes == 0;
    case Operator::ScatterND:
      return node.as<schema::ScatterNDT>().batch_axes == 0 && std::ranges::any_of(node.inputs, [&](int i) { return graph.tensors[at(i)].batched; });
    case Operator::CumSum: return x.batched && node.as<schema::CumSumT>().axis == 0;
    default: return false;
  }
}

constexpr const char* kAlongBatch = "works along the batch, so that a sample's result would depend on the others";

/// The stored shapes must be the inferred ones, at batch 1 and, where the batch is free, at 2 and at 3: a constant of size 2 takes part
/// in a broadcast with a batch of 2, but not in one with 3.
Result<void> check_shapes(const Graph& graph) {
  for (const std::int64_t batch : {1, 2, 3}) {
    bool batched = false;
    for (const int i : graph.inputs) batched = batched || graph.tensors[at(i)].batched;
    if (batch != 1 && !batched) break;
    OCTET_TRY(const std::vector<Shape> shapes, infer_shapes(graph, batch));
    for (const Node& node : graph.nodes) {
      for (const int i : node.outputs) {
        const Tensor& t = graph.tensors[at(i)];
        Shape expected = t.shape;
        if (t.batched) expected[0] *= batch;
        if (shapes[at(i)] != expected)
          return tensor_error(t, "its shape " + to_string(expected) + " should be " + to_string(shapes[at(i)]) + " at batch " +
                                     std::to_string(batch));
      }
    }
    if (batch != 1) continue;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      if (works_along_batch(graph, graph.nodes[n])) return invalid(kAlongBatch).in(describe(graph, n));
      const NodeView view(graph, graph.nodes[n], shapes);
      if (auto ok = find_operator(graph.nodes[n].op())->check(view); !ok) return std::move(ok).error().in(describe(graph, n));
    }
  }
  return {};
}

}  // namespace

std::int64_t element_count(const Shape& shape) noexcept {
  // Room is left for the size in bytes.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || (size != 0 && count > kMost / size)) return -1;
    count *= size;
  }
  return count;
}

bool is_empty(const Shape& shape) noexcept { return std::ranges::find(shape, 0) != shape.end(); }

std::string to_string(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::string describe(const Graph& graph, std::size_t node) {
  const Node& n = graph.nodes[node];
  return "node " + std::to_string(node) + " '" + n.name + "' (" + name_of(n.op()) + ")";
}

namespace {

/// Only a Reshape may have tensors without elements: no other operator's arithmetic ever meets a size of 0.
Result<void> check_elements(const Node& node, const std::vector<int>& tensors, const std::vector<Shape>& shapes) {
  if (node.op() == schema::Operator::Reshape) return {};
  for (const int i : tensors)
    if (i != kAbsent && is_empty(shapes[at(i)])) return invalid("takes and makes no tensor without elements, such as one of shape " + to_string(shapes[at(i)]));
  return {};
}

}  // namespace

Result<std::vector<Shape>> infer_shapes(const Graph& graph, std::int64_t batch) {
  std::vector<Shape> shapes(graph.tensors.size());
  const auto set = [&](std::size_t i) {
    shapes[i] = graph.tensors[i].shape;
    if (graph.tensors[i].batched && !shapes[i].empty()) shapes[i][0] *= batch;
  };
  for (std::size_t i = 0; i < graph.tensors.size(); ++i)
    if (graph.tensors[i].constant()) set(i);
  for (const int i : graph.inputs) {
    set(at(i));
    if (element_count(shapes[at(i)]) < 0)
      return tensor_error(graph.tensors[at(i)], "its shape overflows at batch " + std::to_string(batch));
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (auto ok = check_elements(node, node.inputs, shapes); !ok) return std::move(ok).error().in(describe(graph, n));
    auto inferred = find_operator(node.op())->infer(NodeView(graph, node, shapes));
    for (std::size_t k = 0; inferred && k < node.outputs.size(); ++k)
      if (element_count((*inferred)[k]) < 0) inferred = invalid("its output shape " + to_string((*inferred)[k]) + " overflows");
    if (!inferred) return std::move(inferred).error().in(describe(graph, n));
    for (std::size_t k = 0; k < node.outputs.size(); ++k) shapes[at(node.outputs[k])] = std::move((*inferred)[k]);
    if (auto ok = check_elements(node, node.outputs, shapes); !ok) return std::move(ok).error().in(describe(graph, n));
  }
  return shapes;
}

Result<void> resolve_shapes(Graph& graph) {
  OCTET_TRY(const std::vector<Shape> one, infer_shapes(graph, 1));
  OCTET_TRY(const std::vector<Shape> two, infer_shapes(graph, 2));
  OCTET_TRY(const std::vector<Shape> three, infer_shapes(graph, 3));  // see check_shapes
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (works_along_batch(graph, graph.nodes[n])) return Error{ErrorCode::unsupported, kAlongBatch, describe(graph, n)};
    for (const int i : graph.nodes[n].outputs) {
      Tensor& t = graph.tensors[at(i)];
      t.shape = one[at(i)];
      t.batched = one[at(i)] != two[at(i)];
      const auto follows = [&](const std::vector<Shape>& shapes, std::int64_t batch) {
        Shape expected = t.shape;
        if (t.batched && !expected.empty()) expected[0] *= batch;
        return shapes[at(i)] == expected;
      };
      if (!follows(two, 2) || !follows(three, 3))
        return Error{ErrorCode::unsupported, "its output's shape does not follow the batch on the leading axis alone", describe(graph, n)};
    }
  }
  return {};
}

Result<void> check_graph(const Graph& graph) {
  if (graph.inputs.size() != graph.preprocessing.size()) return invalid("inputs and preprocessing differ in number");
  for (const Tensor& t : graph.tensors) OCTET_CHECK(check_tensor(t));
  OCTET_CHECK(check_structure(graph));
  return check_shapes(graph);
}

}  // namespace octet
