#include "engine/ops/indexed.h"

namespace octet::scatter_nd {
namespace {

static_assert(static_cast<int>(schema::Combination::MAX) == kernels::kCombinationCount - 1 &&
                  static_cast<int>(schema::Combination::Max) == static_cast<int>(kernels::Combination::max),
              "kernels::Combination follows the schema's enum");

template <class T, class Index>
Step make(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::ScatterNDT>();
  return make_step("scatter_nd_reference",
                   [shape = kernel_shape(node.input_shape(0), node.input_shape(1), a.batch_axes),
                    combination = static_cast<kernels::Combination>(a.combination), x = node.input_index(0), indices = node.input_index(1),
                    updates = node.input_index(2), out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
                     const bool ok = kernels::scatter_nd_reference(shape, combination, b.tensor<const T>(x), b.tensor<const Index>(indices),
                                                                   b.tensor<const T>(updates), b.tensor<T>(out), threads);
                     return ok ? nullptr : "an index is out of range";
                   });
}

template <class T>
Step make(const NodeView& node, const PrepareOptions& options) {
  return node.input(1).type == Type::s64 ? make<T, std::int64_t>(node, options) : make<T, std::int32_t>(node, options);
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::ScatterNDT>();
  if (a.combination > schema::Combination::MAX) return Error{ErrorCode::unsupported, "unknown combination", {}};
  const Shape& x = node.input_shape(0);
  OCTET_CHECK(check_indexed(x, node.input_shape(1), a.batch_axes));
  const Shape updates = indexed_shape(x, node.input_shape(1), a.batch_axes);
  if (node.input_shape(2) != updates) return invalid("its updates must have shape " + to_string(updates) + ", not " + to_string(node.input_shape(2)));
  return x;
}

Result<void> check(const NodeView& node) {
  OCTET_CHECK(check_moved(node, 0));
  OCTET_CHECK(check_moved(node, 2));
  const Type type = node.output().type;
  const bool computes = type == Type::f32 || type == Type::s32 || type == Type::s64;
  if (node.as<schema::ScatterNDT>().combination != schema::Combination::Replace && !computes)
    return invalid(std::string("cannot combine elements of ") + name_of(type));
  const auto shape = kernel_shape(node.input_shape(0), node.input_shape(1), node.as<schema::ScatterNDT>().batch_axes);
  return check_indices(node.input(1), std::span(shape.size).first(static_cast<std::size_t>(shape.axes)));
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  switch (node.output().type) {
    case Type::f32: return make<float>(node, options);
    case Type::s32: return make<std::int32_t>(node, options);
    case Type::s64: return make<std::int64_t>(node, options);
    default: return make<std::uint8_t>(node, options);
  }
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::scatter_nd
