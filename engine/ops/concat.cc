#include "engine/ops/common.h"
#include "kernels/layout/layout.h"

namespace octet::concat {
namespace {

/// One operand: which tensor, bytes it puts into each row of the output, and where in the row.
struct Part {
  int tensor;
  std::size_t row_bytes, offset;
};

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const int axis = node.as<schema::ConcatT>().axis;
  Shape y = node.input_shape(0);
  if (axis < 0 || axis >= static_cast<int>(y.size())) return invalid("axis " + std::to_string(axis) + " is out of range");
  const auto k = static_cast<std::size_t>(axis);
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    if (!node.has_input(i)) return invalid("input " + std::to_string(i) + " is absent");
    Shape x = node.input_shape(i);
    if (x.size() != y.size()) return invalid("its inputs differ in rank");
    const std::int64_t size = x[k];
    x[k] = y[k];
    if (x != y) return invalid("input " + std::to_string(i) + " of shape " + to_string(node.input_shape(i)) + " does not fit to " + to_string(y));
    if (size > kMaxElements) return invalid("its output is too large");
    y[k] += size;
  }
  return y;
}

Result<void> check(const NodeView& node) { return check_moves(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions&) {
  const auto axis = static_cast<std::size_t>(node.as<schema::ConcatT>().axis);
  const Shape& y = node.output_shape();
  std::int64_t rows = 1;
  for (std::size_t i = 0; i < axis; ++i) rows *= y[i];
  const auto row_bytes = [&](const Shape& shape) {
    return static_cast<std::size_t>(element_count(shape) / rows) * size_of(node.output().type);
  };
  std::vector<Part> parts;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    parts.push_back({node.input_index(i), row_bytes(node.input_shape(i)), offset});
    offset += parts.back().row_bytes;
  }
  return make_step("concat_reference", [parts, rows, stride = offset, out = node.output_index()](const Buffers& b) noexcept -> const char* {
    for (const Part& p : parts)
      kernels::copy_rows_reference(b.tensor<std::byte>(p.tensor), rows, p.row_bytes, b.tensor<std::byte>(out) + p.offset, stride);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::concat
