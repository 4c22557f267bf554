#include "converter/onnx/exporters/export_graph.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace octet {
namespace {

std::vector<std::uint8_t> zero_points_of(const Quantization& q) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t c = 0; c < q.scales.size(); ++c) bytes.push_back(static_cast<std::uint8_t>(q.zero_points.empty() ? 0 : q.zero_points[c]));
  return bytes;
}

}  // namespace

std::vector<int> to_channels_first(std::size_t rank) {
  std::vector<int> perm = {0, static_cast<int>(rank) - 1};
  for (int i = 1; i + 1 < static_cast<int>(rank); ++i) perm.push_back(i);
  return perm;
}

std::vector<int> to_channels_last(std::size_t rank) {
  std::vector<int> perm = {0};
  for (int i = 2; i < static_cast<int>(rank); ++i) perm.push_back(i);
  perm.push_back(1);
  return perm;
}

int onnx_type(Type type) noexcept {
  using onnx::TensorProto;
  switch (type) {
    case Type::u8: return TensorProto::UINT8;
    case Type::s8: return TensorProto::INT8;
    case Type::s32: return TensorProto::INT32;
    case Type::s64: return TensorProto::INT64;
    case Type::boolean: return TensorProto::BOOL;
    case Type::f32: break;
  }
  return TensorProto::FLOAT;
}

ExportGraph::ExportGraph(const Graph& graph, onnx::GraphProto& proto)
    : graph_(graph), proto_(proto), own_(graph.tensors.size()), real_(graph.tensors.size()), makers_(graph.tensors.size()) {
  for (const Node& node : graph.nodes)
    for (const int i : node.outputs) makers_[at(i)] = &node;
  for (const int i : graph.inputs) names_.insert(own_[at(i)][0] = tensor(i).name);
  for (const int i : graph.outputs) names_.insert(tensor(i).name);
}

std::string ExportGraph::fresh(const std::string& wish) {
  std::string name = wish;
  while (!names_.insert(name).second) name += "_";
  return name;
}

std::string ExportGraph::own(int i, Layout layout) {
  if (i == kAbsent) return {};
  Values& values = own_[at(i)];
  std::string& value = values[index(layout)];
  if (!value.empty()) return value;
  const Tensor& t = tensor(i);
  if (t.constant() && layout == Layout::plain) return value = constant(t.data.bytes(), t.shape, onnx_type(t.type), t.name);
  const Layout other = layout == Layout::plain ? Layout::channels_first : Layout::plain;
  const std::string from = own(i, other);
  return value = transposed(from, layout == Layout::plain ? to_channels_last(rank(i)) : to_channels_first(rank(i)));
}

std::string ExportGraph::real(int i, Layout layout) {
  if (i == kAbsent || !quantized(i)) return own(i, layout);
  std::string& value = real_[at(i)][index(layout)];
  if (!value.empty()) return value;
  const Tensor& t = tensor(i);
  return value = dequantize(own(i, layout), t.quant, onnx_type(t.type), std::max(t.quant.axis, 0), t.name + "_real");
}

void ExportGraph::set_real(int i, const std::string& value, Layout layout) {
  if (!quantized(i)) return set_own(i, value, layout);
  const Quantization& q = tensor(i).quant;
  const std::string scale = number(q.scale(), tensor(i).name + "_scale");
  const std::string zero_point = constant(zero_points_of(q), {}, onnx::TensorProto::UINT8, tensor(i).name + "_zero_point");
  set_own(i, this->value("QuantizeLinear", {value, scale, zero_point}, tensor(i).name + "_u8"), layout);
}

std::string ExportGraph::dequantize(const std::string& integers, const Quantization& q, int type, int axis, const std::string& wish) {
  const Shape shape = q.scales.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(q.scales.size())};
  Inputs inputs = {integers, constant(q.scales, shape, onnx::TensorProto::FLOAT, wish + "_scale")};
  if (type != onnx::TensorProto::INT32) inputs.push_back(constant(zero_points_of(q), shape, type, wish + "_zero_point"));
  onnx::NodeProto& node = add("DequantizeLinear", inputs, wish);
  if (q.scales.size() != 1) set(node, "axis", std::int64_t{axis});
  return node.output(0);
}

onnx::NodeProto& ExportGraph::add(const std::string& op, const Inputs& inputs, const std::string& wish) {
  onnx::NodeProto& node = *proto_.add_node();
  node.set_op_type(op);
  std::string name = node_;
  for (int n = 1; !node_names_.insert(name).second; ++n) name = node_ + "_" + op + (n > 1 ? std::to_string(n) : "");
  node.set_name(name);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(fresh(wish));
  return node;
}

std::string ExportGraph::transposed(const std::string& value, const std::vector<int>& perm) {
  onnx::NodeProto& node = add("Transpose", {value}, value + "_transposed");
  set(node, "perm", std::vector<std::int64_t>(perm.begin(), perm.end()));
  return node.output(0);
}

namespace {
onnx::AttributeProto& attribute(onnx::NodeProto& node, const char* name, onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& a = *node.add_attribute();
  a.set_name(name);
  a.set_type(type);
  return a;
}
}  // namespace

void ExportGraph::set(onnx::NodeProto& node, const char* name, std::int64_t value) { attribute(node, name, onnx::AttributeProto::INT).set_i(value); }
void ExportGraph::set(onnx::NodeProto& node, const char* name, float value) { attribute(node, name, onnx::AttributeProto::FLOAT).set_f(value); }
void ExportGraph::set(onnx::NodeProto& node, const char* name, const char* value) { attribute(node, name, onnx::AttributeProto::STRING).set_s(value); }
void ExportGraph::set(onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values) {
  onnx::AttributeProto& a = attribute(node, name, onnx::AttributeProto::INTS);
  for (const std::int64_t v : values) a.add_ints(v);
}

std::string ExportGraph::integers(const std::vector<std::int64_t>& values, const std::string& wish) {
  return constant(values, {static_cast<std::int64_t>(values.size())}, onnx::TensorProto::INT64, wish);
}

std::string ExportGraph::number(float value, const std::string& wish) { return constant(std::vector<float>{value}, {}, onnx::TensorProto::FLOAT, wish); }

std::string ExportGraph::constant(std::span<const std::byte> bytes, const Shape& shape, int type, const std::string& wish) {
  onnx::TensorProto& t = *proto_.add_initializer();
  t.set_name(fresh(wish));
  t.set_data_type(type);
  for (const std::int64_t size : shape) t.add_dims(size);
  t.set_raw_data(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return t.name();
}

void ExportGraph::declare(onnx::ValueInfoProto& info, int i) const {
  const Tensor& t = tensor(i);
  info.set_name(t.name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx_type(t.type));
  for (std::size_t axis = 0; axis < t.shape.size(); ++axis) {
    auto& dim = *type.mutable_shape()->add_dim();
    if (axis == 0 && t.batched && t.shape[0] == 1) {
      dim.set_dim_param("batch");
    } else if (axis == 0 && t.batched) {
      dim.set_dim_param("batch_times_" + std::to_string(t.shape[0]));
    } else {
      dim.set_dim_value(t.shape[axis]);
    }
  }
  type.mutable_shape();
}

void ExportGraph::prune() {
  std::unordered_set<std::string> needed;
  for (const auto& output : proto_.output()) needed.insert(output.name());
  std::vector<onnx::NodeProto> kept;
  for (int n = proto_.node_size() - 1; n >= 0; --n) {
    onnx::NodeProto& node = *proto_.mutable_node(n);
    if (std::ranges::none_of(node.output(), [&](const std::string& o) { return needed.contains(o); })) continue;
    needed.insert(node.input().begin(), node.input().end());
    kept.push_back(std::move(node));
  }
  proto_.clear_node();
  for (std::size_t n = kept.size(); n-- > 0;) *proto_.add_node() = std::move(kept[n]);
  std::vector<onnx::TensorProto> constants;
  for (onnx::TensorProto& t : *proto_.mutable_initializer())
    if (needed.contains(t.name())) constants.push_back(std::move(t));
  proto_.clear_initializer();
  for (onnx::TensorProto& t : constants) *proto_.add_initializer() = std::move(t);
}

void ExportGraph::finish() {
  for (const int i : graph_.inputs) declare(*proto_.add_input(), i);
  for (const int i : graph_.outputs) {
    node_ = tensor(i).name;
    const std::string value = own(i);
    if (value != tensor(i).name) {
      onnx::NodeProto& node = *proto_.add_node();
      node.set_op_type("Identity");
      node.set_name(fresh(tensor(i).name + "_output"));
      node.add_input(value);
      node.add_output(tensor(i).name);
    }
    declare(*proto_.add_output(), i);
  }
  prune();
}

Exporter find_exporter(schema::Operator op) noexcept {
  for (const auto rows : {exporters_of_products(), exporters_of_functions(), exporters_of_movements()})
    for (const ExporterRow& row : rows)
      if (row.op == op) return row.write;
  return nullptr;
}

std::string clamped(ExportGraph& e, const std::string& x, float lo, float hi) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (lo == -kInfinity && hi == kInfinity) return x;
  if (lo == 0 && hi == kInfinity) return e.value("Relu", {x}, x + "_relu");
  Inputs inputs = {x, lo == -kInfinity ? "" : e.number(lo, x + "_min")};
  if (hi != kInfinity) inputs.push_back(e.number(hi, x + "_max"));
  return e.value("Clip", inputs, x + "_clip");
}

}  // namespace octet
