#include "engine/ops/common.h"
#include "kernels/reduce/reduce.h"

namespace octet::top_k {
namespace {

template <class T>
Step make(const char* name, const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::TopKT>();
  const AxisSplit axis = split_at(node.input_shape(0), static_cast<std::size_t>(a.axis));
  const kernels::TopK top{axis.outer, axis.size, axis.inner, a.k, a.largest, options.threads};
  // Indices nobody asked for go beside the orders.
  const bool indexed = node.output_count() > 1;
  const auto orders = static_cast<std::size_t>(options.threads) * static_cast<std::size_t>(axis.size);
  const auto results = static_cast<std::size_t>(element_count(node.output_shape(0)));
  Step step = make_step(name, [top, orders, in = node.input_index(0), values = node.output_index(0),
                               indices = indexed ? node.output_index(1) : kAbsent](const Buffers& b) noexcept -> const char* {
    auto* order = reinterpret_cast<std::int64_t*>(b.scratch);
    auto* to = indices == kAbsent ? order + orders : b.tensor<std::int64_t>(indices);
    kernels::top_k_reference(top, b.tensor<T>(in), b.tensor<T>(values), to, order);
    return nullptr;
  });
  step.scratch_bytes = (orders + (indexed ? 0 : results)) * sizeof(std::int64_t);
  return step;
}

}  // namespace

Result<std::vector<Shape>> infer(const NodeView& node) {
  const auto& a = node.as<schema::TopKT>();
  Shape y = node.input_shape(0);
  if (a.axis < 0 || a.axis >= static_cast<int>(y.size())) return invalid("axis " + std::to_string(a.axis) + " is out of range");
  std::int64_t& size = y[static_cast<std::size_t>(a.axis)];
  if (a.k < 1 || a.k > size) return invalid("cannot take " + std::to_string(a.k) + " of " + std::to_string(size) + " elements");
  if (size > kMaxElements) return invalid("its input is too large");
  size = a.k;
  return std::vector<Shape>{y, y};
}

Result<void> check(const NodeView& node) {
  OCTET_CHECK(check_moved(node, 0));
  const Type x = node.input(0).type;
  if (x != Type::f32 && x != Type::u8 && x != Type::s32 && x != Type::s64)
    return invalid(std::string("its input must be f32, u8, s32 or s64, not ") + name_of(x));
  if (node.output_count() > 1 && node.output(1).type != Type::s64) return invalid("its second output must be s64");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  switch (node.input(0).type) {
    case Type::u8: return make<std::uint8_t>("top_k_u8_reference", node, options);
    case Type::s32: return make<std::int32_t>("top_k_s32_reference", node, options);
    case Type::s64: return make<std::int64_t>("top_k_s64_reference", node, options);
    default: return make<float>("top_k_f32_reference", node, options);
  }
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::top_k
