// Everything that gives the same elements another shape.
#include <algorithm>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> emit(NodeImport& node, int x, const std::vector<std::int64_t>& shape) {
  schema::ReshapeT op;
  for (const std::int64_t size : shape) {
    OCTET_TRY(const int s, to_int(size, "shape"));
    op.shape.push_back(s);
  }
  return node.emit(std::move(op), {x});
}

Result<void> import_reshape(NodeImport& node) {
  OCTET_TRY(const auto shape, node.constant_integers(1, "shape"));
  OCTET_TRY(const std::int64_t allow_zero, node.attributes.integer("allowzero", 0));
  if (allow_zero != 0 && std::ranges::find(shape, 0) != shape.end())
    return unsupported("allowzero with a size of 0 is not supported");
  OCTET_TRY(const int x, node.input(0));
  return emit(node, x, shape);
}

/// The axes before `axis` make one, those from it on another. Only the latter are spelt out, so that the batch stays
/// free.
Result<void> import_flatten(NodeImport& node) {
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", 1));
  OCTET_TRY(const int x, node.input(0));
  const auto rank = static_cast<std::int64_t>(node.rank(x));
  // Unlike other axes, this one may be the rank itself.
  const std::int64_t axis = wanted < 0 ? wanted + rank : wanted;
  if (axis < 0 || axis > rank)
    return invalid("axis " + std::to_string(wanted) + " is out of range for rank " + std::to_string(rank));
  if (axis == 0) return emit(node, x, {1, -1});
  return emit(node, x, {-1, element_count(Shape(node.shape(x).begin() + axis, node.shape(x).end()))});
}

/// Squeeze's and Unsqueeze's axes: an attribute up to opset 12, a constant input since.
Result<std::vector<std::int64_t>> read_axes(NodeImport& node) {
  if (node.opset() < 13) return node.attributes.integers("axes", {});
  if (node.has_input(1)) return node.constant_integers(1, "axes");
  return std::vector<std::int64_t>{};
}

/// As ascending positions among `rank` axes.
Result<std::vector<int>> normalize_axes(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<int> result;
  for (const std::int64_t axis : axes) {
    OCTET_TRY(const int a, normalize_axis(axis, rank));
    result.push_back(a);
  }
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) return invalid("an axis is given twice");
  return result;
}

// In both, the input's leading size is left open where it survives: it may follow the batch.

Result<void> import_squeeze(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  const Shape& shape = node.shape(x);
  OCTET_TRY(const auto given, read_axes(node));
  OCTET_TRY(std::vector<int> axes, normalize_axes(given, shape.size()));
  if (axes.empty())  // all of size 1
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 1) axes.push_back(static_cast<int>(i));
  std::vector<std::int64_t> squeezed;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool dropped = std::ranges::binary_search(axes, static_cast<int>(i));
    if (dropped && shape[i] != 1)
      return invalid("axis " + std::to_string(i) + " has size " + std::to_string(shape[i]) + " and cannot be squeezed");
    if (!dropped) squeezed.push_back(i == 0 ? -1 : shape[i]);
  }
  return emit(node, x, squeezed);
}

Result<void> import_unsqueeze(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  const Shape shape = node.shape(x);
  OCTET_TRY(const auto given, read_axes(node));
  if (given.empty()) return invalid("has no axes");
  const std::size_t rank = shape.size() + given.size();
  OCTET_TRY(const std::vector<int> axes, normalize_axes(given, rank));
  std::vector<std::int64_t> expanded;
  std::size_t next = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    const bool new_axis = std::ranges::binary_search(axes, static_cast<int>(i));
    expanded.push_back(new_axis ? 1 : next == 0 ? -1 : shape[next]);
    if (!new_axis) ++next;
  }
  return emit(node, x, expanded);
}

}  // namespace

void register_reshape(ImporterTable& table) {
  table.add("Reshape", {2, 2, import_reshape});
  table.add("Flatten", {1, 1, import_flatten});
  table.add("Squeeze", {1, 2, import_squeeze});
  table.add("Unsqueeze", {1, 2, import_unsqueeze});
}

}  // namespace octet
