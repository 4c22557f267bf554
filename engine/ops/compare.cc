#include "engine/ops/broadcast.h"
#include "kernels/binary/compare.h"

namespace octet::compare {

static_assert(static_cast<int>(schema::Comparison::MAX) == kernels::kComparisonCount - 1 &&
                  static_cast<int>(schema::Comparison::Xor) == static_cast<int>(kernels::Comparison::logical_xor),
              "kernels::Comparison follows the schema's enum");

namespace {

template <auto Kernel, class T>
Step make(const char* name, const NodeView& node, const PrepareOptions& options) {
  const kernels::Compare<T> parameters{static_cast<kernels::Comparison>(node.as<schema::CompareT>().function),
                                       make_broadcast(node.input_shape(0), node.input_shape(1), node.output_shape()), nullptr, nullptr, nullptr,
                                       options.threads};
  return make_step(name, [parameters, a = node.input_index(0), b = node.input_index(1),
                          y = node.output_index()](const Buffers& buffers) noexcept -> const char* {
    kernels::Compare<T> p = parameters;
    p.a = buffers.tensor<T>(a);
    p.b = buffers.tensor<T>(b);
    p.y = buffers.tensor<std::uint8_t>(y);
    Kernel(p);
    return nullptr;
  });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  if (node.as<schema::CompareT>().function > schema::Comparison::MAX) return Error{ErrorCode::unsupported, "unknown comparison", {}};
  return broadcast_shape(node.input_shape(0), node.input_shape(1));
}

Result<void> check(const NodeView& node) {
  const auto function = node.as<schema::CompareT>().function;
  const Type type = node.input(0).type;
  if (node.input(1).type != type) return invalid("its inputs must have one type");
  if (node.output().type != Type::boolean) return invalid("its output must be bool");
  const bool logical = function >= schema::Comparison::And;
  const bool numbers = type == Type::f32 || type == Type::s32 || type == Type::s64;
  if (type == Type::boolean ? !logical && function != schema::Comparison::Equal : logical || !numbers)
    return invalid(std::string(schema::EnumNameComparison(function)) + " of " + name_of(type) + " is not defined");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  switch (node.input(0).type) {
    case Type::s32: return make<kernels::compare_s32_reference, std::int32_t>("compare_s32_reference", node, options);
    case Type::s64: return make<kernels::compare_s64_reference, std::int64_t>("compare_s64_reference", node, options);
    case Type::boolean: return make<kernels::compare_bool_reference, std::uint8_t>("compare_bool_reference", node, options);
    default: return make<kernels::compare_f32_reference, float>("compare_f32_reference", node, options);
  }
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::compare
