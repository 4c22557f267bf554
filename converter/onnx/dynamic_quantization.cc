#include "converter/onnx/dynamic_quantization.h"

#include <onnx/onnx-ml.pb.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace octet {
namespace {

using onnx::GraphProto;
using onnx::NodeProto;

/// A graph's values: who makes and who reads them.
class Values {
 public:
  explicit Values(const GraphProto& graph) : graph_(graph) {
    for (const auto& t : graph.initializer()) constants_.emplace(t.name(), &t);
    for (int i = 0; i < graph.node_size(); ++i) {
      for (const std::string& name : graph.node(i).input()) readers_[name].push_back(i);
      for (const std::string& name : graph.node(i).output()) makers_.emplace(name, i);
    }
    for (const auto& output : graph.output()) readers_[output.name()].push_back(kOutside);
  }

  /// Indices of nodes, once for each time they read it; kOutside for the graph's outputs.
  [[nodiscard]] const std::vector<int>& readers(const std::string& name) const {
    static const std::vector<int> none;
    const auto found = readers_.find(name);
    return found == readers_.end() ? none : found->second;
  }
  /// The index of the one node of this operator that reads it, if nothing else does.
  [[nodiscard]] std::optional<int> only_reader(const std::string& name, std::string_view op) const {
    const auto& all = readers(name);
    if (name.empty() || all.size() != 1 || !is(all[0], op)) return std::nullopt;
    return all[0];
  }
  [[nodiscard]] std::optional<int> maker(const std::string& name, std::string_view op) const {
    const auto found = makers_.find(name);
    if (found == makers_.end() || !is(found->second, op)) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] const onnx::TensorProto* constant(const std::string& name) const {
    const auto found = constants_.find(name);
    return found == constants_.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool is(int node, std::string_view op) const {
    if (node == kOutside) return false;
    const NodeProto& n = graph_.node(node);
    return n.op_type() == op && (n.domain().empty() || n.domain() == "ai.onnx") && n.output_size() > 0;
  }
  [[nodiscard]] const NodeProto& node(int index) const { return graph_.node(index); }

 private:
  static constexpr int kOutside = -1;

  const GraphProto& graph_;
  std::unordered_map<std::string_view, const onnx::TensorProto*> constants_;
  std::unordered_map<std::string_view, std::vector<int>> readers_;
  std::unordered_map<std::string_view, int> makers_;
};

std::string input(const NodeProto& node, int i) { return i < node.input_size() ? node.input(i) : std::string(); }

/// The other one of a node's two inputs.
std::optional<std::string> other_input(const NodeProto& node, const std::string& name) {
  if (node.input_size() != 2 || (node.input(0) == name) == (node.input(1) == name)) return std::nullopt;
  return node.input(node.input(0) == name ? 1 : 0);
}

bool is_cast_to_float(const NodeProto& node) {
  return std::ranges::any_of(node.attribute(), [](const auto& a) { return a.name() == "to" && a.i() == onnx::TensorProto::FLOAT; });
}

std::int64_t count_of(const onnx::TensorProto& t) { return t.dims_size() == 0 ? 1 : t.dims(0); }

/// A scale and zero-point (which may be missing) of weights: one, or for a matrix one for each column.
bool fit(const onnx::TensorProto& scale, const onnx::TensorProto* zero_point, bool matrix) {
  if (scale.data_type() != onnx::TensorProto::FLOAT || scale.dims_size() > 1 || (!matrix && count_of(scale) != 1)) return false;
  return zero_point == nullptr || (zero_point->dims_size() <= 1 && count_of(*zero_point) == count_of(scale));
}

/// The nodes of one product.
struct Match {
  DynamicProduct product;
  int cast, scale, result;
};

/// A reader of `quantize`'s q.
std::optional<Match> match(const Values& values, const NodeProto& quantize, int reader) {
  const bool matrix = values.is(reader, "MatMulInteger");
  if (!matrix && !values.is(reader, "ConvInteger")) return std::nullopt;
  const NodeProto& product = values.node(reader);
  const std::string zero_point = input(product, 3);
  if (input(product, 0) != quantize.output(0) || input(product, 2) != quantize.output(2) || input(product, 1) == quantize.output(0)) return std::nullopt;
  if (values.constant(input(product, 1)) == nullptr || (!zero_point.empty() && values.constant(zero_point) == nullptr)) return std::nullopt;
  const auto cast = values.only_reader(product.output(0), "Cast");
  if (!cast || !is_cast_to_float(values.node(*cast))) return std::nullopt;
  const std::string& sums = values.node(*cast).output(0);
  const auto result = values.only_reader(sums, "Mul");
  const auto scale = result ? other_input(values.node(*result), sums) : std::nullopt;
  const auto scales = scale ? values.maker(*scale, "Mul") : std::nullopt;
  if (!scales || !values.only_reader(*scale, "Mul")) return std::nullopt;
  const auto weight_scale = other_input(values.node(*scales), quantize.output(1));
  const onnx::TensorProto* constant = weight_scale ? values.constant(*weight_scale) : nullptr;
  if (constant == nullptr || !fit(*constant, values.constant(zero_point), matrix)) return std::nullopt;
  return Match{{quantize.input(0), *weight_scale, values.node(*result).output(0)}, *cast, *scales, *result};
}

/// All that reads a DynamicQuantizeLinear's outputs, or nothing.
void add(const Values& values, int index, DynamicQuantization& found) {
  const NodeProto& quantize = values.node(index);
  if (quantize.output_size() != 3 || quantize.input_size() != 1 || values.readers(quantize.output(0)).empty()) return;
  std::map<int, Match> matches;
  std::set<int> scales;
  for (const int reader : values.readers(quantize.output(0))) {
    const auto m = match(values, quantize, reader);
    if (!m || !matches.emplace(reader, *m).second) return;
    scales.insert(m->scale);
  }
  const auto is_product = [&](int reader) { return matches.contains(reader); };
  const auto is_scale = [&](int reader) { return scales.contains(reader); };
  if (!std::ranges::all_of(values.readers(quantize.output(2)), is_product) || !std::ranges::all_of(values.readers(quantize.output(1)), is_scale)) return;
  found.gone.insert(index);
  for (const auto& [product, m] : matches) {
    found.products[product] = m.product;
    found.gone.insert({m.cast, m.scale, m.result});
  }
}

}  // namespace

DynamicQuantization find_dynamic_quantization(const GraphProto& graph) {
  DynamicQuantization found;
  for (const auto& node : graph.node())  // a branch could read anything
    if (std::ranges::any_of(node.attribute(), [](const auto& a) { return a.has_g() || a.graphs_size() > 0; })) return found;
  const Values values(graph);
  for (int i = 0; i < graph.node_size(); ++i)
    if (values.is(i, "DynamicQuantizeLinear")) add(values, i, found);
  return found;
}

std::vector<NodeProto> as_real_product(const NodeProto& node, const DynamicProduct& product,
                                       const std::function<std::string(const std::string& suffix)>& fresh) {
  const bool matrix = node.op_type() == "MatMulInteger";
  std::vector<NodeProto> nodes(2);
  NodeProto& weights = nodes[0];
  weights.set_op_type("DequantizeLinear");
  weights.add_input(node.input(1));
  weights.add_input(product.weight_scale);
  if (!input(node, 3).empty()) weights.add_input(node.input(3));
  weights.add_output(fresh("@w"));
  onnx::AttributeProto* axis = weights.add_attribute();
  axis->set_name("axis");
  axis->set_type(onnx::AttributeProto::INT);
  axis->set_i(matrix ? -1 : 0);
  NodeProto& real = nodes[1];
  real.set_op_type(matrix ? "MatMul" : "Conv");
  real.add_input(product.x);
  real.add_input(weights.output(0));
  real.add_output(product.y);
  *real.mutable_attribute() = node.attribute();
  for (NodeProto& n : nodes) n.set_name(node.name());
  return nodes;
}

}  // namespace octet
