#include <algorithm>

#include "engine/ops/broadcast.h"
#include "kernels/binary/compare.h"

namespace octet::where {

Result<Shape> infer(const NodeView& node) {
  OCTET_TRY(const Shape values, broadcast_shape(node.input_shape(1), node.input_shape(2)));
  return broadcast_shape(node.input_shape(0), values);
}

Result<void> check(const NodeView& node) {
  if (node.input(0).type != Type::boolean) return invalid(std::string("its condition must be bool, not ") + name_of(node.input(0).type));
  for (const std::size_t i : {1U, 2U}) OCTET_CHECK(check_moved(node, i));
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const BroadcastAxes axes = broadcast_axes({node.input_shape(0), node.input_shape(1), node.input_shape(2)}, node.output_shape());
  kernels::Where where;
  where.axes = static_cast<int>(axes.size.size());
  std::ranges::copy(axes.size, where.size.begin());
  std::ranges::copy(axes.stride[0], where.stride_condition.begin());
  std::ranges::copy(axes.stride[1], where.stride_a.begin());
  std::ranges::copy(axes.stride[2], where.stride_b.begin());
  where.element_bytes = size_of(node.output().type);
  where.threads = options.threads;
  return make_step("where_reference", [where, c = node.input_index(0), a = node.input_index(1), b = node.input_index(2),
                                       y = node.output_index()](const Buffers& buffers) noexcept -> const char* {
    kernels::Where w = where;
    w.condition = buffers.tensor<std::uint8_t>(c);
    w.a = buffers.tensor<std::byte>(a);
    w.b = buffers.tensor<std::byte>(b);
    w.y = buffers.tensor<std::byte>(y);
    kernels::where_reference(w);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::where
