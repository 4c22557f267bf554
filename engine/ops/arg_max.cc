#include "engine/ops/common.h"
#include "kernels/reduce/reduce.h"

namespace octet::arg_max {
namespace {

template <class T>
Step make(const char* name, const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::ArgMaxT>();
  return make_step(name, [axis = split_at(node.input_shape(0), static_cast<std::size_t>(a.axis)), largest = !a.least, last = a.last,
                          in = node.input_index(0), out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
    kernels::arg_extreme_reference(b.tensor<T>(in), axis.outer, axis.size, axis.inner, largest, last, b.tensor<std::int64_t>(out), threads);
    return nullptr;
  });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::ArgMaxT>();
  Shape y = node.input_shape(0);
  if (a.axis < 0 || a.axis >= static_cast<int>(y.size())) return invalid("axis " + std::to_string(a.axis) + " is out of range");
  if (a.keep_dims) {
    y[static_cast<std::size_t>(a.axis)] = 1;
  } else {
    y.erase(y.begin() + a.axis);
  }
  return y;
}

Result<void> check(const NodeView& node) {
  const Type x = node.input(0).type;
  if (x != Type::f32 && x != Type::u8 && x != Type::s32 && x != Type::s64)
    return invalid(std::string("its input must be f32, u8, s32 or s64, not ") + name_of(x));
  if (node.output().type != Type::s64) return invalid("its output must be s64");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  switch (node.input(0).type) {
    case Type::u8: return make<std::uint8_t>("arg_max_u8_reference", node, options);
    case Type::s32: return make<std::int32_t>("arg_max_s32_reference", node, options);
    case Type::s64: return make<std::int64_t>("arg_max_s64_reference", node, options);
    default: return make<float>("arg_max_f32_reference", node, options);
  }
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::arg_max
