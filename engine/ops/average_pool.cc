#include "engine/ops/pool.h"

namespace octet::average_pool {
namespace {

/// m[n] = f32(s_in / (s_out n)), for n = 1 ..; m[0] is never used.
std::vector<float> multipliers(const NodeView& node, std::int64_t count) {
  std::vector<float> m(static_cast<std::size_t>(count) + 1, 0.0F);
  const auto in = static_cast<double>(node.input(0).quant.scale());
  const auto out = static_cast<double>(node.output().quant.scale());
  for (std::size_t n = 1; n < m.size(); ++n) m[n] = static_cast<float>(in / (out * static_cast<double>(n)));
  return m;
}

}  // namespace

Result<Shape> infer(const NodeView& node) { return infer_pool(node.as<schema::AveragePoolT>(), node.input_shape(0)); }

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::AveragePoolT>();
  OCTET_CHECK(check_arithmetic(node, 0));
  // The sum of a window's bytes is kept in s32.
  if (std::int64_t{a.kernel_h} * a.kernel_w > (std::int64_t{1} << 31) / 256) return invalid("its window is too large");
  if (node.input(0).type == Type::f32) return {};
  return check_multiplier(multipliers(node, 1)[1]);
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::AveragePoolT>();
  auto shape = pool_shape(a, node.input_shape(0), node.output_shape());
  shape.count_include_pad = a.count_include_pad;
  const int in = node.input_index(0);
  const int out = node.output_index();
  if (node.input(0).type == Type::f32) {
    return make_step("average_pool_f32_reference", [=, threads = options.threads](const Buffers& b) noexcept -> const char* {
      kernels::average_pool_f32_reference(shape, b.tensor<float>(in), b.tensor<float>(out), threads);
      return nullptr;
    });
  }
  const kernels::AveragePoolU8 pool{shape,   nullptr, node.input(0).quant.zero_point(), nullptr, output_u8(node.output()),
                                    nullptr, options.threads};
  const auto* kernel = kernels::find_pool_kernel(options.isa);
  auto m = multipliers(node, shape.kernel_h * shape.kernel_w);
  const std::size_t table_bytes = m.size() * sizeof(float);
  Step step = make_step(kernel != nullptr ? kernel->average_name : "average_pool_u8_reference",
                        [kernel, pool, in, out, m = std::move(m)](const Buffers& b) noexcept -> const char* {
                          kernels::AveragePoolU8 p = pool;
                          p.x = b.tensor<std::uint8_t>(in);
                          p.y = b.tensor<std::uint8_t>(out);
                          p.multipliers = m.data();
                          kernels::average_pool_u8(kernel, p);
                          return nullptr;
                        });
  if (kernel != nullptr) step.isa = kernel->isa;
  step.packed_bytes = table_bytes;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::average_pool
