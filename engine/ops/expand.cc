#include "engine/ops/strided.h"

namespace octet::expand {

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::ExpandT>();
  Shape wanted(a.shape.begin(), a.shape.end());
  for (const std::int64_t size : wanted)
    if (size < 1) return invalid("a size of its shape is " + std::to_string(size));
  if (node.has_input(1)) {
    if (wanted.empty() || node.input_shape(1).empty()) return invalid("a scalar cannot follow the batch");
    if (node.input_shape(1)[0] > kMaxElements) return invalid("its output is too large");
    wanted[0] *= node.input_shape(1)[0];
  }
  OCTET_TRY(Shape y, broadcast_shape(node.input_shape(0), wanted));
  if (y != wanted) return invalid("cannot expand shape " + to_string(node.input_shape(0)) + " to " + to_string(wanted));
  return y;
}

Result<void> check(const NodeView& node) { return check_moved(node, 0); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const Shape& x = node.input_shape(0);
  const Shape& y = node.output_shape();
  const auto strides = dense_strides(x);
  StridedCopy copy;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t from_end = y.size() - i;
    const bool repeats = from_end > x.size() || x[x.size() - from_end] == 1;
    copy.axis(y[i], repeats ? 0 : strides[x.size() - from_end]);
  }
  return strided_step("expand_reference", node, copy, options);
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::expand
