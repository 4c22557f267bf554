#include "converter/diagnose/fix.h"

#include <algorithm>

#include "converter/int8_form.h"
#include "converter/observe/strategy.h"
#include "converter/quantize_math.h"

namespace octet {
namespace {

/// What an option must leave less than, to be worth advising.
constexpr double kHalf = 0.5;
constexpr const char* kMoreSamples = "--samples N";

struct Candidate {
  std::string option;
  LayerForm form;
  const Recording* recording;
  bool chooses_range = false;  ///< from the data it is tried on, which may not be what the model was calibrated on
  std::optional<QuantizedLayer> layer = {};  ///< in the recording's graph, if it is not the same one
};

class Candidates {
 public:
  Candidates(const FixContext& context, const QuantizedLayer& layer) : c_(context), layer_(layer), real_(context.recording.graph()) {}

  std::vector<Candidate> list() {
    add_ranges();
    add_weights();
    add_equalized();
    return std::move(list_);
  }

 private:
  /// Other strategies for the output's range, unless all of them were tried on the whole model.
  void add_ranges() {
    const Provenance& p = c_.quantized.provenance;
    if (!layer_.form.output || p.calibrator_options.find("auto") != std::string::npos) return;
    const bool symmetric = layer_.form.output->zero_point() == 128;
    const Statistics& statistics = c_.statistics[at(layer_.tensor)];
    if (p.calibrator == "minmax") add_range(kMoreSamples, activation_parameters(statistics.range, symmetric));
    for (const Strategy& s : strategies()) {
      if (p.calibrator == s.name) continue;
      const Range range = s.range(statistics, {.percentile = 99.99, .symmetric = symmetric});
      add_range(std::string("--calibrator ") + s.name, activation_parameters(range, symmetric));
    }
    if (symmetric) add_range("--activations asymmetric", activation_parameters(statistics.range, false));
  }

  void add_range(std::string option, Quantization output) {
    if (output == *layer_.form.output) return;
    list_.push_back({std::move(option), layer_.form, &c_.recording, true});
    list_.back().form.output = std::move(output);
  }

  void add_weights() {
    const Tensor* q = weights();
    if (q == nullptr) return;
    const Tensor& real = real_.tensors[at(real_.nodes[at(layer_.node)].inputs[1])];
    const auto add = [&](const char* option, bool channels, bool mse) {
      list_.push_back({option, layer_.form, &c_.recording});
      requantize(list_.back().form, real, channels, mse);
    };
    if (!per_channel(*q)) add("--weights per-channel", true, least_error());
    if (!least_error()) add("--weight-calibrator mse", per_channel(*q), true);
  }

  /// Weights and range of the equalized model, made in the way they were made here.
  void add_equalized() {
    if (!c_.equalized) return;
    const Provenance& p = c_.quantized.provenance;
    const Graph& graph = c_.equalized->recording.graph();
    LayerForm form = layer_.form;
    const QuantizedLayer twin = equalized_twin(graph);
    if (const Tensor* q = weights()) {
      const Node& node = graph.nodes[at(twin.node)];
      requantize(form, graph.tensors[at(node.inputs[1])], per_channel(*q), least_error());
      std::erase_if(form.constants, [](const auto& c) { return c.first == 2; });  // the bias of the other graph
    } else if (!form.constants.empty()) {
      return;
    }
    if (form.output) {
      const Strategy* s = find_strategy(p.calibrator);
      const bool symmetric = form.output->zero_point() == 128;
      const Statistics& statistics = c_.equalized->statistics[at(layer_.tensor)];  // of what is left after bounds
      form.output = activation_parameters(s != nullptr ? s->range(statistics, {.percentile = 99.99, .symmetric = symmetric}) : statistics.range, symmetric);
    }
    const bool chooses_range = form.output.has_value();
    list_.push_back({p.repair.empty() ? "--repair equalize" : "--repair all", std::move(form), &c_.equalized->recording, chooses_range, twin});
  }

  /// The layer in the equalized graph, which has more nodes where channels got bounds, in between the others.
  [[nodiscard]] QuantizedLayer equalized_twin(const Graph& graph) const {
    QuantizedLayer twin = layer_;
    if (layer_.node == kAbsent) return twin;
    int same = 0;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const Node& node = graph.nodes[n];
      if (node.inputs.size() == 2 && node.inputs[1] != kAbsent && at(node.inputs[1]) >= real_.tensors.size()) continue;
      if (same++ != layer_.node) continue;
      twin.node = static_cast<int>(n);
      twin.tensor = node.outputs[0];
    }
    return twin;
  }

  /// Of the quantized product, s8; nullptr if the layer is none.
  [[nodiscard]] const Tensor* weights() const {
    if (std::ranges::find(layer_.form.constants, std::size_t{1}, &std::pair<std::size_t, Tensor>::first) == layer_.form.constants.end()) return nullptr;
    const Tensor& q = c_.quantized.tensors[at(c_.quantized.nodes[layer_.quantized_node].inputs[1])];
    return q.type == Type::s8 && !q.shape.empty() ? &q : nullptr;
  }
  [[nodiscard]] static bool per_channel(const Tensor& q) { return q.quant.scales.size() > 1 || q.shape[0] == 1; }
  [[nodiscard]] bool least_error() const { return c_.quantized.provenance.weight_calibrator == "mse"; }

  static void requantize(LayerForm& form, const Tensor& real, bool per_channel, bool least_error) {
    for (auto& [input, tensor] : form.constants)
      if (input == 1) tensor = requantized(real, per_channel, least_error, tensor.type);
  }

  static Tensor requantized(const Tensor& real, bool per_channel, bool least_error, Type type) {
    QuantizedWeights w = quantize_weights(real.data.as<float>(), {}, at(real.shape[0]), 1.0F, per_channel, least_error);
    Tensor t;
    t.name = real.name, t.type = Type::s8, t.shape = real.shape;
    t.quant.axis = w.scales.size() > 1 ? 0 : -1;
    t.quant.scales = std::move(w.scales);
    t.data = Constant::of(std::move(w.weights));
    return type == Type::s8 ? t : dequantized(t);
  }

  const FixContext& c_;
  const QuantizedLayer& layer_;
  const Graph& real_;
  std::vector<Candidate> list_;
};

/// The source node without whose int8 form an input of the model would stay as it is: the only reader of its Quantize, which does not
/// merely move values to others. Empty if there is none, or if the model has stored preprocessing, whose look-up quantizes.
std::string reader_of_input(const Graph& graph, const Node& quantize) {
  if (quantize.op() != schema::Operator::Quantize) return {};
  const Node* reader = nullptr;
  for (const Node& n : graph.nodes) {
    if (std::ranges::find(n.inputs, quantize.outputs[0]) == n.inputs.end()) continue;
    if (reader != nullptr) return {};
    reader = &n;
  }
  if (reader == nullptr || reader->sources.empty() || keeps_scale(*reader)) return {};
  return graph.source_nodes[at(reader->sources[0])].name;
}

}  // namespace

Result<Fix> find_fix(const FixContext& context, const QuantizedLayer& layer, double before) {
  Fix best{{}, before};
  // Where data the model has not seen helps, that helps every other option that chooses a range here, too: it must do more.
  double must_leave = before;
  for (const Candidate& c : Candidates(context, layer).list()) {
    OCTET_TRY(const double left, damage(*c.recording, c.layer ? *c.layer : layer, c.form));
    if (left < best.damage && (!c.chooses_range || left <= must_leave)) best = {c.option, left};
    if (c.option == kMoreSamples && left <= kHalf * before) must_leave = kHalf * left;
  }
  if (best.damage <= kHalf * before) return best;
  const Node& node = context.quantized.nodes[layer.quantized_node];
  if (layer.node == kAbsent) {
    const std::string reader = reader_of_input(context.quantized, node);
    return reader.empty() ? Fix{{}, before} : Fix{"--float " + reader, 0};
  }
  if (node.sources.empty()) return Fix{{}, before};
  return Fix{"--float " + context.quantized.source_nodes[at(node.sources[0])].name, 0};
}

}  // namespace octet
