#include "engine/ops/strided.h"

namespace octet::slice {

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::SliceT>();
  const Shape& x = node.input_shape(0);
  if (a.starts.size() != x.size() || a.steps.size() != x.size() || a.sizes.size() != x.size())
    return invalid("must have a start, a step and a size for each of " + std::to_string(x.size()) + " axes");
  Shape y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t start = a.starts[i];
    const std::int64_t step = a.steps[i];
    const std::int64_t size = a.sizes[i];
    if (size == 0 && (start != 0 || step != 1)) return invalid("a whole axis starts at 0 and has a step of 1");
    const std::int64_t last = start + (size - 1) * step;
    const bool inside = size == 0 || (size > 0 && start >= 0 && start < x[i] && last >= 0 && last < x[i]);
    if (!inside)
      return invalid("takes " + std::to_string(size) + " elements from " + std::to_string(start) + " in steps of " + std::to_string(step) +
                     " along axis " + std::to_string(i) + ", which has " + std::to_string(x[i]));
    y.push_back(size == 0 ? x[i] : size);
  }
  return y;
}

Result<void> check(const NodeView& node) { return check_moves(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::SliceT>();
  const auto strides = dense_strides(node.input_shape(0));
  StridedCopy copy;
  for (std::size_t i = 0; i < strides.size(); ++i) {
    copy.offset += a.starts[i] * strides[i];
    copy.axis(node.output_shape()[i], a.steps[i] * strides[i]);
  }
  return strided_step("slice_reference", node, copy, options);
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::slice
