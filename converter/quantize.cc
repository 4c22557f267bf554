#include "converter/quantize.h"

#include "converter/channel_axis.h"
#include "converter/int8_form.h"
#include "converter/quantize/float_reason.h"
#include "converter/quantize/plan.h"
#include "converter/quantize/products.h"
#include "converter/quantize/quantized_graph.h"
#include "converter/quantize/tables.h"
#include "engine/try.h"

namespace octet {
namespace {

using schema::Operator;

/// Inputs and nodes of a float graph, one after the other, to their int8 forms.
class Quantizer {
 public:
  Quantizer(const Graph& from, QuantizationPlan plan, const QuantizeOptions& options)
      : from_(from), options_(options), to_(from, std::move(plan), options.symmetric_activations), reasons_(to_, options.float_nodes) {}

  Result<Graph> run() {
    for (const int i : from_.inputs) OCTET_CHECK(add_input(i));
    for (const Node& node : from_.nodes)
      if (auto ok = add_node(node); !ok) return std::move(ok).error().in("'" + node.name + "' (" + name_of(node.op()) + ")");
    return to_.finish();
  }

 private:
  /// With stored preprocessing, raw bytes and a look-up that makes the u8 form of them.
  Result<void> add_input(int i) {
    const Tensor& t = from_.tensors[at(i)];
    if (options_.normalization == nullptr || t.type != Type::f32 || is_empty(t.shape)) {
      to_.set_real(i, to_.add_tensor(t));
      to_.add_input(to_.real_of(i), nullptr);
      return {};
    }
    if (to_.plan().imported && !to_.plan().parameters[at(i)].present())
      return Error{ErrorCode::unsupported, "is not quantized in the source: its preprocessing cannot be stored in the model", "input '" + t.name + "'"};
    const Normalization& n = *options_.normalization;
    const auto axis = channel_axis(t.shape, n.mean.size());
    if (n.mean.size() > 1 && !axis)
      return Error{ErrorCode::invalid_argument, std::to_string(n.mean.size()) + " means for shape " + to_string(t.shape), "input '" + t.name + "'"};
    const int bytes = to_.add_tensor({t.name, Type::u8, t.shape, t.batched, {}, {}});
    to_.add_input(bytes, std::make_shared<Preprocessing>(Preprocessing{n.scale, n.mean, n.std}));
    Tensor out = to_.quantized_tensor(i);
    const std::string name = out.name;
    auto lookup = attributes(normalization_tables(n, n.mean.size() > 1 ? static_cast<int>(*axis) : -1, out.quant));
    to_.set_quantized(i, to_.append(name, std::move(lookup), {bytes}, std::move(out)));
    return {};
  }

  Result<void> add_node(const Node& node) {
    if (node.op() == Operator::Quantize) {
      add_quantize(node);
    } else if (node.op() == Operator::Dequantize) {
      add_dequantize(node);
    } else if (is_empty(from_.tensors[at(node.outputs[0])].shape) || is_integer(from_, node) ||
               (to_.plan().stays_real[at(node.outputs[0])] && keeps_values(node.op()))) {
      to_.append_real(node, to_.real_inputs(node));
    } else if (std::string reason = reasons_.of(node); !reason.empty()) {
      to_.append_real(node, to_.real_inputs(node), std::move(reason));
    } else {
      return add_int8(node);
    }
    return {};
  }

  /// Where nothing else is known, the source's own step. After an int8 node it has done it already, but for the scale.
  void add_quantize(const Node& node) {
    const int x = node.inputs[0];
    const int y = node.outputs[0];
    const Tensor& made = from_.tensors[at(y)];
    const bool done = to_.is_quantized(x);
    const int bytes = done ? to_.rescaled(to_.quantized_of(x), made.quant)
                           : to_.append(node.name, node.attributes, {to_.real_of(x)}, made, node.sources);
    to_.set_real(y, to_.is_output(y) ? to_.as_output(bytes, made.name) : bytes);
    if (done) to_.add_sources(to_.real_of(y), node.sources);
  }

  /// Nothing, until somebody wants the real values.
  void add_dequantize(const Node& node) {
    to_.set_quantized(node.outputs[0], to_.real_of(node.inputs[0]));
    to_.keep_step(node);
  }

  Result<void> add_int8(const Node& node) {
    if (has_weights(node.op()) && !to_.plan().imported) return add_product(to_, node, options_);
    if (is_recurrent(node.op())) return add_recurrent(to_, node, options_);
    if (has_weights(node.op())) {
      add_imported_product(to_, node);
    } else if (keeps_scale(node)) {
      add_kept(node);
    } else {
      add_by_operator(node);
    }
    return {};
  }

  void add_by_operator(const Node& node) {
    switch (node.op()) {
      case Operator::Pointwise: return add_pointwise(to_, node);
      case Operator::Binary: return add_binary(to_, node);
      case Operator::Softmax: return add_softmax(to_, node);
      case Operator::Concat: return add_concat(node);
      case Operator::MatMul: return to_.append_product(node, to_.quantized_inputs(node));
      case Operator::LayerNormalization: return add_layer_normalization(node);
      case Operator::ArgMax: return to_.append_real(node, {to_.quantized_of(node.inputs[0])});  // bytes are in the order of what they stand for
      default: return to_.append_quantized(node, node.attributes, to_.quantized_inputs(node));
    }
  }

  /// The output has the input's very parameters: they come from one merged range, or from what the input was given.
  void add_kept(const Node& node) {
    Tensor output = to_.quantized_tensor(node.outputs[0]);
    output.quant = to_.parameters_of(node.inputs[0]);
    to_.append_quantized(node, node.attributes, to_.quantized_inputs(node), std::move(output));
  }

  void add_concat(const Node& node) {
    Tensor output = to_.quantized_tensor(node.outputs[0]);
    if (!output.quant.present()) output.quant = to_.parameters_of(node.inputs[0]);  // all have the same, see FloatReasons
    std::vector<int> inputs;
    for (const int i : node.inputs) inputs.push_back(to_.rescaled(to_.quantized_of(i), output.quant));
    to_.append_quantized(node, node.attributes, std::move(inputs), std::move(output));
  }

  /// Scale and bias stay real.
  void add_layer_normalization(const Node& node) {
    std::vector<int> inputs = {to_.quantized_of(node.inputs[0])};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) inputs.push_back(node.inputs[i] == kAbsent ? kAbsent : to_.real_of(node.inputs[i]));
    to_.append_quantized(node, node.attributes, std::move(inputs));
  }

  const Graph& from_;
  const QuantizeOptions& options_;
  QuantizedGraph to_;
  FloatReasons reasons_;
};

}  // namespace

Result<Graph> quantize_graph(const Graph& graph, const std::vector<Range>& ranges, const QuantizeOptions& options) {
  return Quantizer(graph, plan_quantization(graph, ranges, options.symmetric_activations), options).run();
}

Result<Graph> quantize_imported_graph(const Graph& graph, const QuantizeOptions& options) {
  return Quantizer(graph, plan_imported(graph), options).run();
}

}  // namespace octet
