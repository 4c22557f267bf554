// The importer leaves each convolution and pool between two Transposes. Here they go: nodes are copied in order, and a
// Transpose is only noted down, as a View of the tensor it reads. Nodes that work in any layout take their inputs
// through the views and pass them on (the axes they name are renamed, constants are permuted); a node that insists on
// its layout gets what the view stands for, which is nothing if inverse Transposes met. A Transpose that moves no data
// becomes a Reshape, equal ones are made once, and a flattened image that reaches a FullyConnected has its weights'
// columns permuted instead.
#include <algorithm>
#include <limits>

#include "converter/passes/layout_graph.h"
#include "converter/passes/passes.h"

namespace octet {
namespace {

class ChannelsLast {
 public:
  ChannelsLast(const Graph& graph, std::vector<int> batch_axes) : old_(graph), new_(graph, std::move(batch_axes)) {}

  Result<Graph> operator()() {
    for (const Node& node : old_.nodes) OCTET_CHECK(visit(node));
    return new_.finish();
  }

 private:
  Result<void> visit(const Node& node) {
    switch (node.op()) {
      case schema::Operator::Transpose:
        return transpose(node);
      case schema::Operator::Reshape:
        return reshape(node);
      case schema::Operator::Pointwise:
      case schema::Operator::Cast:
      case schema::Operator::Quantize:
      case schema::Operator::Dequantize:
        return pointwise(node);
      case schema::Operator::Lookup:
        return node.as<schema::LookupT>().axis == -1 ? pointwise(node) : insist(node);
      case schema::Operator::Add:
      case schema::Operator::Sub:
      case schema::Operator::Mul:
      case schema::Operator::Binary:
      case schema::Operator::Compare:
      case schema::Operator::Where:
        return broadcast(node);
      case schema::Operator::Concat:
        return concat(node);
      case schema::Operator::Softmax:
        return softmax(node);
      case schema::Operator::LogSoftmax:
        return along_axis<schema::LogSoftmaxT>(node);
      case schema::Operator::TopK:
        return along_axis<schema::TopKT>(node);
      case schema::Operator::Reduce:
        return reduce(node);
      case schema::Operator::MatMul:
        return mat_mul(node);
      case schema::Operator::Slice:
        return per_axis<schema::SliceT>(node, &schema::SliceT::starts, &schema::SliceT::steps, &schema::SliceT::sizes);
      case schema::Operator::Tile:
        return per_axis<schema::TileT>(node, &schema::TileT::repeats);
      case schema::Operator::Pad:
        return per_axis<schema::PadT>(node, &schema::PadT::begins, &schema::PadT::ends);
      case schema::Operator::FullyConnected:
        return fully_connected(node);
      default:
        return insist(node);
    }
  }

  [[nodiscard]] const Shape& old_shape(int t) const { return new_.old_tensor(t).shape; }

  /// Emits the node with new inputs; its outputs are known through `p`.
  void emit(Node node, std::vector<int> inputs, const Permutation& p) {
    node.inputs = std::move(inputs);
    new_.emit(std::move(node), p);
  }

  /// A node that works in its own layout only.
  Result<void> insist(Node node) {
    for (int& t : node.inputs) t = t == kAbsent ? kAbsent : new_.exact(t);
    new_.emit(std::move(node), {});
    return {};
  }

  /// Whether this is the importer's Transpose behind a channels-last operator: what it reads is, under a name of the
  /// importer's, the ONNX value it writes.
  bool completes_helper(const Node& node) {
    const std::string& from = new_.old_tensor(node.inputs[0]).name;
    const std::string& to = new_.old_tensor(node.outputs[0]).name;
    return node.sources.empty() && new_.view(node.inputs[0]).exact() && from.starts_with(to + "@");
  }

  Result<void> transpose(const Node& node) {
    const Permutation& p = node.as<schema::TransposeT>().perm;
    View v = new_.view(node.inputs[0]);
    if (v.reshaped) v = {new_.exact(node.inputs[0]), identity_permutation(p.size()), false, {}, {}};
    v.perm = compose(v.perm, p);
    merge_sources(v.transpose_sources, node.sources);
    if (completes_helper(node)) new_.set_origin(v.base, node.outputs[0]);
    new_.set_view(node.outputs[0], std::move(v));
    return {};
  }

  Result<void> reshape(const Node& node) {
    const int out = node.outputs[0];
    View v = new_.view(node.inputs[0]);
    merge_sources(v.reshape_sources, node.sources);
    if (new_.moves(v) && !v.reshaped && resizes_ones(node)) return move_ones(node, std::move(v));
    if (new_.moves(v)) {
      v.reshaped = old_shape(out) != permuted(new_.tensor(v.base).shape, v.perm);
      new_.set_view(out, std::move(v));
      return {};
    }
    merge_sources(v.transpose_sources, v.reshape_sources);
    View made{new_.reshape(v.base, old_shape(out), new_.old_batch_axis(out), new_.old_tensor(out).name, -1, v.transpose_sources),
              identity_permutation(old_shape(out).size()),
              false,
              {},
              {}};
    if (made.base == v.base) made.reshape_sources = v.transpose_sources;  // there was nothing to do
    new_.set_view(out, std::move(made));
    return {};
  }

  /// The shape without axes of size 1; the one that follows the batch counts as 0.
  [[nodiscard]] Shape without_ones(int t) const {
    Shape shape = old_shape(t);
    if (const int axis = new_.old_batch_axis(t); axis >= 0) shape[at(axis)] = 0;
    std::erase(shape, 1);
    return shape;
  }

  /// Whether a Reshape only drops or adds axes of size 1: it may be done before the Transpose of a view as well.
  [[nodiscard]] bool resizes_ones(const Node& node) const { return without_ones(node.inputs[0]) == without_ones(node.outputs[0]); }

  /// Reshapes the base of the view: its axes of size 1 go, those of the output come last.
  Result<void> move_ones(const Node& node, View v) {
    const int in = node.inputs[0];
    const int out = node.outputs[0];
    const auto stays = [&](int t, std::size_t axis) { return old_shape(t)[axis] != 1 || static_cast<int>(axis) == new_.old_batch_axis(t); };
    std::vector<int> rank_of(v.perm.size(), -1);  // of the base's axes, where they end up
    Shape shape;
    const Permutation to_old = inverse(v.perm);
    for (std::size_t i = 0; i < v.perm.size(); ++i) {
      if (!stays(in, at(to_old[i]))) continue;
      rank_of[i] = static_cast<int>(shape.size());
      shape.push_back(new_.tensor(v.base).shape[i]);
    }
    std::vector<int> kept;  // in the order of the old axes, which is that of the output's
    for (const int axis : v.perm)
      if (rank_of[at(axis)] >= 0) kept.push_back(rank_of[at(axis)]);
    Permutation perm;
    std::size_t next = 0;
    for (std::size_t i = 0; i < old_shape(out).size(); ++i) {
      if (stays(out, i)) {
        perm.push_back(kept[next++]);
      } else {
        perm.push_back(static_cast<int>(shape.size()));
        shape.push_back(1);
      }
    }
    const int batch = new_.batch_axis(v.base);
    const int base = new_.reshape(v.base, shape, batch < 0 ? -1 : rank_of[at(batch)],
                                  new_.old_tensor(out).name + "@" + to_string(inverse(perm)), out, node.sources);
    new_.set_view(out, {base, std::move(perm), false, std::move(v.transpose_sources), {}});
    return {};
  }

  Result<void> pointwise(const Node& node) {
    View v = new_.view(node.inputs[0]);
    if (v.exact()) return insist(node);
    Node copy = node;
    copy.inputs = {v.base};
    v.base = new_.emit_like(std::move(copy), v.perm, v.base);
    new_.set_view(node.outputs[0], std::move(v));
    return {};
  }

  /// The layout in which the fewest Transposes are needed for the inputs, another one rather than the old: as the p of
  /// old = Transpose(new, p). Inputs that are not constant must have the output's rank.
  Permutation choose_layout(const Node& node) {
    const Tensor& out = new_.old_tensor(node.outputs[0]);
    const Permutation as_it_was = identity_permutation(out.shape.size());
    std::vector<Permutation> candidates;
    for (const int t : node.inputs) {
      if (new_.old_tensor(t).constant()) continue;
      if (old_shape(t).size() != out.shape.size()) return as_it_was;
      const View& v = new_.view(t);
      const int batch_axis = new_.old_batch_axis(node.outputs[0]);
      const bool keeps_batch = batch_axis < 0 || v.perm[at(batch_axis)] == 0;
      if (!v.reshaped && !is_identity(v.perm) && keeps_batch && candidates.size() < kMaxCandidates)
        candidates.push_back(v.perm);
    }
    candidates.push_back(as_it_was);
    int least = std::numeric_limits<int>::max();
    Permutation best;
    for (const Permutation& p : candidates) {
      int cost = 0;
      for (const int t : node.inputs) cost += new_.cost_in_layout(t, p);
      if (cost >= least) continue;
      least = cost;
      best = p;
    }
    return best;
  }

  Result<std::vector<int>> inputs_in_layout(const Node& node, const Permutation& p, bool trim) {
    std::vector<int> inputs;
    for (const int t : node.inputs) {
      OCTET_TRY(const int x, new_.in_layout(t, p, trim));
      inputs.push_back(x);
    }
    return inputs;
  }

  Result<void> broadcast(const Node& node) {
    const Permutation p = choose_layout(node);
    if (is_identity(p)) return insist(node);
    OCTET_TRY(std::vector<int> inputs, inputs_in_layout(node, p, true));
    emit(node, std::move(inputs), p);
    return {};
  }

  Result<void> concat(const Node& node) {
    const Permutation p = choose_layout(node);
    if (is_identity(p)) return insist(node);
    OCTET_TRY(std::vector<int> inputs, inputs_in_layout(node, p, false));
    Node copy = node;
    auto& op = copy.as<schema::ConcatT>();
    op.axis = p[at(op.axis)];
    emit(std::move(copy), std::move(inputs), p);
    return {};
  }

  Result<void> softmax(const Node& node) {
    const View& v = new_.view(node.inputs[0]);
    if (v.reshaped || v.exact()) return insist(node);
    Node copy = node;
    auto& op = copy.as<schema::SoftmaxT>();
    op.axis = op.axis == -1 ? v.perm.back() : v.perm[at(op.axis)];
    emit(std::move(copy), {v.base}, v.perm);
    return {};
  }

  /// An operator with one `axis`, whose output has the input's rank.
  template <class T>
  Result<void> along_axis(const Node& node) {
    const View& v = new_.view(node.inputs[0]);
    if (v.reshaped || v.exact()) return insist(node);
    Node copy = node;
    copy.as<T>().axis = v.perm[at(copy.as<T>().axis)];
    const Permutation p = v.perm;
    emit(std::move(copy), {v.base}, p);
    return {};
  }

  /// Axes that go leave the others in the order the base has them.
  Result<void> reduce(const Node& node) {
    const View& v = new_.view(node.inputs[0]);
    if (v.reshaped || v.exact()) return insist(node);
    Node copy = node;
    auto& op = copy.as<schema::ReduceT>();
    const Permutation p = v.perm;
    std::vector<bool> goes(p.size());
    for (int& axis : op.axes) {
      axis = p[at(axis)];
      goes[at(axis)] = !op.keep_dims;
    }
    std::vector<int> rank_of;  // of the base's axes that stay
    int next = 0;
    for (const bool g : goes) rank_of.push_back(g ? -1 : next++);
    Permutation kept;
    for (const int axis : p)
      if (!goes[at(axis)]) kept.push_back(rank_of[at(axis)]);
    emit(std::move(copy), {v.base}, kept);
    return {};
  }

  /// Where b's last two axes are swapped anyway, the product reads it the other way round instead.
  Result<void> mat_mul(const Node& node) {
    const View& v = new_.view(node.inputs[1]);
    const std::size_t rank = v.perm.size();
    Node copy = node;
    auto& op = copy.as<schema::MatMulT>();
    if (v.reshaped || v.exact() || v.perm[rank - 2] != static_cast<int>(rank) - 1 || op.transpose_b) return insist(node);
    Permutation swap = identity_permutation(rank);
    std::swap(swap[rank - 2], swap[rank - 1]);
    OCTET_TRY(const int b, new_.in_layout(node.inputs[1], swap, false));
    op.transpose_b = true;
    emit(std::move(copy), {new_.exact(node.inputs[0]), b}, identity_permutation(old_shape(node.outputs[0]).size()));
    return {};
  }

  /// An operator with lists of one entry for each axis.
  template <class T, class... Lists>
  Result<void> per_axis(const Node& node, Lists... lists) {
    const View& v = new_.view(node.inputs[0]);
    if (v.reshaped || v.exact()) return insist(node);
    Node copy = node;
    const Permutation p = v.perm;
    const auto rename = [&](std::vector<int>& list) {
      const std::vector<int> old = list;
      for (std::size_t i = 0; i < old.size(); ++i) list[at(p[i])] = old[i];
    };
    (rename(copy.as<T>().*lists), ...);
    emit(std::move(copy), {v.base}, p);
    return {};
  }

  Result<void> fully_connected(const Node& node) {
    const View& v = new_.view(node.inputs[0]);
    if (v.exact()) return insist(node);
    if (v.reshaped) return fully_connected_of_flattened(node);
    if (at(v.perm.back()) != v.perm.size() - 1) return insist(node);
    std::vector<int> inputs = {v.base};
    for (std::size_t i = 1; i < node.inputs.size(); ++i)
      inputs.push_back(node.inputs[i] == kAbsent ? kAbsent : new_.exact(node.inputs[i]));
    emit(node, std::move(inputs), v.perm);
    return {};
  }

  /// How many of the last axes of `shape` make `depth` elements, while `perm` leaves those before them alone; 0 if
  /// none.
  static std::size_t flattened_axes(const Shape& shape, const Permutation& perm, std::int64_t depth) {
    std::int64_t count = 1;
    for (std::size_t m = 1; m <= shape.size(); ++m) {
      const std::size_t first = shape.size() - m;
      count *= shape[first];
      bool apart = count == depth;
      for (std::size_t i = 0; i < first; ++i) apart = apart && at(perm[i]) == i;
      if (apart) return m;
    }
    return 0;
  }

  /// Flatten of a transposed image: the untransposed one, with the columns of the weights in its order.
  Result<void> fully_connected_of_flattened(const Node& node) {
    const View v = new_.view(node.inputs[0]);
    const Tensor& x = new_.old_tensor(node.inputs[0]);
    const Shape base = new_.tensor(v.base).shape;
    const std::size_t m = flattened_axes(permuted(base, v.perm), v.perm, x.shape.back());
    if (m == 0 || (x.batched && m == base.size()) || m + 1 > kMaxRank) return insist(node);
    const auto first = static_cast<std::ptrdiff_t>(base.size() - m);
    Permutation order(v.perm.begin() + first, v.perm.end());
    for (int& axis : order) axis -= static_cast<int>(first);
    OCTET_TRY(const int weights,
              new_.with_permuted_columns(node.inputs[1], Shape(base.begin() + first, base.end()), order));
    if (weights == kAbsent) return insist(node);
    std::vector<int> inputs = {new_.reshape(v.base, x.shape, new_.old_batch_axis(node.inputs[0]), x.name + "@flat", node.inputs[0],
                                            v.reshape_sources),
                               weights};
    for (std::size_t i = 2; i < node.inputs.size(); ++i)
      inputs.push_back(node.inputs[i] == kAbsent ? kAbsent : new_.exact(node.inputs[i]));
    Node copy = node;
    merge_sources(copy.sources, v.transpose_sources);
    emit(std::move(copy), std::move(inputs), identity_permutation(old_shape(node.outputs[0]).size()));
    return {};
  }

  // Layouts tried for one node: they all come from its inputs, of which there may be many.
  static constexpr std::size_t kMaxCandidates = 4;

  const Graph& old_;
  LayoutGraph new_;
};

/// For each tensor, the axis that follows the batch, or -1.
Result<std::vector<int>> find_batch_axes(const Graph& graph) {
  OCTET_TRY(const std::vector<Shape> one, infer_shapes(graph, 1));
  OCTET_TRY(const std::vector<Shape> two, infer_shapes(graph, 2));
  std::vector<int> axes;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const auto differ = std::ranges::mismatch(one[i], two[i]).in1;
    axes.push_back(differ == one[i].end() ? -1 : static_cast<int>(differ - one[i].begin()));
  }
  return axes;
}

}  // namespace

Result<void> channels_last(Graph& graph) {
  OCTET_TRY(auto batch_axes, find_batch_axes(graph));
  OCTET_TRY(Graph result, ChannelsLast(graph, std::move(batch_axes))());
  graph = std::move(result);
  return {};
}

}  // namespace octet
