// ScatterND, and ScatterElements (once Scatter): the same along one axis, the others walked through together.
#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

/// How elements of x and updates become one.
Result<schema::Combination> read_combination(NodeImport& node, int x) {
  OCTET_TRY(const std::size_t choice, node.attributes.choice("reduction", {"none", "add", "mul", "min", "max"}));
  const auto combination = static_cast<schema::Combination>(choice);
  if (combination != schema::Combination::Replace) OCTET_CHECK(check_supported_type(node, x, {Type::f32, Type::s32, Type::s64}));
  return combination;
}

struct Operands {
  int x, indices, updates;
};

Result<Operands> read_operands(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const int indices, node.input(1));
  OCTET_TRY(const int updates, node.input(2));
  return Operands{x, indices, updates};
}

Result<void> import_scatter_nd(NodeImport& node) {
  OCTET_TRY(const Operands of, read_operands(node));
  schema::ScatterNDT op;
  OCTET_TRY(op.combination, read_combination(node, of.x));
  return node.emit(std::move(op), {of.x, of.indices, of.updates});
}

class ScatterElements {
 public:
  ScatterElements(NodeImport& node, Compose& make, std::size_t axis, schema::Combination combination, int indices, int updates)
      : node_(node), make_(make), axis_(axis), combination_(combination), indices_(indices), updates_(updates) {}

  /// x scattered to, its axes from i on cut to what indices cover; the rest is appended as it was.
  Result<int> from_axis(int x, std::size_t i) {
    if (i == node_.rank(x)) return covered(x);
    const std::int64_t size = node_.shape(indices_)[i];
    const std::int64_t all = node_.shape(x)[i];
    if (i == axis_ || size == all) return from_axis(x, i + 1);
    if (size > all) return invalid("its indices of shape " + to_string(node_.shape(indices_)) + " do not fit " + to_string(node_.shape(x)));
    OCTET_TRY(const int head, make_.slice(x, i, 0, size));
    OCTET_TRY(const int tail, make_.slice(x, i, size, all - size));
    OCTET_TRY(const int scattered, from_axis(head, i + 1));
    return make_.concat({scattered, tail}, i);
  }

 private:
  Result<int> covered(int x) {
    OCTET_TRY(const int lines, make_.axis_last(x, axis_));
    OCTET_TRY(int places, make_.axis_last(indices_, axis_));
    OCTET_TRY(const int updates, make_.axis_last(updates_, axis_));
    Shape tuples = make_.open(places);
    tuples.push_back(1);
    OCTET_TRY(places, make_.reshape(places, tuples));
    schema::ScatterNDT op;
    op.batch_axes = static_cast<int>(node_.rank(x)) - 1;
    op.combination = combination_;
    OCTET_TRY(const int y, make_.op(std::move(op), {lines, places, updates}));
    return make_.axis_back(y, axis_);
  }

  NodeImport& node_;
  Compose& make_;
  std::size_t axis_;
  schema::Combination combination_;
  int indices_, updates_;
};

Result<void> import_scatter_elements(NodeImport& node) {
  OCTET_TRY(const Operands of, read_operands(node));
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", 0));
  OCTET_TRY(const int axis, normalize_axis(wanted, node.rank(of.x)));
  OCTET_TRY(const schema::Combination combination, read_combination(node, of.x));
  if (node.rank(of.indices) != node.rank(of.x))
    return invalid("its indices have rank " + std::to_string(node.rank(of.indices)) + ", not " + std::to_string(node.rank(of.x)));
  Compose make(node);
  OCTET_TRY(const int y, ScatterElements(node, make, static_cast<std::size_t>(axis), combination, of.indices, of.updates).from_axis(of.x, 0));
  return make.finish(y);
}

}  // namespace

void register_scatter_nd(ImporterTable& table) {
  table.add("ScatterND", {3, 3, import_scatter_nd});
  table.add("ScatterElements", {3, 3, import_scatter_elements});
  table.add("Scatter", {3, 3, import_scatter_elements});
}

}  // namespace octet
