#include "engine/ops/indexed.h"
#include "kernels/layout/layout.h"

namespace octet::gather {
namespace {

template <class Index>
Step make(const NodeView& node, const kernels::GatherShape& shape, const PrepareOptions& options) {
  return make_step("gather_reference", [shape, x = node.input_index(0), indices = node.input_index(1), out = node.output_index(),
                                        threads = options.threads](const Buffers& b) noexcept -> const char* {
    const bool ok = kernels::gather_reference(shape, b.tensor<std::byte>(x), b.tensor<Index>(indices), b.tensor<std::byte>(out), threads);
    return ok ? nullptr : "an index is out of range";
  });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const int axis = node.as<schema::GatherT>().axis;
  const Shape& x = node.input_shape(0);
  const Shape& indices = node.input_shape(1);
  if (axis < 0 || axis >= static_cast<int>(x.size())) return invalid("axis " + std::to_string(axis) + " is out of range");
  Shape y(x.begin(), x.begin() + axis);
  y.insert(y.end(), indices.begin(), indices.end());
  y.insert(y.end(), x.begin() + axis + 1, x.end());
  return y;
}

Result<void> check(const NodeView& node) {
  OCTET_CHECK(check_moved(node, 0));
  return check_indices(node.input(1), std::span(node.input_shape(0)).subspan(static_cast<std::size_t>(node.as<schema::GatherT>().axis), 1));
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto axis = static_cast<std::size_t>(node.as<schema::GatherT>().axis);
  const Shape& x = node.input_shape(0);
  kernels::GatherShape shape;
  for (std::size_t i = 0; i < axis; ++i) shape.outer *= x[i];
  shape.size = x[axis];
  shape.indices = element_count(node.input_shape(1));
  shape.inner_bytes = static_cast<std::int64_t>(size_of(node.output().type));
  for (std::size_t i = axis + 1; i < x.size(); ++i) shape.inner_bytes *= x[i];
  return node.input(1).type == Type::s64 ? make<std::int64_t>(node, shape, options) : make<std::int32_t>(node, shape, options);
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::gather
