#include "engine/ops/common.h"
#include "kernels/binary/compare.h"

namespace octet::cast {
namespace {

using Kernel = void (*)(const void* x, std::int64_t n, void* y, int threads) noexcept;

template <class From>
Kernel to_type(Type to) noexcept {
  switch (to) {
    case Type::f32: return kernels::cast_reference<From, float>;
    case Type::s32: return kernels::cast_reference<From, std::int32_t>;
    case Type::s64: return kernels::cast_reference<From, std::int64_t>;
    case Type::u8: return kernels::cast_reference<From, std::uint8_t>;
    case Type::s8: return kernels::cast_reference<From, std::int8_t>;
    case Type::boolean: return kernels::cast_reference<From, bool>;
  }
  return nullptr;
}

/// nullptr where the cast is not defined.
Kernel find_kernel(Type from, Type to) noexcept {
  switch (from) {
    case Type::f32: return to_type<float>(to);
    case Type::s32: return to_type<std::int32_t>(to);
    case Type::s64: return to_type<std::int64_t>(to);
    case Type::u8: return to_type<std::uint8_t>(to);
    case Type::s8: return to_type<std::int8_t>(to);
    case Type::boolean: return to_type<bool>(to);
  }
  return nullptr;
}

}  // namespace

Result<Shape> infer(const NodeView& node) { return node.input_shape(0); }

Result<void> check(const NodeView& node) {
  if (node.input(0).quant.present()) return invalid("its input is quantized: Dequantize makes real values of it");
  if (node.output().quant.present()) return invalid("its output is quantized: Quantize makes that of real values");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  return make_step("cast_reference", [kernel = find_kernel(node.input(0).type, node.output().type), n = element_count(node.output_shape()),
                                      in = node.input_index(0), out = node.output_index(),
                                      threads = options.threads](const Buffers& b) noexcept -> const char* {
    kernel(b.tensor<std::byte>(in), n, b.tensor<std::byte>(out), threads);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::cast
