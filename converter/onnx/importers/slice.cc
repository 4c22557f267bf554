// Slice, and Split, which is a Slice for each of its outputs.
#include <algorithm>
#include <limits>
#include <numeric>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

schema::SliceT whole(std::size_t rank) {
  schema::SliceT op;
  op.starts.assign(rank, 0);
  op.steps.assign(rank, 1);
  op.sizes.assign(rank, 0);
  return op;
}

struct Bounds {
  std::vector<std::int64_t> starts, ends, axes, steps;
};

/// Attributes up to opset 9, inputs since.
Result<Bounds> read_bounds(NodeImport& node) {
  Bounds b;
  if (node.opset() < 10) {
    OCTET_TRY(b.starts, node.attributes.integers("starts", {}));
    OCTET_TRY(b.ends, node.attributes.integers("ends", {}));
    OCTET_TRY(b.axes, node.attributes.integers("axes", {}));
  } else {
    OCTET_TRY(b.starts, node.constant_integers(1, "starts"));
    OCTET_TRY(b.ends, node.constant_integers(2, "ends"));
    if (node.has_input(3)) {
      OCTET_TRY(b.axes, node.constant_integers(3, "axes"));
    }
    if (node.has_input(4)) {
      OCTET_TRY(b.steps, node.constant_integers(4, "steps"));
    }
  }
  const std::size_t count = b.starts.size();
  if (b.axes.empty() && count > 0) {
    b.axes.resize(count);
    std::iota(b.axes.begin(), b.axes.end(), std::int64_t{0});
  }
  if (b.steps.empty()) b.steps.assign(count, 1);
  if (b.ends.size() != count || b.axes.size() != count || b.steps.size() != count)
    return invalid("must have as many starts, ends, axes and steps");
  return b;
}

enum class Taken { something, nothing };

/// One axis of `size` elements, as ONNX clamps it. An axis that is taken whole, whatever its size, stays open.
Result<Taken> set_axis(schema::SliceT& op, std::size_t axis, std::int64_t size, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (step == 0) return invalid("a step is 0");
  if (size == 0) return Taken::nothing;
  const auto from_front = [&](std::int64_t v) { return v < 0 ? std::max(v, std::numeric_limits<std::int64_t>::min() + size) + size : v; };
  const bool forward = step > 0;
  const std::int64_t first = std::clamp<std::int64_t>(from_front(start), 0, forward ? size : size - 1);
  const std::int64_t stop = std::clamp<std::int64_t>(from_front(end), forward ? 0 : -1, size);
  if (step == 1 && first == 0 && end >= std::numeric_limits<std::int32_t>::max()) return Taken::something;
  const std::int64_t reach = forward ? stop - first : first - stop;
  const std::int64_t stride = std::min(forward ? step : -std::max(step, -std::numeric_limits<std::int64_t>::max()), std::max<std::int64_t>(reach, 1));
  const std::int64_t count = reach <= 0 ? 0 : (reach - 1) / stride + 1;
  if (count == 0) return Taken::nothing;
  OCTET_TRY(op.starts[axis], to_int(first, "start"));
  OCTET_TRY(op.steps[axis], to_int(count == 1 ? 1 : forward ? stride : -stride, "step"));
  OCTET_TRY(op.sizes[axis], to_int(count, "size"));
  return Taken::something;
}

/// Output i with no elements along `axis`; its other sizes are those that `op` takes.
Result<void> take_nothing(NodeImport& node, std::size_t i, int x, const schema::SliceT& op, std::size_t axis) {
  auto shapes = node.shapes(x);
  for (Shape& shape : shapes) {
    for (std::size_t k = 0; k < shape.size(); ++k)
      if (op.sizes[k] != 0) shape[k] = op.sizes[k];
    shape[axis] = 0;
  }
  return node.emit_nothing(i, x, shapes);
}

Result<void> import_slice(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const Bounds b, read_bounds(node));
  schema::SliceT op = whole(node.rank(x));
  std::vector<bool> seen(node.rank(x));
  std::optional<std::size_t> nothing;  // an axis of which no element is taken
  for (std::size_t i = 0; i < b.starts.size(); ++i) {
    OCTET_TRY(const int axis, normalize_axis(b.axes[i], node.rank(x)));
    const auto k = static_cast<std::size_t>(axis);
    if (seen[k]) return invalid("axis " + std::to_string(axis) + " is given twice");
    seen[k] = true;
    OCTET_TRY(const Taken taken, set_axis(op, k, node.shape(x)[k], b.starts[i], b.ends[i], b.steps[i]));
    if (taken == Taken::something) continue;
    nothing = k;
    schema::SliceT larger = op;
    OCTET_TRY(const Taken of_more, set_axis(larger, k, node.shapes(x)[1][k], b.starts[i], b.ends[i], b.steps[i]));
    if (of_more == Taken::something) return node.follows_batch("takes no element of a batch of 1, but some of a larger one");
  }
  if (nothing) return take_nothing(node, 0, x, op, *nothing);
  return node.emit(std::move(op), {x});
}

/// The sizes of the parts: given (an attribute up to opset 12, an input since), or equal but for a smaller last one.
Result<std::vector<std::int64_t>> read_parts(NodeImport& node, std::int64_t size) {
  OCTET_TRY(std::vector<std::int64_t> parts, node.attributes.integers("split", {}));
  if (node.opset() >= 13 && !parts.empty()) return invalid("its split is an input since opset 13");
  if (node.has_input(1)) {
    OCTET_TRY(parts, node.constant_integers(1, "split"));
  }
  const auto outputs = static_cast<std::int64_t>(node.output_places());
  OCTET_TRY(const std::int64_t count, node.attributes.integer("num_outputs", outputs));
  if (count != outputs) return invalid("its num_outputs is " + std::to_string(count) + ", but it has " + std::to_string(outputs));
  if (!parts.empty()) return parts;
  const std::int64_t part = size == 0 ? 0 : (size - 1) / count + 1;
  if (node.opset() < 18 && size % count != 0) return invalid(std::to_string(size) + " elements do not split into " + std::to_string(count) + " equal parts");
  for (std::int64_t i = 0; i < count; ++i) parts.push_back(std::min(part, size - i * part));
  return parts;
}

Result<void> import_split(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", 0));
  OCTET_TRY(const int axis, normalize_axis(wanted, node.rank(x)));
  const auto k = static_cast<std::size_t>(axis);
  const std::int64_t size = node.shape(x)[k];
  OCTET_TRY(const auto parts, read_parts(node, size));
  if (parts.size() != node.output_places())
    return invalid("has " + std::to_string(node.output_places()) + " outputs for " + std::to_string(parts.size()) + " parts");
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] < 0 || parts[i] > size - begin) return invalid("its parts do not make up the " + std::to_string(size) + " elements of its axis");
    if (node.has_output(i) && parts[i] == 0) {
      OCTET_CHECK(take_nothing(node, i, x, whole(node.rank(x)), k));
    } else if (node.has_output(i)) {
      schema::SliceT op = whole(node.rank(x));
      OCTET_TRY(op.starts[k], to_int(begin, "start"));
      OCTET_TRY(op.sizes[k], to_int(parts[i], "size"));
      OCTET_CHECK(node.emit_output(i, std::move(op), {x}));
    }
    begin += parts[i];
  }
  if (begin != size) return invalid("its parts do not make up the " + std::to_string(size) + " elements of its axis");
  return {};
}

}  // namespace

void register_slice(ImporterTable& table) {
  table.add("Slice", {1, 5, import_slice, true});
  table.add("Split", {1, 2, import_split, true});
}

}  // namespace octet
