#include "converter/bias_correction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/quantize.h"
#include "converter/sample_bytes.h"
#include "engine/session.h"

namespace octet {
namespace {

using schema::Operator;

std::size_t at(int index) noexcept { return static_cast<std::size_t>(index); }

bool is_product(const Node& node) noexcept { return node.op() == Operator::Conv || node.op() == Operator::FullyConnected; }

/// Products whose weights are constants in this type.
bool has_weights_of(const Graph& graph, const Node& node, Type type) {
  return is_product(node) && graph.tensors[at(node.inputs[1])].constant() && graph.tensors[at(node.inputs[1])].type == type;
}

void remove_clamp(Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto open = [](auto& op) { op.clamp_min = -kInfinity, op.clamp_max = kInfinity; };
  node.op() == Operator::Conv ? open(node.as<schema::ConvT>()) : open(node.as<schema::FullyConnectedT>());
}

/// Every float product with a bias of its own.
Graph with_biases(Graph graph) {
  for (Node& node : graph.nodes) {
    if (!has_weights_of(graph, node, Type::f32)) continue;
    const Tensor& weights = graph.tensors[at(node.inputs[1])];
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
    Tensor bias{weights.name + "@corrected_bias", Type::f32, {weights.shape[0]}, false, {}, {}};
    std::vector<float> values(static_cast<std::size_t>(weights.shape[0]), 0.0F);
    if (has_bias) {
      bias.name = graph.tensors[at(node.inputs[2])].name;
      std::ranges::copy(graph.tensors[at(node.inputs[2])].data.as<float>(), values.begin());
    }
    bias.data = Constant::of(std::move(values));
    node.inputs.resize(3, kAbsent);
    node.inputs[2] = static_cast<int>(graph.tensors.size());
    graph.tensors.push_back(std::move(bias));
  }
  return graph;
}

/// A graph in which every product is preceded by its twin: the same product without a clamp, with an f32 output that nothing
/// reads.
struct Twins {
  Graph graph;
  std::vector<std::size_t> nodes;  ///< the twins, in order

  Twins(const Graph& original, Type weights) : graph(original) {
    graph.nodes.clear();
    for (const Node& node : original.nodes) {
      if (has_weights_of(original, node, weights)) {
        Node twin = node;
        remove_clamp(twin);
        Tensor output = original.tensors[at(node.outputs[0])];
        output.name += "@unclamped";
        output.type = Type::f32;
        output.quant = {};
        twin.outputs = {static_cast<int>(graph.tensors.size())};
        graph.tensors.push_back(std::move(output));
        nodes.push_back(graph.nodes.size());
        graph.nodes.push_back(std::move(twin));
      }
      graph.nodes.push_back(node);
    }
  }
};

/// Some samples: those that one session takes, for each of several.
struct Piece {
  std::int64_t first, count;
};

/// Up to kCorrectionSamples samples, spread evenly over all.
std::vector<Piece> pieces_of(const Model& model, std::int64_t samples) {
  const std::int64_t unit = samples_at_a_time(model);
  const std::int64_t all = (samples + unit - 1) / unit;
  const std::int64_t used = std::min(all, std::max<std::int64_t>(kCorrectionSamples / unit, 1));
  std::vector<Piece> pieces;
  for (std::int64_t i = 0; i < used; ++i) {
    const std::int64_t first = i * all / used * unit;
    pieces.push_back({first, std::min(unit, samples - first)});
  }
  return pieces;
}

/// Sessions over different samples of one graph that go through it together, step by step.
class Lockstep {
 public:
  static Result<Lockstep> make(const Graph& graph, const Samples& samples, const std::vector<Piece>& pieces) {
    Lockstep l;
    OCTET_TRY(const Model model, make_model(graph));
    for (const Piece& p : pieces) OCTET_CHECK(l.add(model, samples, p));
    return l;
  }

  /// Runs every step on all sessions, then calls `after(step)` with its index.
  template <class After>
  Result<void> run(const After& after) {
    for (std::size_t i = 0; i < sessions_[0].impl().steps.size(); ++i) {
      for (Session& session : sessions_) {
        Session::Impl& s = session.impl();
        const char* failure = s.steps[i].step.function(s.steps[i].step.parameters.get(), {s.buffers.data(), s.steps[i].scratch});
        if (failure != nullptr) return Error{ErrorCode::run_failed, failure, describe(s.graph(), s.steps[i].node)};
      }
      OCTET_CHECK(after(i));
    }
    return {};
  }

  /// The node of a step.
  [[nodiscard]] std::size_t node(std::size_t step) { return sessions_[0].impl().steps[step].node; }

  /// Mean of each channel (last axis) of a tensor that a step has just written, over all sessions, in f64.
  std::vector<double> means(int tensor) {
    std::vector<double> sums(static_cast<std::size_t>(sessions_[0].impl().shapes[at(tensor)].back()), 0.0);
    std::size_t count = 0;
    for (Session& session : sessions_) {
      const Session::Impl& s = session.impl();
      const auto elements = static_cast<std::size_t>(element_count(s.shapes[at(tensor)]));
      const auto* x = reinterpret_cast<const float*>(s.data(tensor));
      for (std::size_t i = 0; i < elements; ++i) sums[i % sums.size()] += static_cast<double>(x[i]);
      count += elements / sums.size();
    }
    for (double& s : sums) s /= static_cast<double>(count);
    return sums;
  }

  /// Prepares a step again, after its node's constants in `graph` have changed.
  Result<void> prepare_again(std::size_t step, const Graph& graph) {
    for (Session& session : sessions_) {
      Session::Impl& s = session.impl();
      const Node& node = graph.nodes[s.steps[step].node];
      OCTET_TRY(s.steps[step].step, find_operator(node.op())->prepare(NodeView(graph, node, s.shapes), {s.isa, s.threads}));
    }
    return {};
  }

 private:
  Result<void> add(const Model& model, const Samples& samples, const Piece& piece) {
    OCTET_TRY(Session session, model.session({.threads = 1, .batch = static_cast<int>(piece.count)}));
    sessions_.push_back(std::move(session));
    Session& s = sessions_.back();
    std::vector<InputTensor> in;
    for (std::size_t i = 0; i < s.inputs().size(); ++i) {
      const TensorInfo& info = s.inputs()[i];
      auto& values = storage_.emplace_back(info.size_bytes());
      OCTET_CHECK(read_bytes(samples, i, piece.first, piece.count, info, values));
      in.emplace_back(values.data(), values.size(), info.type);
    }
    std::vector<OutputTensor> out;
    for (const TensorInfo& o : s.outputs()) out.emplace_back(storage_.emplace_back(o.size_bytes()).data(), o.size_bytes(), o.type);
    return s.impl().bind(in, out);
  }

  std::vector<Session> sessions_;
  std::vector<std::vector<std::byte>> storage_;  ///< inputs and outputs
};

/// Mean outputs of the float graph's products, in order.
Result<std::vector<std::vector<double>>> float_means(const Twins& twins, const Samples& samples, const std::vector<Piece>& pieces) {
  OCTET_TRY(Lockstep steps, Lockstep::make(twins.graph, samples, pieces));
  std::vector<std::vector<double>> means;
  OCTET_CHECK(steps.run([&](std::size_t step) -> Result<void> {
    if (means.size() < twins.nodes.size() && steps.node(step) == twins.nodes[means.size()])
      means.push_back(steps.means(twins.graph.nodes[steps.node(step)].outputs[0]));
    return {};
  }));
  return means;
}

/// Products of the quantized graph that compute in int8, as positions among all its products. The quantizer keeps products, and
/// their order.
std::vector<std::size_t> int8_products(const Graph& quantized) {
  std::vector<std::size_t> positions;
  std::size_t position = 0;
  for (const Node& node : quantized.nodes) {
    if (!is_product(node)) continue;
    if (has_weights_of(quantized, node, Type::s8) && quantized.tensors[at(node.inputs[0])].type == Type::u8) positions.push_back(position);
    ++position;
  }
  return positions;
}

std::vector<std::size_t> product_nodes(const Graph& graph) {
  std::vector<std::size_t> nodes;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (is_product(graph.nodes[n])) nodes.push_back(n);
  return nodes;
}

/// bias + shift, as f32.
Constant shifted(std::span<const float> bias, const std::vector<double>& shift) {
  std::vector<float> values(bias.size());
  for (std::size_t c = 0; c < bias.size(); ++c) {
    const auto sum = static_cast<float>(static_cast<double>(bias[c]) + shift[c]);
    values[c] = std::isfinite(sum) ? sum : bias[c];
  }
  return Constant::of(std::move(values));
}

/// The s32 bias of a quantized product for real values, as the quantizer makes it; channels it would take out of bounds keep theirs.
Constant quantized_bias(const Graph& graph, const Node& node, std::span<const float> bias) {
  const Tensor& weights = graph.tensors[at(node.inputs[1])];
  const auto w = weights.data.as<std::int8_t>();
  const auto old = graph.tensors[at(node.inputs[2])].data.as<std::int32_t>();
  const auto s_in = static_cast<double>(graph.tensors[at(node.inputs[0])].quant.scale());
  const std::size_t depth = w.size() / bias.size();
  std::vector<std::int32_t> values(old.begin(), old.end());
  for (std::size_t c = 0; c < bias.size(); ++c) {
    const auto s_w = static_cast<double>(weights.quant.scales[weights.quant.scales.size() == 1 ? 0 : c]);
    std::int64_t bound = 0;
    for (const std::int8_t v : w.subspan(c * depth, depth)) bound += 255 * std::abs(std::int64_t{v});
    const double q = std::nearbyint(static_cast<double>(bias[c]) / (s_in * s_w));
    if (std::abs(q) + static_cast<double>(bound) < 2147483647.0) values[c] = static_cast<std::int32_t>(q);
  }
  return Constant::of(std::move(values));
}

}  // namespace

Result<Graph> correct_biases(const Model& model, const std::vector<Range>& ranges, const Samples& samples, const QuantizeOptions& options) {
  const Graph& graph = model.impl().graph;
  Graph corrected = with_biases(graph);
  std::vector<Range> all_ranges = ranges;
  all_ranges.resize(corrected.tensors.size());
  QuantizeOptions real = options;
  real.normalization = nullptr;
  OCTET_TRY(const Graph quantized, quantize_graph(corrected, all_ranges, real));
  const std::vector<std::size_t> positions = int8_products(quantized);
  const std::vector<std::size_t> products = product_nodes(corrected);
  if (positions.empty() || products.size() != product_nodes(quantized).size()) return graph;

  const std::vector<Piece> pieces = pieces_of(model, samples.count());
  OCTET_TRY(const auto wanted, float_means(Twins(corrected, Type::f32), samples, pieces));
  Twins twins(quantized, Type::s8);
  OCTET_TRY(Lockstep steps, Lockstep::make(twins.graph, samples, pieces));
  std::size_t next = 0;
  OCTET_CHECK(steps.run([&](std::size_t step) -> Result<void> {
    if (next == positions.size() || steps.node(step) != twins.nodes[next]) return {};
    const Node& twin = twins.graph.nodes[steps.node(step)];
    const std::size_t position = positions[next++];
    std::vector<double> shift = steps.means(twin.outputs[0]);
    for (std::size_t c = 0; c < shift.size(); ++c) shift[c] = wanted[position][c] - shift[c];
    Tensor& bias = corrected.tensors[at(corrected.nodes[products[position]].inputs[2])];
    bias.data = shifted(bias.data.as<float>(), shift);
    twins.graph.tensors[at(twin.inputs[2])].data = quantized_bias(twins.graph, twin, bias.data.as<float>());
    return steps.prepare_again(step + 1, twins.graph);
  }));
  return corrected;
}

}  // namespace octet
