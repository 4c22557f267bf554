// Masks of attention. Exporters write softmax(scores + bias) with a bias of 0 where an element takes part and -10000, or the least
// f32, where it does not, or Where(mask, scores, -inf). In int8 the sum would be lost: its range is that of the large number or, where
// calibration saw no masked element, of none. Here the two values are followed back to where the mask still is a bool or an integer,
// and Softmax gets the mask itself.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "converter/passes/edit.h"
#include "converter/passes/passes.h"
#include "engine/try.h"

namespace octet {
namespace {

using schema::Operator;

/// What is added to a score, or put in its place, at most, to be called a mask.
constexpr float kLeastMask = -1000;
/// Nodes from a bias back to its mask; a bound on recursion.
constexpr int kMostDepth = 48;
/// Masks of masks; each may be two.
constexpr int kMostMasks = 4;

/// A tensor that has one value where `flag`, a bool tensor of its shape, is false, and another where it is true.
struct TwoValued {
  int flag = kAbsent;  ///< kAbsent: it is one number
  float off = 0, on = 0;
};

/// Which elements take part, and what is added to the others.
struct Mask {
  int kept = kAbsent;
  float value = 0;
};

/// Scores and what is done to those that do not take part.
struct Masked {
  int scores = kAbsent;
  Mask mask;
  bool replaces = false;
  std::vector<int> sources;
};

class Recognize {
 public:
  explicit Recognize(Graph& graph) : graph_(graph), uses_(graph) {}

  bool operator()() {
    bool changed = false;
    const std::size_t count = graph_.nodes.size();
    for (std::size_t n = 0; n < count; ++n) {
      Node node = graph_.nodes[n];
      if (node.op() == Operator::Softmax && node.inputs.size() == 1) changed = rewrite(node) || changed;
      made_.push_back(std::move(node));
    }
    graph_.nodes = std::move(made_);
    return changed;
  }

 private:
  [[nodiscard]] const Tensor& tensor(int i) const { return graph_.tensors[at(i)]; }
  [[nodiscard]] const Node* maker(int t) const { return uses_.maker(t) < 0 ? nullptr : &graph_.nodes[at(uses_.maker(t))]; }

  /// A number, whatever its type.
  [[nodiscard]] std::optional<float> number(int t) const {
    const Tensor& c = tensor(t);
    if (!c.constant() || element_count(c.shape) != 1) return std::nullopt;
    switch (c.type) {
      case Type::f32: return c.data.as<float>()[0];
      case Type::s32: return static_cast<float>(c.data.as<std::int32_t>()[0]);
      case Type::s64: return static_cast<float>(c.data.as<std::int64_t>()[0]);
      case Type::boolean: return static_cast<float>(c.data.as<std::uint8_t>()[0]);
      default: return std::nullopt;
    }
  }

  template <class T>
  [[nodiscard]] static bool clamps(const Node& node) {
    return std::isfinite(node.as<T>().clamp_min) || std::isfinite(node.as<T>().clamp_max);
  }

  // ---- New nodes, all of bools. Sources are those of the nodes they stand for.

  template <class T>
  int append(T op, std::vector<int> inputs, Shape shape, bool batched, const std::string& name, std::vector<int> sources) {
    graph_.tensors.push_back({name, Type::boolean, std::move(shape), batched, {}, {}});
    Node node;
    node.name = name;
    node.attributes.Set(std::move(op));
    node.inputs = std::move(inputs);
    node.outputs = {static_cast<int>(graph_.tensors.size()) - 1};
    node.sources = std::move(sources);
    made_.push_back(std::move(node));
    return made_.back().outputs[0];
  }

  int add_constant(Shape shape, std::vector<std::uint8_t> values, const std::string& name) {
    graph_.tensors.push_back({name, Type::boolean, std::move(shape), false, {}, Constant::of(std::move(values))});
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  int compare(schema::Comparison function, int a, int b, const std::string& name) {
    const Tensor& x = tensor(a);
    const Tensor& y = tensor(b);
    // Aligned at the last axis; whether they fit has been seen where both are added to one tensor.
    Shape shape = x.shape.size() >= y.shape.size() ? x.shape : y.shape;
    const Shape& other = x.shape.size() >= y.shape.size() ? y.shape : x.shape;
    for (std::size_t i = 1; i <= other.size(); ++i) shape[shape.size() - i] = std::max(shape[shape.size() - i], other[other.size() - i]);
    const bool batched = (x.batched && x.shape.size() == shape.size()) || (y.batched && y.shape.size() == shape.size());
    schema::CompareT op;
    op.function = function;
    return append(op, {a, b}, std::move(shape), batched, name, {});
  }

  /// Not a.
  int inverted(int a) {
    if (const auto known = inverted_.find(a); known != inverted_.end()) return known->second;
    const Tensor& x = tensor(a);
    if (x.constant()) {
      std::vector<std::uint8_t> values;
      for (const std::uint8_t v : x.data.as<std::uint8_t>()) values.push_back(v == 0);
      return inverted_[a] = add_constant(x.shape, std::move(values), x.name + "@kept");
    }
    const int no = add_constant({}, {0}, x.name + "@false");
    return inverted_[a] = compare(schema::Comparison::Equal, a, no, tensor(a).name + "@kept");
  }

  // ---- Two-valued tensors

  std::optional<TwoValued> two_valued(int t, int depth) {
    if (const auto known = known_.find(t); known != known_.end()) return known->second;
    auto found = depth > kMostDepth ? std::nullopt : find_two_valued(t, depth);
    known_[t] = found;
    return found;
  }

  std::optional<TwoValued> find_two_valued(int t, int depth) {
    if (const auto v = number(t)) return TwoValued{kAbsent, *v, *v};
    if (tensor(t).type == Type::boolean) return of_bool(t, depth);
    if (tensor(t).constant()) return of_constant(t);
    if (const Node* node = maker(t)) {
      if (auto made = of_node(*node, depth)) return made;
    }
    // Integers, and real inputs of the model, are masks if a formula makes masks of 0 and 1.
    const bool integer = tensor(t).type == Type::s64 || tensor(t).type == Type::s32;
    if (!integer && uses_.maker(t) >= 0) return std::nullopt;
    const Tensor x = tensor(t);
    return TwoValued{append(schema::CastT{}, {t}, x.shape, x.batched, x.name + "@bool", {}), 0, 1};
  }

  /// Bools made of two numbers are told by the numbers' flag, which others may share.
  std::optional<TwoValued> of_bool(int t, int depth) {
    const Node* node = maker(t);
    if (node != nullptr && node->op() == Operator::Cast) {
      if (const auto x = two_valued(node->inputs[0], depth + 1); x && x->flag != kAbsent && (x->off != 0) != (x->on != 0))
        return TwoValued{x->flag, x->off != 0 ? 1.0F : 0.0F, x->on != 0 ? 1.0F : 0.0F};
    }
    return TwoValued{t, 0, 1};
  }

  /// All 0 or one other number.
  std::optional<TwoValued> of_constant(int t) {
    const Tensor x = tensor(t);
    if (x.type != Type::f32) return std::nullopt;
    std::vector<std::uint8_t> kept;
    float other = 0;
    for (const float v : x.data.as<float>()) {
      if (v != 0 && other == 0) other = v;
      if (v != 0 && v != other) return std::nullopt;
      kept.push_back(v == 0);
    }
    return TwoValued{add_constant(x.shape, std::move(kept), x.name + "@kept"), other, 0};
  }

  std::optional<TwoValued> of_node(const Node& node, int depth) {
    switch (node.op()) {
      case Operator::Reshape:
      case Operator::Transpose:
      case Operator::Slice:
      case Operator::Expand:
      case Operator::Tile: return moved(node, depth);
      case Operator::Cast: {
        auto x = two_valued(node.inputs[0], depth + 1);
        if (x && tensor(node.outputs[0]).type != Type::f32) x->off = std::trunc(x->off), x->on = std::trunc(x->on);
        return x;
      }
      case Operator::Add: return clamps<schema::AddT>(node) ? std::nullopt : combined(node, depth, [](float a, float b) { return a + b; });
      case Operator::Sub: return clamps<schema::SubT>(node) ? std::nullopt : combined(node, depth, [](float a, float b) { return a - b; });
      case Operator::Mul: return clamps<schema::MulT>(node) ? std::nullopt : combined(node, depth, [](float a, float b) { return a * b; });
      case Operator::Binary: return of_binary(node, depth);
      case Operator::Where: return of_where(node, depth);
      default: return std::nullopt;
    }
  }

  std::optional<TwoValued> of_binary(const Node& node, int depth) {
    using schema::BinaryFunction;
    switch (node.as<schema::BinaryT>().function) {
      case BinaryFunction::Add: return combined(node, depth, [](float a, float b) { return a + b; });
      case BinaryFunction::Sub: return combined(node, depth, [](float a, float b) { return a - b; });
      case BinaryFunction::Mul: return combined(node, depth, [](float a, float b) { return a * b; });
      default: return std::nullopt;
    }
  }

  /// The flag moves as the values did.
  std::optional<TwoValued> moved(const Node& node, int depth) {
    const auto x = two_valued(node.inputs[0], depth + 1);
    if (!x || x->flag == kAbsent) return x;
    const Tensor y = tensor(node.outputs[0]);
    Node copy = node;
    copy.inputs[0] = x->flag;
    graph_.tensors.push_back({y.name + "@bool", Type::boolean, y.shape, y.batched, {}, {}});
    copy.outputs = {static_cast<int>(graph_.tensors.size()) - 1};
    made_.push_back(std::move(copy));
    return TwoValued{made_.back().outputs[0], x->off, x->on};
  }

  /// The shape of a result must be that of its flag.
  [[nodiscard]] std::optional<TwoValued> shaped_like(const Node& node, TwoValued y) const {
    if (y.flag != kAbsent && tensor(y.flag).shape != tensor(node.outputs[0]).shape) return std::nullopt;
    return y;
  }

  template <class F>
  std::optional<TwoValued> combined(const Node& node, int depth, const F& f) {
    const auto a = two_valued(node.inputs[0], depth + 1);
    const auto b = a ? two_valued(node.inputs[1], depth + 1) : std::nullopt;
    if (!b || (a->flag != b->flag && a->flag != kAbsent && b->flag != kAbsent)) return std::nullopt;
    return shaped_like(node, {std::max(a->flag, b->flag), f(a->off, b->off), f(a->on, b->on)});
  }

  std::optional<TwoValued> of_where(const Node& node, int depth) {
    const auto c = two_valued(node.inputs[0], depth + 1);
    const auto a = c ? two_valued(node.inputs[1], depth + 1) : std::nullopt;
    const auto b = a ? two_valued(node.inputs[2], depth + 1) : std::nullopt;
    if (!b) return std::nullopt;
    const int flag = std::max({c->flag, a->flag, b->flag});
    for (const int other : {c->flag, a->flag, b->flag})
      if (other != flag && other != kAbsent) return std::nullopt;
    return shaped_like(node, {flag, c->off != 0 ? a->off : b->off, c->on != 0 ? a->on : b->on});
  }

  // ---- Masks

  /// Of a bias that is 0 where elements take part; of several that are added.
  std::optional<Mask> mask_of(int bias, int depth) {
    const auto x = two_valued(bias, 0);
    if (x && x->flag != kAbsent && x->on == 0 && x->off <= kLeastMask) return Mask{x->flag, x->off};
    if (x && x->flag != kAbsent && x->off == 0 && x->on <= kLeastMask) return Mask{inverted(x->flag), x->on};
    const Node* node = maker(bias);
    if (x || node == nullptr || depth > kMostMasks) return std::nullopt;
    if (node->op() == Operator::Add && !clamps<schema::AddT>(*node)) return both(mask_of(node->inputs[0], depth + 1), node->inputs[1], depth);
    if (node->op() != Operator::Where) return std::nullopt;
    const auto value = number(node->inputs[1]);  // Where(masked, -10000, another mask)
    return value && *value <= kLeastMask ? both(Mask{inverted(node->inputs[0]), *value}, node->inputs[2], depth) : std::nullopt;
  }

  std::optional<Mask> both(std::optional<Mask> a, int other, int depth) {
    if (!a) return std::nullopt;
    const auto b = mask_of(other, depth + 1);
    if (!b) return std::nullopt;
    return Mask{compare(schema::Comparison::And, a->kept, b->kept, tensor(a->kept).name + "@both"), std::max(a->value, b->value)};
  }

  /// What a softmax of `x` is a masked softmax of.
  std::optional<Masked> masked(int x) {
    const Node* node = maker(x);
    if (node == nullptr) return std::nullopt;
    if (node->op() == Operator::Add && !clamps<schema::AddT>(*node)) {
      for (const std::size_t i : {1U, 0U}) {
        if (tensor(node->inputs[1 - i]).shape != tensor(x).shape) continue;
        if (const auto mask = mask_of(node->inputs[i], 0)) return Masked{node->inputs[1 - i], *mask, false, node->sources};
      }
    }
    if (node->op() != Operator::Where) return std::nullopt;
    for (const std::size_t i : {1U, 2U}) {
      const auto value = number(node->inputs[i]);
      const int scores = node->inputs[3 - i];
      if (!value || !(*value <= kLeastMask) || tensor(scores).shape != tensor(x).shape) continue;
      const int condition = node->inputs[0];
      return Masked{scores, {i == 1 ? inverted(condition) : condition, *value}, !std::isinf(*value), node->sources};
    }
    return std::nullopt;
  }

  bool rewrite(Node& softmax) {
    auto& op = softmax.as<schema::SoftmaxT>();
    const int x = softmax.inputs[0];
    const Shape& shape = tensor(x).shape;
    if (op.axis != -1 && op.axis + 1 != static_cast<int>(shape.size())) return false;
    const std::size_t before = made_.size();
    const auto found = masked(x);
    const Shape* mask = found ? &tensor(found->mask.kept).shape : nullptr;
    if (mask == nullptr || mask->empty() || mask->back() != tensor(x).shape.back()) {
      if (made_.size() > before) known_.clear(), inverted_.clear();  // what they say of nodes that go now
      made_.resize(before);
      return false;
    }
    op.mask_value = found->mask.value;
    op.mask_replaces = found->replaces;
    softmax.inputs = {found->scores, found->mask.kept};
    std::vector<int> sources = found->sources;
    merge_sources(sources, softmax.sources);
    softmax.sources = std::move(sources);
    return true;
  }

  Graph& graph_;
  Uses uses_;
  std::vector<Node> made_;  // the graph's nodes, with the new ones where they are first needed
  std::map<int, std::optional<TwoValued>> known_;
  std::map<int, int> inverted_;
};

}  // namespace

Result<bool> recognize_masks(Graph& graph) {
  const bool changed = Recognize{graph}();
  OCTET_CHECK(remove_dead(graph));
  OCTET_CHECK(resolve_shapes(graph));
  return changed;
}

}  // namespace octet
