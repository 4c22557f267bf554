#include "engine/ops/strided.h"

namespace octet::tile {

Result<Shape> infer(const NodeView& node) {
  const auto& repeats = node.as<schema::TileT>().repeats;
  Shape y = node.input_shape(0);
  if (repeats.size() != y.size()) return invalid("repeats " + std::to_string(repeats.size()) + " axes of a tensor of rank " + std::to_string(y.size()));
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (repeats[i] < 1) return invalid("repeats axis " + std::to_string(i) + " " + std::to_string(repeats[i]) + " times");
    if (y[i] > kMaxElements) return invalid("its output is too large");
    y[i] *= repeats[i];
  }
  return y;
}

Result<void> check(const NodeView& node) { return check_moves(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& repeats = node.as<schema::TileT>().repeats;
  const Shape& x = node.input_shape(0);
  const auto strides = dense_strides(x);
  StridedCopy copy;
  for (std::size_t i = 0; i < x.size(); ++i) {
    copy.axis(repeats[i], 0);
    copy.axis(x[i], strides[i]);
  }
  return strided_step("tile_reference", node, copy, options);
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::tile
