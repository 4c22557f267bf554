// LayerNormalization as exporters spell it out:
//   d = x - mean(x); y = d / sqrt(mean(d d) + epsilon) * scale + bias
// The difference may be there twice; the quotient may be a product with a reciprocal or a power of -1/2.
#include <algorithm>
#include <cmath>
#include <optional>

#include "converter/passes/edit.h"
#include "converter/passes/passes.h"

namespace octet {
namespace {

using schema::Operator;

template <class T>
bool clamps(const Node& node) {
  return std::isfinite(node.as<T>().clamp_min) || std::isfinite(node.as<T>().clamp_max);
}

class Recognize {
 public:
  explicit Recognize(Graph& graph) : graph_(graph), uses_(graph) {}

  void operator()() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) replace(static_cast<int>(n));
  }

 private:
  /// What makes a tensor, if it is this operator.
  [[nodiscard]] const Node* maker(int tensor, Operator op) const {
    const int n = uses_.maker(tensor);
    return n >= 0 && graph_.nodes[at(n)].op() == op ? &graph_.nodes[at(n)] : nullptr;
  }
  [[nodiscard]] const Tensor& tensor(int i) const { return graph_.tensors[at(i)]; }

  /// The number that a node has beside `x`, its other input.
  [[nodiscard]] std::optional<float> number_beside(const Node& node, int& x) const {
    for (const std::size_t i : {0U, 1U}) {
      const Tensor& c = tensor(node.inputs[i]);
      if (!c.constant() || c.type != Type::f32 || element_count(c.shape) != 1) continue;
      x = node.inputs[1 - i];
      return c.data.as<float>()[0];
    }
    return std::nullopt;
  }

  /// x where `mean` is its mean over the last axes, `axes` of them, which stay.
  [[nodiscard]] int mean_of(int mean, int& axes) const {
    const Node* node = maker(mean, Operator::Reduce);
    if (node == nullptr) return kAbsent;
    const auto& op = node->as<schema::ReduceT>();
    const auto rank = static_cast<int>(tensor(node->inputs[0]).shape.size());
    const auto count = static_cast<int>(op.axes.size());
    if (op.reduction != schema::Reduction::Mean || !op.keep_dims || count == 0 || count >= rank) return kAbsent;
    std::vector<int> sorted = op.axes;
    std::ranges::sort(sorted);
    for (int i = 0; i < count; ++i)
      if (sorted[at(i)] != rank - count + i) return kAbsent;
    axes = count;
    return node->inputs[0];
  }

  /// x where `difference` is x - mean(x).
  [[nodiscard]] int centred(int difference, int& axes) const {
    const Node* node = maker(difference, Operator::Sub);
    if (node == nullptr || clamps<schema::SubT>(*node)) return kAbsent;
    return mean_of(node->inputs[1], axes) == node->inputs[0] ? node->inputs[0] : kAbsent;
  }

  /// The tensor whose square this is.
  [[nodiscard]] int square_of(int square) const {
    const Node* node = maker(square, Operator::Mul);
    return node != nullptr && node->inputs[0] == node->inputs[1] && !clamps<schema::MulT>(*node) ? node->inputs[0] : kAbsent;
  }

  /// v where `root` is sqrt(v), or 1 / sqrt(v) if `inverse`.
  [[nodiscard]] int root_of(int root, bool inverse) const {
    const Node* node = maker(root, Operator::Pointwise);
    if (node == nullptr) return kAbsent;
    const auto& op = node->as<schema::PointwiseT>();
    using schema::Function;
    if (op.function == Function::Power && op.a == (inverse ? -0.5F : 0.5F)) return node->inputs[0];
    if (inverse) return op.function == Function::Reciprocal ? root_of(node->inputs[0], false) : kAbsent;
    return op.function == Function::Sqrt ? node->inputs[0] : kAbsent;
  }

  struct Norm {
    int x = kAbsent, axes = 0;
    float epsilon = 0;
  };

  /// Of difference * root or difference / root.
  [[nodiscard]] std::optional<Norm> norm_of(int difference, int root, bool inverse) const {
    Norm norm;
    norm.x = centred(difference, norm.axes);
    const int shifted = norm.x == kAbsent ? kAbsent : root_of(root, inverse);
    const Node* sum = shifted == kAbsent ? nullptr : maker(shifted, Operator::Add);
    if (sum == nullptr || clamps<schema::AddT>(*sum)) return std::nullopt;
    int variance = kAbsent;
    const auto epsilon = number_beside(*sum, variance);
    if (!epsilon || !(*epsilon >= 0) || tensor(shifted).shape != tensor(variance).shape) return std::nullopt;
    int axes = 0;
    const int square = mean_of(variance, axes);
    const int base = square == kAbsent ? kAbsent : square_of(square);
    if (base == kAbsent || axes != norm.axes || centred(base, axes) != norm.x || axes != norm.axes) return std::nullopt;
    norm.epsilon = *epsilon;
    return norm;
  }

  [[nodiscard]] std::optional<Norm> norm_of(const Node& node) const {
    if (node.op() == Operator::Binary && node.as<schema::BinaryT>().function == schema::BinaryFunction::Div)
      return norm_of(node.inputs[0], node.inputs[1], false);
    if (node.op() != Operator::Mul || clamps<schema::MulT>(node)) return std::nullopt;
    if (auto norm = norm_of(node.inputs[0], node.inputs[1], true)) return norm;
    return norm_of(node.inputs[1], node.inputs[0], true);
  }

  /// The constant that node number `n` has beside y, one value for each of the last axes' elements (or one for all); kAbsent otherwise.
  [[nodiscard]] int parameter(int n, int y, Operator op, int axes) const {
    if (n < 0 || graph_.nodes[at(n)].op() != op) return kAbsent;
    const Node& node = graph_.nodes[at(n)];
    const int other = node.inputs[node.inputs[0] == y ? 1 : 0];
    const Tensor& c = tensor(other);
    const Shape& shape = tensor(y).shape;
    if (!c.constant() || c.type != Type::f32 || tensor(node.outputs[0]).shape != shape) return kAbsent;
    if (element_count(c.shape) == 1) return other;
    const std::int64_t row = element_count(Shape(shape.end() - axes, shape.end()));
    const bool same_axes = c.shape.size() >= at(axes) && std::equal(c.shape.end() - axes, c.shape.end(), shape.end() - axes);
    return same_axes && element_count(c.shape) == row ? other : kAbsent;
  }

  /// A scale or bias with as many elements as a row.
  int spread(int constant, const Shape& row) {
    const Tensor& c = tensor(constant);
    if (element_count(c.shape) == element_count(row)) return constant;
    Tensor all{c.name, Type::f32, row, false, {}, Constant::of(std::vector<float>(static_cast<std::size_t>(element_count(row)), c.data.as<float>()[0]))};
    graph_.tensors.push_back(std::move(all));
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  /// What is in between goes with remove_dead(), where nothing else reads it.
  void replace(int last) {
    const auto norm = norm_of(graph_.nodes[at(last)]);
    if (!norm) return;
    Node& node = graph_.nodes[at(last)];
    const int y = node.outputs[0];
    const Shape row(tensor(y).shape.end() - norm->axes, tensor(y).shape.end());
    collect_sources(node, norm->x);
    schema::LayerNormalizationT op;
    op.axes = norm->axes;
    op.epsilon = norm->epsilon;
    node.attributes.Set(std::move(op));
    node.inputs = {norm->x, kAbsent, kAbsent};
    const int scale_node = uses_.sole_reader(y);
    if (const int scale = parameter(scale_node, y, Operator::Mul, norm->axes); scale != kAbsent && !clamps<schema::MulT>(graph_.nodes[at(scale_node)])) {
      node.inputs[1] = spread(scale, row);
      absorb(graph_.nodes[at(last)], graph_.nodes[at(scale_node)]);
    }
    const int scaled = graph_.nodes[at(last)].outputs[0];
    const int bias_node = uses_.sole_reader(scaled);
    if (const int bias = parameter(bias_node, scaled, Operator::Add, norm->axes); bias != kAbsent && !clamps<schema::AddT>(graph_.nodes[at(bias_node)])) {
      graph_.nodes[at(last)].inputs[2] = spread(bias, row);
      absorb(graph_.nodes[at(last)], graph_.nodes[at(bias_node)]);
    }
    trim(graph_.nodes[at(last)].inputs);
  }

  static void trim(std::vector<int>& inputs) {
    while (inputs.back() == kAbsent) inputs.pop_back();
  }

  /// Of everything between x and the node, which is named after the first of it.
  void collect_sources(Node& node, int x) {
    std::vector<int> nodes, sources;
    std::vector<int> open = {uses_.maker(node.inputs[0]), uses_.maker(node.inputs[1])};
    while (!open.empty()) {
      const int n = open.back();
      open.pop_back();
      if (n < 0 || std::ranges::find(nodes, n) != nodes.end()) continue;
      nodes.push_back(n);
      for (const int i : graph_.nodes[at(n)].inputs)
        if (i != x) open.push_back(uses_.maker(i));
    }
    std::ranges::sort(nodes);
    for (const int n : nodes) merge_sources(sources, graph_.nodes[at(n)].sources);
    merge_sources(sources, node.sources);
    node.name = graph_.nodes[at(nodes.front())].name;
    node.sources = std::move(sources);
  }

  Graph& graph_;
  Uses uses_;
};

}  // namespace

Result<void> recognize_layer_norm(Graph& graph) {
  Recognize{graph}();
  erase_removed(graph);
  return remove_dead(graph);
}

}  // namespace octet
