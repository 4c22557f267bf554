#include "engine/ops/common.h"
#include "kernels/lut/lut.h"

namespace octet::lookup {
namespace {

constexpr std::int64_t kEntries = 256;

/// Sizes before, along and after the table's axis. One table for all: everything is "after".
struct Split {
  std::int64_t outer = 1, channels = 1, inner = 1;

  Split(const Shape& shape, int axis) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (axis < 0 || static_cast<int>(i) < axis) {
        outer *= shape[i];
      } else {
        (static_cast<int>(i) == axis ? channels : inner) *= shape[i];
      }
    }
  }
};

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::LookupT>();
  const Shape& x = node.input_shape(0);
  if (a.axis < -1 || a.axis >= static_cast<int>(x.size())) return invalid("axis " + std::to_string(a.axis) + " is out of range");
  const std::int64_t tables = Split(x, a.axis).channels;
  if (static_cast<std::int64_t>(a.tables.size()) / kEntries != tables || a.tables.size() % kEntries != 0)
    return invalid("has " + std::to_string(a.tables.size()) + " bytes of tables, not 256 for each of " + std::to_string(tables));
  return x;
}

Result<void> check(const NodeView& node) {
  const auto bytes = [](const Tensor& t) { return t.type == Type::u8 || (t.type == Type::s8 && !t.quant.present()); };
  if (!bytes(node.input(0)) || !bytes(node.output())) return invalid("its input and output must be u8, or s8 that is not quantized");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::LookupT>();
  const kernels::LookupKernel& kernel = kernels::find_lookup_kernel(options.isa);
  const Split split(node.output_shape(), a.axis);
  const kernels::LookupU8 lookup{split.outer, split.channels, split.inner, nullptr, nullptr, nullptr, options.threads};
  Step step = make_step(kernel.name, [&kernel, lookup, tables = a.tables, in = node.input_index(0), out = node.output_index()](
                                         const Buffers& b) noexcept -> const char* {
    kernels::LookupU8 l = lookup;
    l.x = b.tensor<std::uint8_t>(in);
    l.tables = tables.data();
    l.y = b.tensor<std::uint8_t>(out);
    kernels::lookup_u8(kernel, l);
    return nullptr;
  });
  step.isa = kernel.isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::lookup
