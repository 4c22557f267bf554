#include "kernels/binary/binary.h"

#include "engine/ops/broadcast.h"

namespace octet::binary {

static_assert(static_cast<int>(schema::BinaryFunction::MAX) == kernels::kBinaryFunctionCount - 1 &&
                  static_cast<int>(schema::BinaryFunction::ShiftRight) == static_cast<int>(kernels::BinaryFunction::shift_right),
              "kernels::BinaryFunction follows the schema's enum");

namespace {

bool is_real_only(schema::BinaryFunction f) noexcept { return f == schema::BinaryFunction::PRelu; }
bool is_integer_only(schema::BinaryFunction f) noexcept {
  using F = schema::BinaryFunction;
  return f <= F::Mul || f == F::Mod || f == F::ShiftLeft || f == F::ShiftRight;
}

/// A step over kernels that return whether they could compute.
template <auto Kernel, class T>
Step integer_step(const char* name, const NodeView& node, const kernels::Binary<T>& parameters) {
  return make_step(name, [parameters, a = node.input_index(0), b = node.input_index(1),
                          y = node.output_index()](const Buffers& buffers) noexcept -> const char* {
    kernels::Binary<T> p = parameters;
    p.a = buffers.tensor<T>(a);
    p.b = buffers.tensor<T>(b);
    p.y = buffers.tensor<T>(y);
    return Kernel(p) ? nullptr : "an integer is divided by 0";
  });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  if (node.as<schema::BinaryT>().function > schema::BinaryFunction::MAX) return Error{ErrorCode::unsupported, "unknown function", {}};
  return broadcast_shape(node.input_shape(0), node.input_shape(1));
}

Result<void> check(const NodeView& node) {
  const auto function = node.as<schema::BinaryT>().function;
  const Type type = node.output().type;
  for (const std::size_t i : {0U, 1U})
    if (node.input(i).type != type) return invalid("its inputs and output must have one type");
  const bool fits = type == Type::f32 ? !is_integer_only(function) : (type == Type::s32 || type == Type::s64) && !is_real_only(function);
  if (!fits) return invalid(std::string(schema::EnumNameBinaryFunction(function)) + " of " + name_of(type) + " is not defined");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto function = static_cast<kernels::BinaryFunction>(node.as<schema::BinaryT>().function);
  const auto shape = make_broadcast(node.input_shape(0), node.input_shape(1), node.output_shape());
  const auto parameters = [&]<class T>(const T*) { return kernels::Binary<T>{function, shape, nullptr, nullptr, nullptr, options.threads}; };
  switch (node.output().type) {
    case Type::s32:
      return integer_step<kernels::binary_s32_reference>("binary_s32_reference", node, parameters(static_cast<std::int32_t*>(nullptr)));
    case Type::s64:
      return integer_step<kernels::binary_s64_reference>("binary_s64_reference", node, parameters(static_cast<std::int64_t*>(nullptr)));
    default:
      return binary_step<float>("binary_f32_reference", node, parameters(static_cast<float*>(nullptr)), kernels::binary_f32_reference);
  }
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::binary
