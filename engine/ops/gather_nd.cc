#include "engine/ops/indexed.h"

namespace octet::gather_nd {
namespace {

template <class Index>
Step make(const NodeView& node, const kernels::IndexedShape& shape, const PrepareOptions& options) {
  return make_step("gather_nd_reference", [shape, bytes = size_of(node.output().type), x = node.input_index(0), indices = node.input_index(1),
                                           out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
    const bool ok = kernels::gather_nd_reference(shape, bytes, b.tensor<std::byte>(x), b.tensor<Index>(indices), b.tensor<std::byte>(out), threads);
    return ok ? nullptr : "an index is out of range";
  });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const int batch = node.as<schema::GatherNDT>().batch_axes;
  OCTET_CHECK(check_indexed(node.input_shape(0), node.input_shape(1), batch));
  return indexed_shape(node.input_shape(0), node.input_shape(1), batch);
}

Result<void> check(const NodeView& node) {
  OCTET_CHECK(check_moved(node, 0));
  const auto shape = kernel_shape(node.input_shape(0), node.input_shape(1), node.as<schema::GatherNDT>().batch_axes);
  return check_indices(node.input(1), std::span(shape.size).first(static_cast<std::size_t>(shape.axes)));
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto shape = kernel_shape(node.input_shape(0), node.input_shape(1), node.as<schema::GatherNDT>().batch_axes);
  return node.input(1).type == Type::s64 ? make<std::int64_t>(node, shape, options) : make<std::int32_t>(node, shape, options);
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::gather_nd
