// Convolutions, matrix products, pools, recurrent layers.
#include <array>
#include <limits>

#include "converter/int8_form.h"
#include "converter/onnx/exporters/export_graph.h"

namespace octet {
namespace {

using onnx::NodeProto;
using onnx::TensorProto;
using schema::Operator;
using Ints = std::vector<std::int64_t>;

/// Elements of [a, b, c] with the last two axes exchanged.
std::vector<std::byte> exchanged(std::span<const std::byte> from, std::size_t a, std::size_t b, std::size_t c, std::size_t size) {
  std::vector<std::byte> to(from.size());
  for (std::size_t i = 0; i < a; ++i)
    for (std::size_t j = 0; j < b; ++j)
      for (std::size_t k = 0; k < c; ++k)
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(((i * b + j) * c + k) * size), size,
                    to.begin() + static_cast<std::ptrdiff_t>(((i * c + k) * b + j) * size));
  return to;
}

/// Weights under another shape; `axis`: of their outputs.
std::string weights(ExportGraph& e, const Tensor& w, std::span<const std::byte> bytes, const Shape& shape, int axis) {
  const std::string constant = e.constant(bytes, shape, onnx_type(w.type), w.name);
  return w.quant.present() ? e.dequantize(constant, w.quant, onnx_type(w.type), axis, w.name + "_real") : constant;
}

/// The bias as real values: s32 at the product of the scales of x and w.
std::string bias(ExportGraph& e, const Node& node) {
  const Tensor& b = e.tensor(node.inputs[2]);
  if (b.type != Type::s32) return e.own(node.inputs[2]);
  Quantization q;
  for (const float s : e.tensor(node.inputs[1]).quant.scales)
    q.scales.push_back(static_cast<float>(static_cast<double>(e.tensor(node.inputs[0]).quant.scale()) * static_cast<double>(s)));
  return e.dequantize(e.own(node.inputs[2]), q, TensorProto::INT32, 0, b.name + "_real");
}

/// Whether real values are dequantized ones, wherever they have moved since.
bool was_quantized(const ExportGraph& e, int x) {
  const Node* node = e.maker(x);
  while (node != nullptr && keeps_scale(*node)) node = e.maker(node->inputs[0]);
  return node != nullptr && node->op() == Operator::Dequantize;
}

/// x as quantization at run time rounds it: to u8 steps over the range of its values along `axes`, 0 included ("Dynamic" in
/// schema/README.md).
std::string rounded_at_run_time(ExportGraph& e, const std::string& x, const Ints& axes) {
  const std::string zero = e.number(0.0F, x + "_zero"), last = e.number(255.0F, x + "_last");
  const auto extreme = [&](const char* reduce, const char* with_zero, const char* suffix) {
    NodeProto& n = e.add(reduce, {x}, x + suffix);
    ExportGraph::set(n, "axes", axes);
    return e.value(with_zero, {n.output(0), zero}, x + suffix);
  };
  const std::string lo = extreme("ReduceMin", "Min", "_lo"), hi = extreme("ReduceMax", "Max", "_hi");
  const std::string step = e.value("Div", {e.value("Sub", {hi, lo}, x + "_range"), last}, x + "_step");
  const std::string s = e.value("Max", {step, e.number(std::numeric_limits<float>::min(), x + "_least")}, x + "_s");
  const auto steps = [&](const std::string& of, const char* suffix) { return e.value("Round", {e.value("Div", {of, s}, x + suffix)}, x + suffix); };
  const std::string z = e.value("Min", {steps(e.value("Neg", {lo}, x + "_below"), "_z"), last}, x + "_z");
  const std::string q = clamped(e, e.value("Add", {steps(x, "_steps"), z}, x + "_q"), 0, 255);
  return e.value("Mul", {e.value("Sub", {q, z}, x + "_centred"), s}, x + "_rounded");
}

/// The input of a product whose samples, or rows, are the values along `axes`.
std::string product_input(ExportGraph& e, const Node& node, Layout layout, const Ints& axes) {
  const std::string x = e.real(node.inputs[0], layout);
  if (e.quantized(node.inputs[0])) return x;
  if (e.quantized(node.inputs[1])) return rounded_at_run_time(e, x, axes);
  // Between two quantize steps, ONNX Runtime's WeightBiasQuantization makes s8 of f32 weights; a sum of one value, which is that value,
  // stands between the step and the product.
  return was_quantized(e, node.inputs[0]) ? e.value("Sum", {x}, x + "_kept") : x;
}

bool has_bias(const Node& node) { return node.inputs.size() > 2 && node.inputs[2] != kAbsent; }

template <class T>
void set_window(NodeProto& n, const T& a) {
  ExportGraph::set(n, "strides", Ints{a.stride_h, a.stride_w});
  ExportGraph::set(n, "pads", Ints{a.pad_top, a.pad_left, a.pad_bottom, a.pad_right});
}

Result<void> write_conv(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::ConvT>();
  const Tensor& w = e.tensor(node.inputs[1]);
  const auto size = [&](std::size_t axis) { return static_cast<std::size_t>(w.shape[axis]); };
  const auto bytes = exchanged(w.data.bytes(), size(0), size(1) * size(2), size(3), size_of(w.type));
  Inputs inputs = {product_input(e, node, Layout::channels_first, {1, 2, 3}), weights(e, w, bytes, {w.shape[0], w.shape[3], w.shape[1], w.shape[2]}, 0)};
  if (has_bias(node)) inputs.push_back(bias(e, node));
  NodeProto& n = e.add("Conv", inputs, e.tensor(node.outputs[0]).name + "_conv");
  ExportGraph::set(n, "kernel_shape", Ints{w.shape[1], w.shape[2]});
  set_window(n, a);
  ExportGraph::set(n, "dilations", Ints{a.dilation_h, a.dilation_w});
  ExportGraph::set(n, "group", std::int64_t{a.groups});
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], clamped(e, y, a.clamp_min, a.clamp_max), Layout::channels_first);
  return {};
}

Result<void> write_fully_connected(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::FullyConnectedT>();
  const Tensor& w = e.tensor(node.inputs[1]);
  const std::string wish = e.tensor(node.outputs[0]).name + "_product";
  const std::string x = product_input(e, node, Layout::plain, {-1});
  std::string y;
  if (e.rank(node.inputs[0]) == 2) {
    Inputs inputs = {x, weights(e, w, w.data.bytes(), w.shape, 0)};
    if (has_bias(node)) inputs.push_back(bias(e, node));
    NodeProto& n = e.add("Gemm", inputs, wish);
    ExportGraph::set(n, "transB", std::int64_t{1});
    y = n.output(0);
  } else {
    const auto bytes = exchanged(w.data.bytes(), 1, static_cast<std::size_t>(w.shape[0]), static_cast<std::size_t>(w.shape[1]), size_of(w.type));
    y = e.value("MatMul", {x, weights(e, w, bytes, {w.shape[1], w.shape[0]}, 1)}, wish);
    if (has_bias(node)) y = e.value("Add", {y, bias(e, node)}, wish + "_bias");
  }
  e.set_real(node.outputs[0], clamped(e, y, a.clamp_min, a.clamp_max));
  return {};
}

Result<void> write_mat_mul(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::MatMulT>();
  const std::string wish = e.tensor(node.outputs[0]).name + "_product";
  std::string b = e.real(node.inputs[1]);
  if (a.transpose_b) {
    std::vector<int> perm;
    const int rank = static_cast<int>(e.rank(node.inputs[1]));
    for (int i = 0; i + 2 < rank; ++i) perm.push_back(i);
    perm.insert(perm.end(), {rank - 1, rank - 2});
    b = e.transposed(b, perm);
  }
  std::string y = e.value("MatMul", {e.real(node.inputs[0]), b}, wish);
  if (a.scale != 1.0F) y = e.value("Mul", {y, e.number(a.scale, wish + "_factor")}, wish + "_scaled");
  e.set_real(node.outputs[0], y);
  return {};
}

template <class T>
NodeProto& add_pool(ExportGraph& e, const char* op, const std::string& x, const T& a, const std::string& wish) {
  NodeProto& n = e.add(op, {x}, wish);
  ExportGraph::set(n, "kernel_shape", Ints{a.kernel_h, a.kernel_w});
  set_window(n, a);
  return n;
}

Result<void> write_max_pool(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::MaxPoolT>();
  const NodeProto& n = add_pool(e, "MaxPool", e.own(node.inputs[0], Layout::channels_first), a, e.tensor(node.outputs[0]).name + "_pool");
  e.set_own(node.outputs[0], n.output(0), Layout::channels_first);
  return {};
}

Result<void> write_average_pool(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::AveragePoolT>();
  NodeProto& n = add_pool(e, "AveragePool", e.real(node.inputs[0], Layout::channels_first), a, e.tensor(node.outputs[0]).name + "_pool");
  if (a.count_include_pad) ExportGraph::set(n, "count_include_pad", std::int64_t{1});
  const std::string y = n.output(0);
  e.set_real(node.outputs[0], y, Layout::channels_first);
  return {};
}

/// [N, A, B] as [A, N, B], and back.
std::string steps_first(ExportGraph& e, const std::string& x) { return e.transposed(x, {1, 0, 2}); }

/// The input of Octet's layers is what the gates get from it: ONNX's W is an identity matrix.
struct Recurrent {
  std::int64_t gates, hidden, steps;
  std::string x, w, r;

  Recurrent(ExportGraph& e, const Node& node) {
    const Tensor& x_tensor = e.tensor(node.inputs[0]);
    const Tensor& r_tensor = e.tensor(node.inputs[1]);
    gates = r_tensor.shape[0];
    hidden = r_tensor.shape[1];
    steps = x_tensor.shape[1];
    std::vector<float> identity(static_cast<std::size_t>(gates * gates));
    for (std::int64_t i = 0; i < gates; ++i) identity[static_cast<std::size_t>(i * gates + i)] = 1.0F;
    x = steps_first(e, e.value("Reshape", {e.real(node.inputs[0]), e.integers({0, steps, gates}, node.name + "_gates")}, node.name + "_x"));
    w = e.constant(identity, {1, gates, gates}, TensorProto::FLOAT, node.name + "_W");
    r = e.value("Unsqueeze", {e.real(node.inputs[1]), e.integers({0}, node.name + "_axis")}, node.name + "_R");
  }
  static std::string initial(ExportGraph& e, const Node& node, std::size_t i) {
    if (node.inputs.size() <= i || node.inputs[i] == kAbsent) return {};
    return e.value("Unsqueeze", {e.real(node.inputs[i]), e.integers({0}, node.name + "_axis")}, node.name + "_initial");
  }
  /// Outputs [T, 1, N, H] and [1, N, H] as Octet's.
  void finish(ExportGraph& e, const Node& node, NodeProto& n, bool reverse) const {
    ExportGraph::set(n, "hidden_size", hidden);
    if (reverse) ExportGraph::set(n, "direction", "reverse");
    for (std::size_t i = 1; i < node.outputs.size(); ++i) n.add_output(e.fresh(node.name + "_last"));
    const std::vector<std::string> outputs(n.output().begin(), n.output().end());
    const std::string all = e.value("Squeeze", {outputs[0], e.integers({1}, node.name + "_axis")}, node.name + "_steps");
    e.set_real(node.outputs[0], steps_first(e, all));
    for (std::size_t i = 1; i < node.outputs.size(); ++i)
      e.set_real(node.outputs[i], e.value("Squeeze", {outputs[i], e.integers({0}, node.name + "_axis")}, node.name + "_state"));
  }
};

Result<void> write_lstm(ExportGraph& e, const Node& node) {
  const Recurrent layer(e, node);
  const std::string h = Recurrent::initial(e, node, 2);
  const std::string c = Recurrent::initial(e, node, 3);
  layer.finish(e, node, e.add("LSTM", {layer.x, layer.w, layer.r, "", "", h, c}, node.name + "_all"), node.as<schema::LSTMT>().reverse);
  return {};
}

Result<void> write_gru(ExportGraph& e, const Node& node) {
  const auto& a = node.as<schema::GRUT>();
  const Recurrent layer(e, node);
  const std::string h = Recurrent::initial(e, node, 2);
  std::string b;
  if (node.inputs.size() > 3 && node.inputs[3] != kAbsent) {  // of the candidate's share of the state: the last of six
    const auto hidden = layer.hidden;
    const std::string zeros = e.constant(std::vector<float>(static_cast<std::size_t>(5 * hidden)), {5 * hidden}, TensorProto::FLOAT, node.name + "_zeros");
    NodeProto& n = e.add("Concat", {zeros, e.real(node.inputs[3])}, node.name + "_biases");
    ExportGraph::set(n, "axis", std::int64_t{0});
    const std::string all = n.output(0);
    b = e.value("Unsqueeze", {all, e.integers({0}, node.name + "_axis")}, node.name + "_B");
  }
  NodeProto& n = e.add("GRU", {layer.x, layer.w, layer.r, b, "", h}, node.name + "_all");
  if (a.reset_after) ExportGraph::set(n, "linear_before_reset", std::int64_t{1});
  layer.finish(e, node, n, a.reverse);
  return {};
}

constexpr std::array kRows = {
    ExporterRow{Operator::Conv, write_conv},           ExporterRow{Operator::FullyConnected, write_fully_connected},
    ExporterRow{Operator::MatMul, write_mat_mul},      ExporterRow{Operator::MaxPool, write_max_pool},
    ExporterRow{Operator::AveragePool, write_average_pool}, ExporterRow{Operator::LSTM, write_lstm},
    ExporterRow{Operator::GRU, write_gru},
};

}  // namespace

std::span<const ExporterRow> exporters_of_products() noexcept { return kRows; }

}  // namespace octet
