#include "engine/ops/common.h"
#include "kernels/scan/scan.h"

namespace octet::cum_sum {
namespace {

template <class T>
Step make(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::CumSumT>();
  const AxisSplit split = split_at(node.input_shape(0), static_cast<std::size_t>(a.axis));
  return make_step("cum_sum_reference", [shape = kernels::CumSumShape{split.outer, split.size, split.inner, a.exclusive, a.reverse},
                                         in = node.input_index(0), out = node.output_index(),
                                         threads = options.threads](const Buffers& b) noexcept -> const char* {
    kernels::cum_sum_reference(shape, b.tensor<const T>(in), b.tensor<T>(out), threads);
    return nullptr;
  });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const int axis = node.as<schema::CumSumT>().axis;
  const Shape& x = node.input_shape(0);
  if (axis < 0 || axis >= static_cast<int>(x.size())) return invalid("axis " + std::to_string(axis) + " is out of range");
  return x;
}

Result<void> check(const NodeView& node) {
  const Type type = node.input(0).type;
  if (type != node.output().type) return invalid("its input and output must have one type");
  if (type == Type::f32 || type == Type::s32 || type == Type::s64) return {};
  return invalid(std::string("its input must be f32, s32 or s64, not ") + name_of(type));
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  switch (node.output().type) {
    case Type::s32: return make<std::int32_t>(node, options);
    case Type::s64: return make<std::int64_t>(node, options);
    default: return make<float>(node, options);
  }
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::cum_sum
