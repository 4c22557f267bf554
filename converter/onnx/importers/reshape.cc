// Everything that gives the same elements another shape.
#include <algorithm>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<void> emit(NodeImport& node, int x, const std::vector<std::int64_t>& shape) {
  if (is_empty(node.shape(x))) return node.emit_nothing(0, x, {shape, shape});
  OCTET_TRY(auto op, to_shape<schema::ReshapeT>(shape));
  return node.emit(std::move(op), {x});
}

/// The sizes a Reshape gives to x: -1 and 0 resolved.
Result<std::vector<std::int64_t>> resolved(const std::vector<std::int64_t>& wanted, const Shape& x) {
  std::vector<std::int64_t> sizes = wanted;
  std::int64_t known = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 && i >= x.size()) return invalid("its shape copies axis " + std::to_string(i) + ", which the input does not have");
    if (sizes[i] == 0) sizes[i] = x[i];
    if (sizes[i] > 0) known = element_count({known, sizes[i]});
    if (known < 1) return invalid("its shape is too large");
  }
  for (std::int64_t& size : sizes)
    if (size == -1) size = element_count(x) / known;
  return sizes;
}

/// A Reshape of no elements: the graph's would copy the sizes that are 0.
Result<void> reshape_nothing(NodeImport& node, std::array<std::vector<std::int64_t>, 2> shapes, int x, bool zero_copies) {
  for (const std::size_t b : {0U, 1U}) {
    Shape& shape = shapes[b];
    const Shape from = node.shapes(x)[b];
    for (std::size_t i = 0; zero_copies && i < shape.size(); ++i)
      if (shape[i] == 0 && i < from.size()) shape[i] = from[i];
    if (const auto open = std::ranges::find(shape, -1); open != shape.end()) {
      if (is_empty(shape)) return invalid("its shape has a -1 beside a size of 0");
      *open = 0;
    }
    if (element_count(shape) != 0) return invalid("cannot make shape " + to_string(shape) + " of " + to_string(from));
  }
  return node.emit_nothing(0, x, shapes);
}

/// A shape of which a value follows the batch: that one is left open, the others are spelt out.
Result<std::vector<std::int64_t>> with_open_batch(NodeImport& node, const std::array<std::vector<std::int64_t>, 2>& shapes, int x) {
  OCTET_TRY(auto one, resolved(shapes[0], node.shapes(x)[0]));
  OCTET_TRY(const auto two, resolved(shapes[1], node.shapes(x)[1]));
  int open = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (one[i] == two[i]) continue;
    one[i] = -1;
    ++open;
  }
  if (open > 1) return node.follows_batch("several sizes of its shape follow the batch");
  return one;
}

Result<void> import_reshape(NodeImport& node) {
  OCTET_TRY(const auto shapes, node.known_integers(1, "shape"));
  OCTET_TRY(const std::int64_t allow_zero, node.attributes.integer("allowzero", 0));
  OCTET_TRY(const int x, node.input(0));
  if (is_empty(node.shape(x))) return reshape_nothing(node, shapes, x, allow_zero == 0);
  if (allow_zero != 0 && is_empty(shapes[0])) return invalid("cannot make shape " + to_string(shapes[0]) + " of " + to_string(node.shape(x)));
  if (shapes[0] == shapes[1]) return emit(node, x, shapes[0]);
  OCTET_TRY(const auto shape, with_open_batch(node, shapes, x));
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
  const auto count = [&](bool front, std::size_t b) {
    const Shape shape = node.shapes(x)[b];
    return element_count(front ? Shape(shape.begin(), shape.begin() + axis) : Shape(shape.begin() + axis, shape.end()));
  };
  if (is_empty(node.shape(x))) return node.emit_nothing(0, x, {Shape{count(true, 0), count(false, 0)}, Shape{count(true, 1), count(false, 1)}});
  if (axis == 0) return emit(node, x, {1, -1});
  if (count(false, 0) != count(false, 1)) return emit(node, x, {count(true, 0), -1});  // the batch is among the latter
  return emit(node, x, {-1, count(false, 0)});
}

/// The sizes of x; -1 for the one that follows the batch.
Result<Shape> open_shape(NodeImport& node, int x) {
  auto shapes = node.shapes(x);
  if (is_empty(shapes[0]) && shapes[0] != shapes[1]) return node.follows_batch("its input has no elements, and its shape follows the batch");
  for (std::size_t i = 0; i < shapes[0].size(); ++i)
    if (shapes[0][i] != shapes[1][i]) shapes[0][i] = -1;
  return shapes[0];
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

// In both, the size that follows the batch is left open.

Result<void> import_squeeze(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const Shape shape, open_shape(node, x));
  OCTET_TRY(const auto given, read_axes(node));
  OCTET_TRY(std::vector<int> axes, normalize_axes(given, shape.size()));
  if (axes.empty())  // all of size 1
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 1) axes.push_back(static_cast<int>(i));
  std::vector<std::int64_t> squeezed;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool dropped = std::ranges::binary_search(axes, static_cast<int>(i));
    if (dropped && shape[i] == -1) return node.follows_batch("axis " + std::to_string(i) + " follows the batch and cannot be squeezed");
    if (dropped && shape[i] != 1)
      return invalid("axis " + std::to_string(i) + " has size " + std::to_string(shape[i]) + " and cannot be squeezed");
    if (!dropped) squeezed.push_back(shape[i]);
  }
  return emit(node, x, squeezed);
}

Result<void> import_unsqueeze(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const Shape shape, open_shape(node, x));
  OCTET_TRY(const auto given, read_axes(node));
  if (given.empty()) return invalid("has no axes");
  const std::size_t rank = shape.size() + given.size();
  OCTET_TRY(const std::vector<int> axes, normalize_axes(given, rank));
  std::vector<std::int64_t> expanded;
  std::size_t next = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    const bool new_axis = std::ranges::binary_search(axes, static_cast<int>(i));
    expanded.push_back(new_axis ? 1 : shape[next]);
    if (!new_axis) ++next;
  }
  return emit(node, x, expanded);
}

// Both are a Reshape that splits axes, a Transpose and a Reshape that merges others, on [N, H, W, C].

Result<void> rearrange(NodeImport& node, int image, const std::vector<std::int64_t>& split, std::vector<int> perm,
                       const std::vector<std::int64_t>& merged) {
  OCTET_TRY(schema::ReshapeT apart, to_shape<schema::ReshapeT>(split));
  OCTET_TRY(int y, node.emit_inner(std::move(apart), {image}, "@split"));
  schema::TransposeT swap;
  swap.perm = std::move(perm);
  OCTET_TRY(y, node.emit_inner(std::move(swap), {y}, "@moved"));
  OCTET_TRY(schema::ReshapeT together, to_shape<schema::ReshapeT>(merged));
  OCTET_TRY(y, node.emit_inner(std::move(together), {y}, NodeImport::kChannelsLast));
  return node.emit_channels_first(y);
}

struct Blocks {
  int image;
  std::int64_t h, w, channels, block;  ///< of the image
};

Result<Blocks> read_blocks(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) != 4) return invalid("its input has rank " + std::to_string(node.rank(x)) + ", not 4");
  OCTET_TRY(const std::int64_t block, node.attributes.integer("blocksize", 0));
  if (block < 1 || block > 65536) return invalid("its blocksize is " + std::to_string(block));
  const Shape shape = node.shape(x);
  OCTET_TRY(const int image, node.to_channels_last(x));
  return Blocks{image, shape[2], shape[3], shape[1], block};
}

Result<void> import_depth_to_space(NodeImport& node) {
  OCTET_TRY(const std::string mode, node.attributes.text("mode", "DCR"));
  if (mode != "DCR" && mode != "CRD") return invalid("its mode is '" + mode + "'");
  OCTET_TRY(const Blocks b, read_blocks(node));
  if (b.channels % (b.block * b.block) != 0)
    return invalid(std::to_string(b.channels) + " channels cannot make blocks of " + std::to_string(b.block));
  const std::int64_t depth = b.channels / (b.block * b.block);
  // Of the channels, DCR: [block rows, block columns, depth]; CRD: [depth, block rows, block columns].
  const bool depth_last = mode == "DCR";
  const std::vector<std::int64_t> split = depth_last ? std::vector<std::int64_t>{-1, b.h, b.w, b.block, b.block, depth}
                                                     : std::vector<std::int64_t>{-1, b.h, b.w, depth, b.block, b.block};
  return rearrange(node, b.image, split, depth_last ? std::vector<int>{0, 1, 3, 2, 4, 5} : std::vector<int>{0, 1, 4, 2, 5, 3},
                   {-1, b.h * b.block, b.w * b.block, depth});
}

Result<void> import_space_to_depth(NodeImport& node) {
  OCTET_TRY(const Blocks b, read_blocks(node));
  if (b.h % b.block != 0 || b.w % b.block != 0)
    return invalid("blocks of " + std::to_string(b.block) + " do not divide an image of " + std::to_string(b.h) + "x" + std::to_string(b.w));
  const std::int64_t h = b.h / b.block;
  const std::int64_t w = b.w / b.block;
  return rearrange(node, b.image, {-1, h, b.block, w, b.block, b.channels}, {0, 1, 3, 2, 4, 5}, {-1, h, w, b.channels * b.block * b.block});
}

}  // namespace

void register_reshape(ImporterTable& table) {
  table.add("Reshape", {2, 2, import_reshape, true});
  table.add("Flatten", {1, 1, import_flatten, true});
  table.add("Squeeze", {1, 2, import_squeeze, true});
  table.add("Unsqueeze", {1, 2, import_unsqueeze, true});
  table.add("DepthToSpace", {1, 1, import_depth_to_space});
  table.add("SpaceToDepth", {1, 1, import_space_to_depth});
}

}  // namespace octet
