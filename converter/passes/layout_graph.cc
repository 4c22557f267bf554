#include "converter/passes/layout_graph.h"

#include <set>

#include "converter/passes/fold_constants.h"

namespace octet {
namespace {

/// The sizes as a Reshape's: the one that follows the batch stays open.
std::vector<int> reshape_sizes(const Shape& shape, int batch_axis) {
  std::vector<int> sizes(shape.begin(), shape.end());
  if (batch_axis >= 0) sizes[at(batch_axis)] = -1;
  return sizes;
}

/// Transpose(t, p) of a constant.
Result<Tensor> transposed_constant(const Tensor& t, const Permutation& p) {
  Shape shape = permuted(t.shape, p);
  if (!moves_data(t.shape, -1, p)) {
    Tensor made = t;
    made.shape = std::move(shape);
    return made;
  }
  schema::TransposeT op;
  op.perm = p;
  return evaluate(t, attributes(std::move(op)), std::move(shape));
}

}  // namespace

LayoutGraph::LayoutGraph(const Graph& old, std::vector<int> batch_axes)
    : old_(old), old_batch_axis_(std::move(batch_axes)), views_(old.tensors.size()), exact_(old.tensors.size(), kAbsent), budget_(old) {
  for (const int t : old.inputs) {
    const int x = add_tensor(old_tensor(t), old_batch_axis(t), -1);
    new_.inputs.push_back(x);
    set_view(t, {x, identity_permutation(tensor(x).shape.size()), false, {}, {}});
  }
  new_.preprocessing = old.preprocessing;
  new_.source_nodes = old.source_nodes;
  new_.provenance = old.provenance;
}

int LayoutGraph::add_tensor(Tensor tensor, int batch_axis, int origin) {
  tensor.batched = batch_axis == 0;
  new_.tensors.push_back(std::move(tensor));
  batch_axis_.push_back(batch_axis);
  origin_.push_back(origin);
  maker_.push_back(-1);
  return static_cast<int>(new_.tensors.size()) - 1;
}

const View& LayoutGraph::view(int old) {
  View& v = views_[at(old)];
  if (v.base == kAbsent)  // a constant nobody has read yet
    v = {add_tensor(old_tensor(old), -1, -1), identity_permutation(old_tensor(old).shape.size()), false, {}, {}};
  return v;
}

std::string LayoutGraph::node_name(const std::string& tensor, const std::vector<int>& sources) const {
  return sources.empty() ? tensor : new_.source_nodes[at(sources[0])].name;
}

int LayoutGraph::add_output(int old_output, const Permutation& p, Shape shape, int batch_axis) {
  const Tensor& old = old_tensor(old_output);
  Tensor made = old;
  const bool as_it_was = is_identity(p) && shape == old.shape;
  if (!as_it_was) made.name += "@" + to_string(inverse(p));
  made.shape = std::move(shape);
  const int y = add_tensor(std::move(made), batch_axis, as_it_was ? -1 : old_output);
  maker_[at(y)] = static_cast<int>(new_.nodes.size());
  return y;
}

void LayoutGraph::emit(Node node, const Permutation& p) {
  for (int& out : node.outputs) {
    const int old = out;
    const Permutation view = p.empty() ? identity_permutation(old_tensor(old).shape.size()) : p;
    const Permutation q = inverse(view);
    out = add_output(old, view, permuted(old_tensor(old).shape, q), moved_axis(old_batch_axis(old), q));
    set_view(old, {out, view, false, {}, {}});
  }
  new_.nodes.push_back(std::move(node));
}

int LayoutGraph::emit_like(Node node, const Permutation& p, int like) {
  const int out = add_output(node.outputs[0], p, tensor(like).shape, batch_axis(like));
  node.outputs = {out};
  new_.nodes.push_back(std::move(node));
  return out;
}

int LayoutGraph::transpose(int x, const Permutation& p, const std::string& name, int origin,
                           const std::vector<int>& sources) {
  const auto key = std::pair(x, p);
  if (const auto found = transposed_.find(key); found != transposed_.end()) return found->second;
  Tensor made = tensor(x);
  made.name = name;
  made.shape = permuted(made.shape, p);
  const int y = add_tensor(std::move(made), moved_axis(batch_axis(x), p), origin);
  Node node;
  node.name = node_name(name, sources);
  schema::TransposeT op;
  op.perm = p;
  node.attributes.Set(std::move(op));
  node.inputs = {x};
  node.outputs = {y};
  node.sources = sources;
  maker_[at(y)] = static_cast<int>(new_.nodes.size());
  new_.nodes.push_back(std::move(node));
  return transposed_[key] = y;
}

int LayoutGraph::reshape(int x, const Shape& shape, int batch_axis, const std::string& name, int origin,
                         const std::vector<int>& own_sources) {
  std::vector<int> sources;
  if (const int maker = maker_[at(x)]; maker >= 0 && new_.nodes[at(maker)].op() == schema::Operator::Reshape) {
    sources = new_.nodes[at(maker)].sources;
    x = new_.nodes[at(maker)].inputs[0];
  }
  merge_sources(sources, own_sources);
  if (tensor(x).shape == shape) return x;
  const auto key = std::pair(x, shape);
  if (const auto found = reshaped_.find(key); found != reshaped_.end()) return found->second;
  Tensor made = tensor(x);
  made.name = name;
  made.shape = shape;
  schema::ReshapeT op;
  op.shape = reshape_sizes(shape, batch_axis);
  const int y = add_tensor(std::move(made), batch_axis, origin);
  Node node;
  node.name = node_name(name, sources);
  node.attributes.Set(std::move(op));
  node.inputs = {x};
  node.outputs = {y};
  node.sources = std::move(sources);
  maker_[at(y)] = static_cast<int>(new_.nodes.size());
  new_.nodes.push_back(std::move(node));
  return reshaped_[key] = y;
}

int LayoutGraph::exact(int old) {
  const View& v = view(old);
  if (v.exact()) return v.base;
  if (exact_[at(old)] != kAbsent) return exact_[at(old)];
  const Tensor& t = old_tensor(old);
  int x = v.base;
  std::vector<int> sources = v.transpose_sources;
  if (moves(v)) {
    x = transpose(x, v.perm, v.reshaped ? t.name + "@transposed" : t.name, -1, sources);
    sources.clear();
  }
  merge_sources(sources, v.reshape_sources);
  if (tensor(x).shape != t.shape) x = reshape(x, t.shape, old_batch_axis(old), t.name, -1, sources);
  return exact_[at(old)] = x;
}

int LayoutGraph::cost_in_layout(int old, const Permutation& p) {
  if (old_tensor(old).constant()) return 0;
  const View& v = view(old);
  const auto cost = [&](int x, const Permutation& q) {
    return moves_data(tensor(x).shape, batch_axis(x), q) && !transposed_.contains({x, q}) ? 1 : 0;
  };
  if (!v.reshaped) return cost(v.base, compose(v.perm, inverse(p)));
  const int apart = moves_data(old_tensor(old).shape, old_batch_axis(old), inverse(p)) ? 1 : 0;
  return apart + (exact_[at(old)] == kAbsent ? cost(v.base, v.perm) : 0);
}

Result<int> LayoutGraph::in_layout(int old, const Permutation& p, bool trim) {
  if (old_tensor(old).constant()) return constant_in_layout(old, p, trim);
  const View& v = view(old);
  const int x = v.reshaped ? exact(old) : v.base;
  const Permutation q = v.reshaped ? inverse(p) : compose(v.perm, inverse(p));
  if (is_identity(q)) return x;
  const bool as_it_was = is_identity(p);
  const std::string name = old_tensor(old).name + (as_it_was ? "" : "@" + to_string(inverse(p)));
  const Tensor& t = tensor(x);
  if (moves_data(t.shape, batch_axis(x), q)) return transpose(x, q, name, old, v.transpose_sources);
  return reshape(x, permuted(t.shape, q), moved_axis(batch_axis(x), q), name, old, v.transpose_sources);
}

Result<int> LayoutGraph::constant_in_layout(int old, const Permutation& p, bool trim) {
  Tensor t = old_tensor(old);
  t.shape.insert(t.shape.begin(), p.size() - t.shape.size(), 1);
  const auto key = std::tuple(old, t.shape, p);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  const Permutation q = inverse(p);
  if (moves_data(t.shape, -1, q) && !budget_.take(t.data.bytes().size())) {
    const std::string name = t.name + "@" + to_string(q);
    return transpose(add_tensor(std::move(t), -1, -1), q, name, -1, {});
  }
  OCTET_TRY(Tensor made, transposed_constant(t, q));
  if (trim)
    made.shape.erase(made.shape.begin(), std::ranges::find_if(made.shape, [](std::int64_t size) { return size != 1; }));
  return constants_[key] = add_tensor(std::move(made), -1, -1);
}

Result<int> LayoutGraph::with_permuted_columns(int old_weights, const Shape& axes, const Permutation& order) {
  const auto key = std::tuple(old_weights, axes, order);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  Tensor t = old_tensor(old_weights);
  const Shape shape = t.shape;
  if (!budget_.take(t.data.bytes().size())) return kAbsent;
  // [O, axes in their order] -> [O, axes]: the inverse of `order`, behind the axis of the outputs.
  t.shape = {shape[0]};
  for (const std::int64_t size : permuted(axes, order)) t.shape.push_back(size);
  Permutation q = {0};
  for (const int axis : inverse(order)) q.push_back(axis + 1);
  OCTET_TRY(Tensor made, transposed_constant(t, q));
  made.shape = shape;
  return constants_[key] = add_tensor(std::move(made), -1, -1);
}

/// Every output has its own node and its own name.
void LayoutGraph::bind_outputs() {
  std::set<int> taken(new_.inputs.begin(), new_.inputs.end());
  for (const int old : old_.outputs) {
    int y = exact(old);
    if (tensor(y).constant() || !taken.insert(y).second) {
      std::vector<int> sources = view(old).transpose_sources;
      merge_sources(sources, view(old).reshape_sources);
      Tensor made = tensor(y);
      made.name = old_tensor(old).name;
      made.data = {};
      Node copy;
      copy.name = node_name(made.name, sources);
      schema::ReshapeT op;
      op.shape.assign(made.shape.size(), 0);
      copy.attributes.Set(std::move(op));
      copy.inputs = {y};
      copy.sources = sources;
      y = add_tensor(std::move(made), old_batch_axis(old), -1);
      copy.outputs = {y};
      new_.nodes.push_back(std::move(copy));
      taken.insert(y);
    }
    new_.tensors[at(y)].name = old_tensor(old).name;
    origin_[at(y)] = -1;
    new_.outputs.push_back(y);
  }
}

/// A tensor in another layout has the old tensor's name where that one is gone: the best fitting layout first.
void LayoutGraph::name_tensors() {
  const Live live = find_live(new_);
  std::set<std::string> names;
  for (std::size_t i = 0; i < new_.tensors.size(); ++i)
    if (live.tensors[i] && origin_[i] < 0) names.insert(new_.tensors[i].name);
  for (const bool same_shape : {true, false}) {
    for (std::size_t i = 0; i < new_.tensors.size(); ++i) {
      if (!live.tensors[i] || origin_[i] < 0) continue;
      const Tensor& old = old_tensor(origin_[i]);
      if (same_shape != (new_.tensors[i].shape == old.shape) || !names.insert(old.name).second) continue;
      new_.tensors[i].name = old.name;
      origin_[i] = -1;
    }
  }
}

Result<Graph> LayoutGraph::finish() {
  bind_outputs();
  name_tensors();
  OCTET_CHECK(resolve_shapes(new_));
  return std::move(new_);
}

}  // namespace octet
