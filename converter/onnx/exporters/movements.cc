// Operators that move elements: on the integers where they are quantized.
#include <algorithm>
#include <array>
#include <limits>

#include "converter/onnx/exporters/export_graph.h"

namespace octet {
namespace {

using onnx::NodeProto;
using onnx::TensorProto;
using schema::Operator;
using Ints = std::vector<std::int64_t>;

Ints widened(const std::vector<int>& values) { return {values.begin(), values.end()}; }

/// The output is the op's, of input 0 as it is stored and constant lists.
Result<void> move(ExportGraph& e, const Node& node, const char* op, const std::vector<Ints>& lists) {
  Inputs inputs = {e.own(node.inputs[0])};
  for (const Ints& list : lists) inputs.push_back(e.integers(list, node.name + "_" + op));
  e.set_own(node.outputs[0], e.value(op, inputs, e.tensor(node.outputs[0]).name + "_moved"));
  return {};
}

Result<void> write_reshape(ExportGraph& e, const Node& node) { return move(e, node, "Reshape", {widened(node.as<schema::ReshapeT>().shape)}); }
Result<void> write_tile(ExportGraph& e, const Node& node) { return move(e, node, "Tile", {widened(node.as<schema::TileT>().repeats)}); }

Result<void> write_transpose(ExportGraph& e, const Node& node) {
  const auto& perm = node.as<schema::TransposeT>().perm;
  const int x = node.inputs[0];
  const int y = node.outputs[0];
  if (perm.size() > 2 && perm == to_channels_first(perm.size()) && e.has(x, Layout::channels_first)) {
    e.set_own(y, e.own(x, Layout::channels_first));  // the Transpose has been made
    return {};
  }
  if (perm.size() > 2 && perm == to_channels_last(perm.size())) e.set_own(y, e.own(x), Layout::channels_first);
  e.set_own(y, e.transposed(e.own(x), perm));
  return {};
}

Result<void> write_concat(ExportGraph& e, const Node& node) {
  Inputs inputs;
  for (const int i : node.inputs) inputs.push_back(e.own(i));
  NodeProto& n = e.add("Concat", inputs, e.tensor(node.outputs[0]).name + "_joined");
  ExportGraph::set(n, "axis", std::int64_t{node.as<schema::ConcatT>().axis});
  e.set_own(node.outputs[0], n.output(0));
  return {};
}

/// Axes that are taken whole, forwards, are not named.
Result<void> write_slice(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::SliceT>();
  Ints starts, ends, axes, steps;
  for (std::size_t i = 0; i < a.starts.size(); ++i) {
    if (a.sizes[i] == 0) continue;
    const std::int64_t end = a.starts[i] + std::int64_t{a.steps[i]} * a.sizes[i];
    starts.push_back(a.starts[i]);
    ends.push_back(end < 0 ? std::numeric_limits<std::int64_t>::min() : end);
    axes.push_back(static_cast<std::int64_t>(i));
    steps.push_back(a.steps[i]);
  }
  if (axes.empty()) return move(e, node, "Identity", {});
  return move(e, node, "Slice", {starts, ends, axes, steps});
}

/// With a second input, the leading size is a multiple of its own.
Result<void> write_expand(ExportGraph& e, const Node& node) {
  const Ints shape = widened(node.as<schema::ExpandT>().shape);
  if (node.inputs.size() < 2 || node.inputs[1] == kAbsent) return move(e, node, "Expand", {shape});
  const std::string wish = e.tensor(node.outputs[0]).name;
  const std::string like = e.value("Shape", {e.own(node.inputs[1])}, wish + "_like");
  const std::string leading = e.value("Gather", {like, e.integers({0}, wish + "_first")}, wish + "_leading");
  const std::string first = e.value("Mul", {leading, e.integers({shape[0]}, wish + "_times")}, wish + "_size");
  NodeProto& n = e.add("Concat", {first}, wish + "_shape");
  if (shape.size() > 1) n.add_input(e.integers({shape.begin() + 1, shape.end()}, wish + "_rest"));
  ExportGraph::set(n, "axis", std::int64_t{0});
  const std::string sizes = n.output(0);
  e.set_own(node.outputs[0], e.value("Expand", {e.own(node.inputs[0]), sizes}, wish + "_expanded"));
  return {};
}

template <class T>
std::string scalar(ExportGraph& e, double value, Type type) {
  return e.constant(std::vector<T>{static_cast<T>(value)}, {}, onnx_type(type), "pad_value");
}

Result<void> write_pad(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::PadT>();
  constexpr std::array kModes = {"constant", "edge", "reflect"};
  Ints pads = widened(a.begins);
  pads.insert(pads.end(), a.ends.begin(), a.ends.end());
  Inputs inputs = {e.real(node.inputs[0]), e.integers(pads, node.name + "_pads")};
  if (a.mode == schema::PadMode::Constant) {
    switch (const Type type = e.tensor(node.inputs[0]).type) {
      case Type::s64: inputs.push_back(scalar<std::int64_t>(e, a.value, type)); break;
      case Type::s32: inputs.push_back(scalar<std::int32_t>(e, a.value, type)); break;
      case Type::f32: inputs.push_back(scalar<float>(e, a.value, type)); break;
      case Type::u8:
        if (e.quantized(node.inputs[0])) {
          inputs.push_back(scalar<float>(e, a.value, Type::f32));
          break;
        }
        [[fallthrough]];
      default: return Error{ErrorCode::unsupported, std::string("padding of ") + name_of(type) + " cannot be exported", {}};
    }
  }
  NodeProto& n = e.add("Pad", inputs, e.tensor(node.outputs[0]).name + "_padded");
  ExportGraph::set(n, "mode", kModes[static_cast<std::size_t>(a.mode)]);
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], y);
  return {};
}

/// Indices of GatherND and ScatterND are s64 in ONNX.
std::string own_indices(ExportGraph& e, const Node& node) {
  if (e.tensor(node.inputs[1]).type == Type::s64) return e.own(node.inputs[1]);
  NodeProto& n = e.add("Cast", {e.own(node.inputs[1])}, node.name + "_indices");
  ExportGraph::set(n, "to", std::int64_t{TensorProto::INT64});
  return n.output(0);
}

Result<void> write_gather(ExportGraph& e, const Node& node) {
  NodeProto& n = e.add("Gather", {e.own(node.inputs[0]), e.own(node.inputs[1])}, e.tensor(node.outputs[0]).name + "_gathered");
  ExportGraph::set(n, "axis", std::int64_t{node.as<schema::GatherT>().axis});
  e.set_own(node.outputs[0], n.output(0));
  return {};
}

Result<void> write_gather_nd(ExportGraph& e, const Node& node) {
  NodeProto& n = e.add("GatherND", {e.own(node.inputs[0]), own_indices(e, node)}, e.tensor(node.outputs[0]).name + "_gathered");
  ExportGraph::set(n, "batch_dims", std::int64_t{node.as<schema::GatherNDT>().batch_axes});
  e.set_own(node.outputs[0], n.output(0));
  return {};
}

/// ONNX has no batch axes here and, before opset 18, only two ways to combine.
Result<void> write_scatter_nd(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::ScatterNDT>();
  constexpr std::array kReductions = {"none", "add", "mul"};
  const auto reduction = static_cast<std::size_t>(a.combination);
  if (a.batch_axes != 0 || reduction >= kReductions.size())
    return Error{ErrorCode::unsupported, "this ScatterND cannot be exported: ONNX has none with batch axes, and before opset 18 only replaces, adds and multiplies", {}};
  NodeProto& n = e.add("ScatterND", {e.own(node.inputs[0]), own_indices(e, node), e.own(node.inputs[2])}, e.tensor(node.outputs[0]).name + "_scattered");
  ExportGraph::set(n, "reduction", kReductions[reduction]);
  e.set_own(node.outputs[0], n.output(0));
  return {};
}

Result<void> write_cum_sum(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::CumSumT>();
  const std::string axis = e.constant(std::vector<std::int64_t>{a.axis}, {}, TensorProto::INT64, node.name + "_axis");
  NodeProto& n = e.add("CumSum", {e.own(node.inputs[0]), axis}, e.tensor(node.outputs[0]).name + "_sums");
  if (a.exclusive) ExportGraph::set(n, "exclusive", std::int64_t{1});
  if (a.reverse) ExportGraph::set(n, "reverse", std::int64_t{1});
  e.set_own(node.outputs[0], n.output(0));
  return {};
}

/// Rows or columns of x: those named, or, with weights, between each and the next.
std::string resampled(ExportGraph& e, const std::string& x, const std::vector<int>& first, const std::vector<float>& weights, std::int64_t size, int axis,
                      const std::string& wish) {
  const auto gather = [&](const Ints& indices, const char* suffix) {
    NodeProto& n = e.add("Gather", {x, e.integers(indices, wish + suffix)}, wish + suffix);
    ExportGraph::set(n, "axis", std::int64_t{axis});
    return n.output(0);
  };
  const std::string near = gather(widened(first), "_first");
  if (weights.empty()) return near;
  Ints next;
  for (const int i : first) next.push_back(std::min<std::int64_t>(i + 1, size - 1));
  std::vector<float> rest;
  for (const float w : weights) rest.push_back(1.0F - w);
  Shape shape(static_cast<std::size_t>(4 - axis), 1);
  shape[0] = static_cast<std::int64_t>(weights.size());
  const std::string far = gather(next, "_next");
  const std::string a = e.value("Mul", {near, e.constant(rest, shape, TensorProto::FLOAT, wish + "_rest")}, wish + "_near");
  const std::string b = e.value("Mul", {far, e.constant(weights, shape, TensorProto::FLOAT, wish + "_weights")}, wish + "_far");
  return e.value("Add", {a, b}, wish + "_between");
}

Result<void> write_resize(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::ResizeT>();
  const Shape& shape = e.tensor(node.inputs[0]).shape;
  const std::string wish = e.tensor(node.outputs[0]).name;
  const bool moves = a.row_weights.empty() && a.column_weights.empty();
  const std::string x = moves ? e.own(node.inputs[0]) : e.real(node.inputs[0]);
  const std::string rows = resampled(e, x, a.rows, a.row_weights, shape[1], 1, wish + "_rows");
  const std::string y = resampled(e, rows, a.columns, a.column_weights, shape[2], 2, wish + "_columns");
  if (moves) {
    e.set_own(node.outputs[0], y);
  } else {
    e.set_real(node.outputs[0], y);
  }
  return {};
}

constexpr std::array kRows = {
    ExporterRow{Operator::Reshape, write_reshape}, ExporterRow{Operator::Transpose, write_transpose}, ExporterRow{Operator::Tile, write_tile},
    ExporterRow{Operator::Concat, write_concat},   ExporterRow{Operator::Slice, write_slice},         ExporterRow{Operator::Expand, write_expand},
    ExporterRow{Operator::Pad, write_pad},         ExporterRow{Operator::Gather, write_gather},       ExporterRow{Operator::Resize, write_resize},
    ExporterRow{Operator::GatherND, write_gather_nd}, ExporterRow{Operator::ScatterND, write_scatter_nd}, ExporterRow{Operator::CumSum, write_cum_sum},
};

}  // namespace

std::span<const ExporterRow> exporters_of_movements() noexcept { return kRows; }

}  // namespace octet
