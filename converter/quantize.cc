#include "converter/quantize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "converter/channel_axis.h"
#include "converter/given_masks.h"
#include "converter/imported_quantization.h"
#include "converter/int8_form.h"
#include "converter/passes/edit.h"
#include "converter/quantize_math.h"
#include "engine/operator.h"
#include "kernels/pointwise/pointwise.h"

namespace octet {
namespace {

using schema::Operator;

std::size_t at(int index) noexcept { return static_cast<std::size_t>(index); }

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
  /// By what the graph's own quantize steps say.
  Quantizer(const Graph& from, ImportedQuantization imported, const QuantizeOptions& options) : Quantizer(from, std::vector<Range>(), options) {
    imported_ = std::move(imported);
  }

  Result<Graph> run() {
    to_.source_nodes = from_.source_nodes;
    to_.provenance = from_.provenance;
    for (const Tensor& t : from_.tensors) names_.insert(t.name);
    if (!imported_) given_masks_ = find_given_masks(from_);
    if (!imported_) merge_ranges();
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
    for (const Node& n : from_.nodes)  // the fewer elements a mask keeps, the larger their shares: calibration may not have seen the fewest
      if (n.op() == Operator::Softmax && (n.inputs.size() > 1 || has_given_mask(n))) ranges_[at(n.outputs[0])] = {0, 1, true};
    clip_to_bounds();
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

  /// What only a Min with constants reads needs the range that is left after it: what is larger has no place in the result, whichever
  /// its channel. Then the look-up changes no scale.
  void clip_to_bounds() {
    const Uses uses(from_);
    for (const Node& n : from_.nodes)
      if (is_bounding(from_, n) && uses.sole_reader(n.inputs[0]) >= 0 && uses.maker(n.inputs[0]) >= 0) ranges_[at(n.inputs[0])] = ranges_[at(n.outputs[0])];
  }

  /// Tensors that stay f32 at no cost: outputs of the graph, scores before a mask in float, the gates of recurrent layers, seen through what moves values
  /// only, whose values come straight from the accumulators of a product.
  void find_real() {
    stays_real_.assign(from_.tensors.size(), false);
    std::vector<int> readers(from_.tensors.size(), 0);
    if (imported_) {
      for (const Node& node : from_.nodes)
        if (is_product(node.op())) stays_real_[at(node.outputs[0])] = !imported_->given[at(node.outputs[0])].present();
      return;
    }
    for (const Node& n : from_.nodes)
      for (const int i : n.inputs)
        if (i != kAbsent) ++readers[at(i)];
    std::vector<bool> wanted(from_.tensors.size(), false);
    for (const int i : from_.outputs) wanted[at(i)] = readers[at(i)] == 0;
    for (const Node& n : from_.nodes)
      if (has_given_mask(n))
        for (const int i : n.inputs)
          if (i != kAbsent) wanted[at(i)] = readers[at(i)] == 1 && !is_output(i);
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

  /// Of a node of from_.
  [[nodiscard]] bool has_given_mask(const Node& node) const { return !given_masks_.empty() && given_masks_[static_cast<std::size_t>(&node - from_.nodes.data())]; }
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
    maker_[out] = to_.nodes.size();
    to_.nodes.push_back({std::move(name), std::move(op), std::move(inputs), {out}, std::move(sources), {}});
    return out;
  }

  /// The u8 tensor a float tensor becomes, still without a writer.
  Tensor quantized_tensor(int i, std::string name) const {
    const Tensor& t = from_.tensors[at(i)];
    return {std::move(name), Type::u8, t.shape, t.batched, parameters(i), {}};
  }

  [[nodiscard]] Quantization parameters(int i) const {
    return imported_ ? imported_->given[at(i)] : activation_parameters(ranges_[at(i)], options_.symmetric_activations);
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
    const auto step = steps_.find(i);
    return real_[at(i)] = append(step == steps_.end() ? name : step->second->name, attributes(schema::DequantizeT{}), {quantized_[at(i)]},
                                 {name, Type::f32, t.shape, t.batched, {}, {}}, step == steps_.end() ? std::vector<int>() : step->second->sources);
  }

  /// A constant operand of Add, Mul or Concat as u8, over its own range.
  int add_constant(const Tensor& t) {
    const auto values = t.data.as<float>();
    const auto [lo, hi] = std::ranges::minmax(values);
    const Quantization q = imported_ ? u8_form(t) : activation_parameters({lo, hi, true}, options_.symmetric_activations);
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
    if (imported_ && !imported_->given[at(i)].present())
      return Error{ErrorCode::unsupported, "is not quantized in the source: its preprocessing cannot be stored in the model", "input '" + t.name + "'"};
    const Normalization& n = *options_.normalization;
    const auto axis = channel_axis(t.shape, n.mean.size());
    if (n.mean.size() > 1 && !axis)
      return Error{ErrorCode::invalid_argument, std::to_string(n.mean.size()) + " means for shape " + to_string(t.shape), "input '" + t.name + "'"};
    to_.inputs.push_back(add_tensor({t.name, Type::u8, t.shape, t.batched, {}, {}}));
    to_.preprocessing.push_back(std::make_shared<Preprocessing>(Preprocessing{n.scale, n.mean, n.std}));
    const std::string name = quantized_name(i);
    const Tensor out = quantized_tensor(i, name);
    quantized_[at(i)] = append(name, attributes(normalization_tables(n, n.mean.size() > 1 ? static_cast<int>(*axis) : -1, out.quant)), {to_.inputs.back()}, out);
    return {};
  }

  static schema::LookupT normalization_tables(const Normalization& n, int axis, const Quantization& q) {
    schema::LookupT lookup;
    lookup.axis = axis;
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
    if (node.op() == Operator::Quantize) return add_quantize(node);
    if (node.op() == Operator::Dequantize) return add_dequantize(node);
    if (is_empty(from_.tensors[at(out)].shape) || is_integer(from_, node) || (stays_real_[at(out)] && keeps_values(node.op()))) return add_float(node, {});
    if (std::string reason = float_reason(node); !reason.empty()) return add_float(node, std::move(reason));
    if (has_weights(node.op())) return imported_ ? add_imported_product(node) : add_product(node);
    if (is_recurrent(node.op())) return add_recurrent(node);
    if (keeps_scale(node)) return add_kept(node);
    switch (node.op()) {
      case Operator::Pointwise: add_lookup(node); break;
      case Operator::Binary: add_binary(node); break;
      case Operator::Concat: add_concat(node); break;
      case Operator::Softmax: add_softmax(node); break;
      case Operator::MatMul: add_mat_mul(node); break;
      case Operator::LayerNormalization: add_layer_normalization(node); break;
      case Operator::ArgMax: add_arg_max(node); break;
      default: add_plain(node, node.attributes, quantized_tensor(out, quantized_name(out))); break;
    }
    return {};
  }

  [[nodiscard]] std::string float_reason(const Node& node) {
    for (const int s : node.sources)
      if (std::ranges::find(options_.float_nodes, from_.source_nodes[at(s)].name) != options_.float_nodes.end()) return "kept in float on request";
    std::string reason = lacks_int8_form(from_, node, !imported_);
    if (reason.empty() && has_given_mask(node)) {
      const bool sum = node.op() == Operator::Add || node.op() == Operator::Sub;
      reason = std::string(sum ? "adds" : node.op() == Operator::Softmax ? "its input contains" : "moves") +
               " a mask the caller gives, whose values calibration cannot know";
    }
    if (imported_ && reason.empty()) reason = lacks_quantization(node);
    if (reason.empty() && node.op() == Operator::Softmax && node.inputs.size() > 1 && !outweighs(node))
      reason = "its mask does not outweigh the range of its input";
    return reason;
  }

  /// Whether a masked element would have no share of a quantized softmax, whatever its row (see schema/octet.fbs).
  [[nodiscard]] bool outweighs(const Node& node) const {
    const auto& op = node.as<schema::SoftmaxT>();
    const int x = node.inputs[0];
    const Quantization q = quantized_[at(x)] != kAbsent ? to_.tensors[at(quantized_[at(x)])].quant : parameters(x);
    const double scale = static_cast<double>(q.scale());
    return static_cast<double>(op.mask_value) <= (op.mask_replaces ? -scale * q.zero_point() - 17 : -(255 * scale + 17));
  }

  /// Whether the source has a float tensor's values as integers.
  [[nodiscard]] bool has_bytes(int i) {
    if (quantized_[at(i)] != kAbsent) return true;
    const Tensor& t = from_.tensors[at(i)];
    if (!t.constant()) return false;
    const auto [where, fresh] = source_bytes_.try_emplace(i, false);
    if (fresh) where->second = has_source_bytes(t);
    return where->second;
  }

  /// Why a node's real values are not all integers in the source.
  [[nodiscard]] std::string lacks_quantization(const Node& node) {
    const auto not_quantized = [&](const char* what, int i) {
      return std::string("its ") + what + " '" + from_.tensors[at(i)].name + "' is not quantized in the source";
    };
    if (is_recurrent(node.op())) return "its state is not quantized in the source";
    const std::size_t quantized_inputs = takes_constants(node) ? 1 : node.inputs.size();
    for (std::size_t k = 0; k < quantized_inputs; ++k)
      if (node.inputs[k] != kAbsent && from_.tensors[at(node.inputs[k])].type == Type::f32 && !has_bytes(node.inputs[k]))
        return not_quantized("input", node.inputs[k]);
    const Quantization& given = imported_->given[at(node.outputs[0])];
    if (has_weights(node.op()))
      if (std::string reason = lacks_imported_weights(from_, node, to_.tensors[at(quantized_[at(node.inputs[0])])].quant, given); !reason.empty())
        return reason;
    const bool free = is_product(node.op()) || chooses_values(node) || node.op() == Operator::ArgMax || shares_scale(node);
    return free || given.present() ? std::string() : not_quantized("output", node.outputs[0]);
  }

  /// Whether it is a Concat of integers of one scale, which its output has, too.
  [[nodiscard]] bool shares_scale(const Node& node) {
    if (node.op() != Operator::Concat) return false;
    const Quantization first = to_.tensors[at(quantized_of(node.inputs[0]))].quant;
    return std::ranges::all_of(node.inputs, [&](int i) { return to_.tensors[at(quantized_of(i))].quant == first; });
  }

  /// Where nothing else is known, the source's own step. After an int8 node it has done it already, but for the scale.
  Result<void> add_quantize(const Node& node) {
    const int x = node.inputs[0];
    const int y = node.outputs[0];
    const Tensor& made = from_.tensors[at(y)];
    if (quantized_[at(x)] != kAbsent) {
      real_[at(y)] = rescaled(quantized_[at(x)], made.quant);
      if (is_output(y)) real_[at(y)] = as_output(real_[at(y)], made.name);
      if (const auto maker = maker_.find(real_[at(y)]); maker != maker_.end()) merge_sources(to_.nodes[maker->second].sources, node.sources);
      return {};
    }
    real_[at(y)] = append(node.name, node.attributes, {real_of(x)}, made, node.sources);
    return {};
  }

  /// `tensor` under the name of an output, or a copy of it where no node makes it, or it has such a name already.
  int as_output(int tensor, const std::string& name) {
    const Tensor source = to_.tensors[at(tensor)];
    if (maker_.contains(tensor) && named_outputs_.insert(tensor).second) {
      to_.tensors[at(tensor)].name = name;
      return tensor;
    }
    schema::ReshapeT same;
    same.shape.assign(source.shape.size(), 0);
    return append(name, attributes(std::move(same)), {tensor}, {name, source.type, source.shape, source.batched, source.quant, {}});
  }

  /// Nothing, until somebody wants the real values.
  Result<void> add_dequantize(const Node& node) {
    quantized_[at(node.outputs[0])] = real_of(node.inputs[0]);
    steps_[node.outputs[0]] = &node;
    return {};
  }

  /// A product of weights that were integers in the source. Where they are too large without their zero-point for s8, they are
  /// two halves, and each input is there twice.
  Result<void> add_imported_product(const Node& node) {
    const Tensor& w = from_.tensors[at(node.inputs[1])];
    int x = quantized_of(node.inputs[0]);
    ImportedWeights q = imported_weights(from_, node, to_.tensors[at(x)].quant, imported_->given[at(node.outputs[0])]);
    Shape shape = w.shape;
    if (q.halves) {
      shape.back() *= 2;
      x = add_twice(x, node);
    }
    std::vector<int> inputs = {x, add_tensor({w.name, Type::s8, std::move(shape), false, std::move(q.quant), Constant::of(std::move(q.weights))})};
    if (!q.bias.empty())
      inputs.push_back(add_tensor({from_.tensors[at(node.inputs[2])].name, Type::s32, {w.shape[0]}, false, {}, Constant::of(std::move(q.bias))}));
    const int out = node.outputs[0];
    const bool real = stays_real_[at(out)];
    int& made = real ? real_[at(out)] : quantized_[at(out)];
    made = append(node.name, node.attributes, std::move(inputs), real ? from_.tensors[at(out)] : quantized_tensor(out, quantized_name(out)), node.sources);
    return {};
  }

  /// Each group of channels of x (the last axis) followed by itself.
  int add_twice(int x, const Node& product) {
    const int groups = product.op() == Operator::Conv ? product.as<schema::ConvT>().groups : 1;
    const Tensor source = to_.tensors[at(x)];
    const auto make = [&](auto op, const char* suffix, int input, Shape shape) {
      const std::string name = unused_name(source.name + suffix);
      return append(name, attributes(std::move(op)), {input}, {name, Type::u8, std::move(shape), source.batched, source.quant, {}});
    };
    Shape shape = source.shape;
    schema::ReshapeT apart, together;
    apart.shape.assign(shape.size() - 1, 0);
    together.shape = apart.shape;
    const auto channels = static_cast<int>(shape.back());
    apart.shape.insert(apart.shape.end(), {groups, channels / groups});
    together.shape.push_back(2 * channels);
    shape.back() = groups;
    shape.push_back(channels / groups);
    const int grouped = make(std::move(apart), "_grouped", x, shape);
    schema::TileT tile;
    tile.repeats.assign(shape.size(), 1);
    tile.repeats.back() = 2;
    shape.back() *= 2;
    const int tiled = make(std::move(tile), "_tiled", grouped, shape);
    shape = source.shape;
    shape.back() *= 2;
    return make(std::move(together), "_twice", tiled, shape);
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
    if (!output.quant.present()) output.quant = to_.tensors[at(quantized_of(node.inputs[0]))].quant;  // chooses_values
    schema::LookupT lookup;
    lookup.tables = make_table(to_.tensors[at(quantized_of(node.inputs[0]))].quant, output.quant, [&](double x) {
      return kernels::evaluate(static_cast<kernels::Function>(a.function), x, static_cast<double>(a.a), static_cast<double>(a.b));
    });
    add_plain(node, attributes(std::move(lookup)), std::move(output));
  }

  /// PRelu, Min: a table for each slope or bound.
  void add_binary(const Node& node) {
    const bool bounds = is_bounding(from_, node);
    const int out = node.outputs[0];
    const Tensor output = quantized_tensor(out, quantized_name(out));
    const int x = quantized_of(node.inputs[0]);
    schema::LookupT lookup;
    lookup.axis = *slope_axis(from_, node);
    for (const float constant : from_.tensors[at(node.inputs[1])].data.as<float>()) {
      const auto table = make_table(to_.tensors[at(x)].quant, output.quant, [&](double v) {
        if (bounds) return std::min(v, static_cast<double>(constant));
        return kernels::evaluate(kernels::Function::leaky_relu, v, static_cast<double>(constant), 0.0);
      });
      lookup.tables.insert(lookup.tables.end(), table.begin(), table.end());
    }
    quantized_[at(out)] = append(node.name, attributes(std::move(lookup)), {x}, output, node.sources);
  }

  void add_concat(const Node& node) {
    const int out = node.outputs[0];
    Tensor output = quantized_tensor(out, quantized_name(out));
    if (!output.quant.present()) output.quant = to_.tensors[at(quantized_of(node.inputs[0]))].quant;  // shares_scale
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
    schema::SoftmaxT softmax = node.as<schema::SoftmaxT>();
    for (int d = 0; d < 256; ++d) softmax.table.push_back(static_cast<std::uint32_t>(std::nearbyint(std::exp2(23.0) * std::exp(-scale * d))));
    add_plain(node, attributes(std::move(softmax)), quantized_tensor(out, quantized_name(out)));
  }

  const Graph& from_;
  const QuantizeOptions& options_;
  std::vector<Range> ranges_;
  std::optional<ImportedQuantization> imported_;
  std::vector<bool> stays_real_;
  std::vector<bool> given_masks_;  // of from_'s nodes; empty where the source is quantized
  std::set<std::string> names_;
  std::map<int, bool> source_bytes_;   // of constants: has_source_bytes()
  std::map<int, const Node*> steps_;   // Dequantize nodes of the source, by what they make
  std::set<int> named_outputs_;        // tensors of to_ that have the name of an output: see as_output
  std::map<int, std::size_t> maker_;   // node of to_, by the tensor of to_ it writes
  std::vector<int> quantized_, real_;  // tensors of to_, by tensor of from_
  Graph to_;
};

}  // namespace

Result<Graph> quantize_graph(const Graph& graph, const std::vector<Range>& ranges, const QuantizeOptions& options) {
  return Quantizer(graph, ranges, options).run();
}

Result<Graph> quantize_imported_graph(const Graph& graph, const QuantizeOptions& options) {
  return Quantizer(graph, find_imported(graph), options).run();
}

}  // namespace octet
