#include "converter/quantize.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "converter/quantize_math.h"
#include "engine/operator.h"
#include "engine/ops/limits.h"
#include "kernels/norm/norm.h"
#include "kernels/pointwise/pointwise.h"

namespace octet {
namespace {

using schema::Operator;

std::size_t at(int index) noexcept { return static_cast<std::size_t>(index); }

bool has_weights(Operator op) noexcept { return op == Operator::Conv || op == Operator::FullyConnected; }
/// What can give f32 from its accumulators.
bool is_product(Operator op) noexcept { return has_weights(op) || op == Operator::MatMul; }
/// Elements of input 0, moved, left out or repeated.
bool keeps_values(Operator op) noexcept {
  switch (op) {
    case Operator::Reshape:
    case Operator::Transpose:
    case Operator::Slice:
    case Operator::Expand:
    case Operator::Tile:
    case Operator::Gather: return true;
    default: return false;
  }
}
bool is_recurrent(Operator op) noexcept { return op == Operator::LSTM || op == Operator::GRU; }
/// Input 0 and output have one scale.
bool keeps_scale(const Node& node) noexcept {
  if (node.op() == Operator::Reduce) {
    const auto reduction = node.as<schema::ReduceT>().reduction;
    return reduction == schema::Reduction::Max || reduction == schema::Reduction::Min;
  }
  const bool nearest = node.op() == Operator::Resize && node.as<schema::ResizeT>().row_weights.empty();
  return nearest || keeps_values(node.op()) || node.op() == Operator::MaxPool || node.op() == Operator::Pad;
}
/// Inputs that need not be f32: indices, and what only tells a size.
bool takes_integers(Operator op, std::size_t input) noexcept { return input == 1 && (op == Operator::Gather || op == Operator::Expand); }

/// Whether no real value is involved: indices, masks, sizes.
bool is_integer(const Graph& g, const Node& node) {
  const auto real = [&](int t) { return t != kAbsent && g.tensors[at(t)].type == Type::f32; };
  return std::ranges::none_of(node.inputs, real) && std::ranges::none_of(node.outputs, real);
}

/// Functions whose results spread over orders of magnitude: a table of 256 steps would lose most of them.
bool spreads(schema::Function f) noexcept {
  using F = schema::Function;
  return f == F::Exp || f == F::Log || f == F::Sqrt || f == F::Reciprocal || f == F::Power;
}

std::string lacks_int8_softmax(const Graph& g, const Node& node) {
  const int axis = node.as<schema::SoftmaxT>().axis;
  const bool last = axis == -1 || axis + 1 == static_cast<int>(g.tensors[at(node.inputs[0])].shape.size());
  return last ? std::string() : "an int8 softmax runs along the last axis only";
}

std::string lacks_int8_norm(const Graph& g, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i)
    if (node.inputs[i] != kAbsent && !g.tensors[at(node.inputs[i])].constant()) return "its scale or bias is not constant";
  const Shape& x = g.tensors[at(node.inputs[0])].shape;
  const std::int64_t n = element_count(Shape(x.end() - node.as<schema::LayerNormalizationT>().axes, x.end()));
  return n <= kernels::kMaxLayerNormSize ? std::string() : "its rows are too long for the sums of int8";
}

/// The axis of x along which the slopes of a PRelu vary, -1 where there is one slope; nothing where there is no such axis.
std::optional<int> slope_axis(const Graph& g, const Node& node) {
  const Tensor& slope = g.tensors[at(node.inputs[1])];
  if (!slope.constant()) return std::nullopt;
  int axis = -1;
  for (std::size_t i = 0; i < slope.shape.size(); ++i) {
    if (slope.shape[i] == 1) continue;
    if (axis != -1) return std::nullopt;
    axis = static_cast<int>(g.tensors[at(node.inputs[0])].shape.size() - slope.shape.size() + i);
  }
  return axis;
}

std::string lacks_int8_binary(const Graph& g, const Node& node) {
  const auto function = node.as<schema::BinaryT>().function;
  if (function != schema::BinaryFunction::PRelu) return std::string(schema::EnumNameBinaryFunction(function)) + " has no int8 form";
  return slope_axis(g, node) ? std::string() : "its slopes are not constants along one axis";
}

/// Why an operator on real values has no int8 form with these parameters.
std::string lacks_int8_operator(const Graph& g, const Node& node) {
  switch (node.op()) {
    case Operator::Pointwise:
      return spreads(node.as<schema::PointwiseT>().function) ? "its results spread too far for the steps of int8" : std::string();
    case Operator::Binary: return lacks_int8_binary(g, node);
    case Operator::Softmax: return lacks_int8_softmax(g, node);
    case Operator::LayerNormalization: return lacks_int8_norm(g, node);
    case Operator::MatMul:
      return g.tensors[at(node.inputs[0])].shape.back() <= kMaxMatMulDepth ? std::string() : "its sums are too long for s32";
    case Operator::Reduce: {
      const auto reduction = node.as<schema::ReduceT>().reduction;
      const bool sums = reduction == schema::Reduction::Mean || reduction == schema::Reduction::Sum;
      return keeps_scale(node) || sums ? std::string() : "this reduction has no int8 form";
    }
    case Operator::TopK: return "it ranks values more finely than int8 steps tell apart";
    case Operator::GroupNormalization:
    case Operator::LogSoftmax: return std::string(name_of(node.op())) + " has no int8 form";
    default: return {};
  }
}

/// Why a node has no int8 form; empty if it has one.
std::string lacks_int8_form(const Graph& g, const Node& node) {
  const auto other_type = [&](int t) { return t != kAbsent && g.tensors[at(t)].type != Type::f32; };
  const auto says = [&](int t) { return "'" + g.tensors[at(t)].name + "' is " + name_of(g.tensors[at(t)].type); };
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (other_type(node.inputs[i]) && !takes_integers(node.op(), i)) return "its input " + says(node.inputs[i]);
  if (node.op() == Operator::ArgMax) return {};
  if (std::string reason = lacks_int8_operator(g, node); !reason.empty()) return reason;
  for (const int t : node.outputs)
    if (other_type(t)) return "its output " + says(t);
  return {};
}

template <class T>
schema::OperatorUnion attributes(T table) {
  schema::OperatorUnion u;
  u.Set(std::move(table));
  return u;
}

class Quantizer {
 public:
  Quantizer(const Graph& from, const std::vector<Range>& ranges, const QuantizeOptions& options)
      : from_(from), options_(options), ranges_(ranges), quantized_(from.tensors.size(), kAbsent), real_(from.tensors.size(), kAbsent) {}

  Result<Graph> run() {
    to_.source_nodes = from_.source_nodes;
    to_.provenance = from_.provenance;
    for (const Tensor& t : from_.tensors) names_.insert(t.name);
    merge_ranges();
    find_real();
    for (const int i : from_.inputs) OCTET_CHECK(add_input(i));
    for (const Node& node : from_.nodes)
      if (auto ok = add_node(node); !ok) return std::move(ok).error().in("'" + node.name + "' (" + name_of(node.op()) + ")");
    for (const int i : from_.outputs) to_.outputs.push_back(real_of(i));
    OCTET_CHECK(resolve_shapes(to_));
    return std::move(to_);
  }

 private:
  // ---- What the float graph says.

  /// Tensors on both sides of an operator that keeps the scale share one range: the union of theirs.
  void merge_ranges() {
    std::vector<int> root(from_.tensors.size());
    std::iota(root.begin(), root.end(), 0);
    for (const Node& n : from_.nodes)
      if (keeps_scale(n)) root[at(n.outputs[0])] = root[at(n.inputs[0])];
    std::vector<Range> merged = ranges_;
    for (std::size_t i = 0; i < root.size(); ++i) {
      Range& r = merged[at(root[i])];
      r = {std::min(r.min, ranges_[i].min), std::max(r.max, ranges_[i].max), true};
    }
    for (std::size_t i = 0; i < root.size(); ++i) ranges_[i] = merged[at(root[i])];
  }

  /// Tensors that stay f32 at no cost: outputs of the graph and the gates of recurrent layers, seen through what moves values
  /// only, whose values come straight from the accumulators of a product.
  void find_real() {
    stays_real_.assign(from_.tensors.size(), false);
    std::vector<int> readers(from_.tensors.size(), 0);
    for (const Node& n : from_.nodes)
      for (const int i : n.inputs)
        if (i != kAbsent) ++readers[at(i)];
    std::vector<bool> wanted(from_.tensors.size(), false);
    for (const int i : from_.outputs) wanted[at(i)] = readers[at(i)] == 0;
    for (const Node& n : from_.nodes)
      if (is_recurrent(n.op())) wanted[at(n.inputs[0])] = readers[at(n.inputs[0])] == 1 && !is_output(n.inputs[0]);
    for (std::size_t n = from_.nodes.size(); n-- > 0;) {
      const Node& node = from_.nodes[n];
      if (keeps_values(node.op()) && wanted[at(node.outputs[0])] && readers[at(node.inputs[0])] == 1 && !is_output(node.inputs[0]))
        wanted[at(node.inputs[0])] = true;
    }
    for (const Node& node : from_.nodes) {
      const std::size_t out = at(node.outputs[0]);
      stays_real_[out] = wanted[out] && (is_product(node.op()) || is_recurrent(node.op()) || (keeps_values(node.op()) && stays_real_[at(node.inputs[0])]));
    }
  }

  [[nodiscard]] bool is_output(int tensor) const { return std::ranges::find(from_.outputs, tensor) != from_.outputs.end(); }

  // ---- Building blocks of the quantized graph.

  std::string unused_name(std::string name) {
    while (!names_.insert(name).second) name += "_";
    return name;
  }

  int add_tensor(Tensor t) {
    to_.tensors.push_back(std::move(t));
    return static_cast<int>(to_.tensors.size()) - 1;
  }

  int append(std::string name, schema::OperatorUnion op, std::vector<int> inputs, Tensor output, std::vector<int> sources = {}) {
    const int out = add_tensor(std::move(output));
    to_.nodes.push_back({std::move(name), std::move(op), std::move(inputs), {out}, std::move(sources), {}});
    return out;
  }

  /// The u8 tensor a float tensor becomes, still without a writer.
  Tensor quantized_tensor(int i, std::string name) const {
    const Tensor& t = from_.tensors[at(i)];
    return {std::move(name), Type::u8, t.shape, t.batched, activation_parameters(ranges_[at(i)], options_.symmetric_activations), {}};
  }

  [[nodiscard]] std::string quantized_name(int i) {
    const std::string& name = from_.tensors[at(i)].name;
    const bool visible = is_output(i) || std::ranges::find(from_.inputs, i) != from_.inputs.end();
    return visible ? unused_name(name + kQuantizedSuffix) : name;
  }

  /// The u8 form of a float tensor, made when first asked for.
  int quantized_of(int i) {
    if (quantized_[at(i)] != kAbsent) return quantized_[at(i)];
    const Tensor& t = from_.tensors[at(i)];
    if (t.constant()) return quantized_[at(i)] = add_constant(t);
    const std::string name = quantized_name(i);
    return quantized_[at(i)] = append(name, attributes(schema::QuantizeT{}), {real_[at(i)]}, quantized_tensor(i, name));
  }

  /// The f32 form of a float tensor, made when first asked for.
  int real_of(int i) {
    if (real_[at(i)] != kAbsent) return real_[at(i)];
    const Tensor& t = from_.tensors[at(i)];
    if (t.constant()) return real_[at(i)] = add_tensor(t);
    const std::string name = is_output(i) ? t.name : unused_name(t.name + "_dequantized");
    return real_[at(i)] = append(name, attributes(schema::DequantizeT{}), {quantized_[at(i)]}, {name, Type::f32, t.shape, t.batched, {}, {}});
  }

  /// A constant operand of Add, Mul or Concat as u8, over its own range.
  int add_constant(const Tensor& t) {
    const auto values = t.data.as<float>();
    const auto [lo, hi] = std::ranges::minmax(values);
    const Quantization q = activation_parameters({lo, hi, true}, options_.symmetric_activations);
    std::vector<std::uint8_t> bytes;
    for (const float v : values) bytes.push_back(quantize_value(static_cast<double>(v), q));
    return add_tensor({t.name, Type::u8, t.shape, false, q, Constant::of(std::move(bytes))});
  }

  /// `tensor` at another scale and zero-point; itself if it has them already.
  int rescaled(int tensor, const Quantization& q) {
    const Tensor source = to_.tensors[at(tensor)];
    if (source.quant == q) return tensor;
    schema::LookupT lookup;
    lookup.tables = make_table(source.quant, q, [](double x) { return x; });
    const std::string name = unused_name(source.name + "_rescaled");
    return append(name, attributes(std::move(lookup)), {tensor}, {name, Type::u8, source.shape, source.batched, q, {}});
  }

  // ---- Inputs.

  Result<void> add_input(int i) {
    const Tensor& t = from_.tensors[at(i)];
    if (options_.normalization == nullptr || t.type != Type::f32) {
      to_.inputs.push_back(add_tensor(t));
      to_.preprocessing.push_back(nullptr);
      real_[at(i)] = to_.inputs.back();
      return {};
    }
    const Normalization& n = *options_.normalization;
    const bool per_channel = n.mean.size() > 1;
    if (per_channel && (t.shape.size() < 2 || static_cast<std::int64_t>(n.mean.size()) != t.shape[1]))
      return Error{ErrorCode::invalid_argument, std::to_string(n.mean.size()) + " means for shape " + to_string(t.shape), "input '" + t.name + "'"};
    to_.inputs.push_back(add_tensor({t.name, Type::u8, t.shape, t.batched, {}, {}}));
    to_.preprocessing.push_back(std::make_shared<Preprocessing>(Preprocessing{n.scale, n.mean, n.std}));
    const std::string name = quantized_name(i);
    const Tensor out = quantized_tensor(i, name);
    quantized_[at(i)] = append(name, attributes(normalization_tables(n, out.quant)), {to_.inputs.back()}, out);
    return {};
  }

  static schema::LookupT normalization_tables(const Normalization& n, const Quantization& q) {
    schema::LookupT lookup;
    lookup.axis = n.mean.size() > 1 ? 1 : -1;
    const Quantization bytes{{1.0F}, {0}, -1};
    for (std::size_t c = 0; c < n.mean.size(); ++c) {
      const auto table = make_table(bytes, q, [&](double byte) {
        return (byte * static_cast<double>(n.scale) - static_cast<double>(n.mean[c])) / static_cast<double>(n.std[c]);
      });
      lookup.tables.insert(lookup.tables.end(), table.begin(), table.end());
    }
    return lookup;
  }

  // ---- Nodes.

  Result<void> add_node(const Node& node) {
    const int out = node.outputs[0];
    if (is_integer(from_, node) || (stays_real_[at(out)] && keeps_values(node.op()))) return add_float(node, {});
    if (std::string reason = float_reason(node); !reason.empty()) return add_float(node, std::move(reason));
    if (has_weights(node.op())) return add_product(node);
    if (is_recurrent(node.op())) return add_recurrent(node);
    if (keeps_scale(node)) return add_kept(node);
    switch (node.op()) {
      case Operator::Pointwise: add_lookup(node); break;
      case Operator::Binary: add_prelu(node); break;
      case Operator::Concat: add_concat(node); break;
      case Operator::Softmax: add_softmax(node); break;
      case Operator::MatMul: add_mat_mul(node); break;
      case Operator::LayerNormalization: add_layer_normalization(node); break;
      case Operator::ArgMax: add_arg_max(node); break;
      default: add_plain(node, node.attributes, quantized_tensor(out, quantized_name(out))); break;
    }
    return {};
  }

  [[nodiscard]] std::string float_reason(const Node& node) const {
    for (const int s : node.sources)
      if (std::ranges::find(options_.float_nodes, from_.source_nodes[at(s)].name) != options_.float_nodes.end()) return "kept in float on request";
    return lacks_int8_form(from_, node);
  }

  /// As it was, on the tensors as they were.
  Result<void> add_float(const Node& node, std::string reason) {
    std::vector<int> inputs;
    for (const int i : node.inputs) inputs.push_back(i == kAbsent ? kAbsent : real_of(i));
    std::vector<int> outputs;
    for (const int i : node.outputs) outputs.push_back(real_[at(i)] = add_tensor(from_.tensors[at(i)]));
    to_.nodes.push_back({node.name, node.attributes, std::move(inputs), std::move(outputs), node.sources, std::move(reason)});
    return {};
  }

  /// The same operator on the u8 forms of its inputs.
  void add_plain(const Node& node, schema::OperatorUnion op, Tensor output) {
    std::vector<int> inputs;
    for (const int i : node.inputs) inputs.push_back(from_.tensors[at(i)].type == Type::f32 ? quantized_of(i) : real_of(i));
    quantized_[at(node.outputs[0])] = append(node.name, std::move(op), std::move(inputs), std::move(output), node.sources);
  }

  /// The output has the input's very parameters: they come from one merged range, or from what the input was given.
  Result<void> add_kept(const Node& node) {
    const int out = node.outputs[0];
    Tensor output = quantized_tensor(out, quantized_name(out));
    output.quant = to_.tensors[at(quantized_of(node.inputs[0]))].quant;
    add_plain(node, node.attributes, std::move(output));
    return {};
  }

  Result<void> add_product(const Node& node) {
    const Tensor& w = from_.tensors[at(node.inputs[1])];
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
    const auto bias = has_bias ? from_.tensors[at(node.inputs[2])].data.as<float>() : std::span<const float>();
    const auto finite = [](float v) { return std::isfinite(v); };
    if (!std::ranges::all_of(w.data.as<float>(), finite) || !std::ranges::all_of(bias, finite))
      return Error{ErrorCode::invalid_file, "a weight or bias is NaN or infinite", {}};
    const int x = quantized_of(node.inputs[0]);
    QuantizedWeights q = quantize_weights(w.data.as<float>(), bias, static_cast<std::size_t>(w.shape[0]), to_.tensors[at(x)].quant.scale(),
                                          options_.per_channel_weights, options_.weight_calibrator == "mse");
    if (!q.representable) return Error{ErrorCode::unsupported, "its bias is too large for the scale of its input", {}};
    const Quantization parameters{std::move(q.scales), {}, options_.per_channel_weights ? 0 : -1};
    std::vector<int> inputs = {x, add_tensor({w.name, Type::s8, w.shape, false, parameters, Constant::of(std::move(q.weights))})};
    if (has_bias)
      inputs.push_back(add_tensor({from_.tensors[at(node.inputs[2])].name, Type::s32, {w.shape[0]}, false, {}, Constant::of(std::move(q.bias))}));
    const int out = node.outputs[0];
    if (stays_real_[at(out)]) {
      real_[at(out)] = append(node.name, node.attributes, std::move(inputs), from_.tensors[at(out)], node.sources);
    } else {
      quantized_[at(out)] = append(node.name, node.attributes, std::move(inputs), quantized_tensor(out, quantized_name(out)), node.sources);
    }
    return {};
  }

  void add_lookup(const Node& node) {
    const auto& a = node.as<schema::PointwiseT>();
    const int out = node.outputs[0];
    Tensor output = quantized_tensor(out, quantized_name(out));
    schema::LookupT lookup;
    lookup.tables = make_table(to_.tensors[at(quantized_of(node.inputs[0]))].quant, output.quant, [&](double x) {
      return kernels::evaluate(static_cast<kernels::Function>(a.function), x, static_cast<double>(a.a), static_cast<double>(a.b));
    });
    add_plain(node, attributes(std::move(lookup)), std::move(output));
  }

  /// A table for each slope.
  void add_prelu(const Node& node) {
    const int out = node.outputs[0];
    const Tensor output = quantized_tensor(out, quantized_name(out));
    const int x = quantized_of(node.inputs[0]);
    schema::LookupT lookup;
    lookup.axis = *slope_axis(from_, node);
    for (const float slope : from_.tensors[at(node.inputs[1])].data.as<float>()) {
      const auto table = make_table(to_.tensors[at(x)].quant, output.quant, [&](double v) {
        return kernels::evaluate(kernels::Function::leaky_relu, v, static_cast<double>(slope), 0.0);
      });
      lookup.tables.insert(lookup.tables.end(), table.begin(), table.end());
    }
    quantized_[at(out)] = append(node.name, attributes(std::move(lookup)), {x}, output, node.sources);
  }

  void add_concat(const Node& node) {
    const int out = node.outputs[0];
    const Tensor output = quantized_tensor(out, quantized_name(out));
    std::vector<int> inputs;
    for (const int i : node.inputs) inputs.push_back(rescaled(quantized_of(i), output.quant));
    quantized_[at(out)] = append(node.name, node.attributes, std::move(inputs), output, node.sources);
  }

  /// The state is quantized at run time, step by step; its weights now.
  Result<void> add_recurrent(const Node& node) {
    const Tensor& w = from_.tensors[at(node.inputs[1])];
    if (!std::ranges::all_of(w.data.as<float>(), [](float v) { return std::isfinite(v); }))
      return Error{ErrorCode::invalid_file, "a weight is NaN or infinite", {}};
    QuantizedWeights q = quantize_weights(w.data.as<float>(), {}, static_cast<std::size_t>(w.shape[0]), 1.0F, options_.per_channel_weights,
                                          options_.weight_calibrator == "mse");
    const Quantization parameters{std::move(q.scales), {}, options_.per_channel_weights ? 0 : -1};
    std::vector<int> inputs, outputs;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (i == 1) {
        inputs.push_back(add_tensor({w.name, Type::s8, w.shape, false, parameters, Constant::of(std::move(q.weights))}));
      } else {
        inputs.push_back(node.inputs[i] == kAbsent ? kAbsent : real_of(node.inputs[i]));
      }
    }
    for (const int i : node.outputs) outputs.push_back(real_[at(i)] = add_tensor(from_.tensors[at(i)]));
    to_.nodes.push_back({node.name, node.attributes, std::move(inputs), std::move(outputs), node.sources, {}});
    return {};
  }

  void add_mat_mul(const Node& node) {
    const int out = node.outputs[0];
    std::vector<int> inputs = {quantized_of(node.inputs[0]), quantized_of(node.inputs[1])};
    int& made = stays_real_[at(out)] ? real_[at(out)] : quantized_[at(out)];
    Tensor output = stays_real_[at(out)] ? from_.tensors[at(out)] : quantized_tensor(out, quantized_name(out));
    made = append(node.name, node.attributes, std::move(inputs), std::move(output), node.sources);
  }

  /// Scale and bias stay real.
  void add_layer_normalization(const Node& node) {
    const int out = node.outputs[0];
    std::vector<int> inputs = {quantized_of(node.inputs[0])};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) inputs.push_back(node.inputs[i] == kAbsent ? kAbsent : real_of(node.inputs[i]));
    quantized_[at(out)] = append(node.name, node.attributes, std::move(inputs), quantized_tensor(out, quantized_name(out)), node.sources);
  }

  /// Bytes are in the order of what they stand for.
  void add_arg_max(const Node& node) {
    const int out = node.outputs[0];
    real_[at(out)] = append(node.name, node.attributes, {quantized_of(node.inputs[0])}, from_.tensors[at(out)], node.sources);
  }

  void add_softmax(const Node& node) {
    const int out = node.outputs[0];
    const double scale = static_cast<double>(to_.tensors[at(quantized_of(node.inputs[0]))].quant.scale());
    schema::SoftmaxT softmax;
    for (int d = 0; d < 256; ++d) softmax.table.push_back(static_cast<std::uint32_t>(std::nearbyint(std::exp2(23.0) * std::exp(-scale * d))));
    add_plain(node, attributes(std::move(softmax)), quantized_tensor(out, quantized_name(out)));
  }

  const Graph& from_;
  const QuantizeOptions& options_;
  std::vector<Range> ranges_;
  std::vector<bool> stays_real_;
  std::set<std::string> names_;
  std::vector<int> quantized_, real_;  // tensors of to_, by tensor of from_
  Graph to_;
};

}  // namespace

Result<Graph> quantize_graph(const Graph& graph, const std::vector<Range>& ranges, const QuantizeOptions& options) {
  return Quantizer(graph, ranges, options).run();
}

}  // namespace octet
