#include "kernels/softmax/softmax.h"

#include "engine/ops/broadcast.h"

namespace octet::softmax {
namespace {

bool along_last_axis(int axis, const Shape& x) noexcept { return axis == -1 || axis + 1 == static_cast<int>(x.size()); }

/// Where a mask's rows are, for each row of x.
kernels::SoftmaxMask mask_of(const NodeView& node) {
  kernels::SoftmaxMask mask;
  if (!node.has_input(1)) return mask;
  const Shape& x = node.input_shape(0);
  const Shape& m = node.input_shape(1);
  std::int64_t stride = m.back();
  for (std::size_t i = 1; i < x.size(); ++i) {  // from the last but one axis
    const std::int64_t size = i < m.size() ? m[m.size() - 1 - i] : 1;
    const auto k = static_cast<std::size_t>(mask.axes++);
    mask.size[k] = x[x.size() - 1 - i];
    mask.stride[k] = size == 1 ? 0 : stride;
    stride *= size;
  }
  return mask;
}

/// What a row of u8 comes to that is masked throughout.
kernels::MaskedRow masked_row(const NodeView& node) noexcept {
  const auto& a = node.as<schema::SoftmaxT>();
  if (std::isinf(a.mask_value)) return kernels::MaskedRow::zero;
  const bool vanish = a.mask_value - 255 * node.input(0).quant.scale() == a.mask_value;
  return a.mask_replaces || vanish ? kernels::MaskedRow::uniform : kernels::MaskedRow::unmasked;
}

Result<void> check_mask(const NodeView& node) {
  const auto& a = node.as<schema::SoftmaxT>();
  if (node.input(1).type != Type::boolean) return invalid(std::string("its mask must be bool, not ") + name_of(node.input(1).type));
  if (std::isnan(a.mask_value) || a.mask_value == std::numeric_limits<float>::infinity()) return invalid("its mask_value is not a number below infinity");
  if (node.input(0).type == Type::f32) return {};
  const Quantization& q = node.input(0).quant;
  const double scale = static_cast<double>(q.scale());
  // Whatever the row, E of a masked element would be 0: exp(-17) 2^23 < 1/2.
  const double most = a.mask_replaces ? -scale * q.zero_point() - 17 : -(255 * scale + 17);
  if (static_cast<double>(a.mask_value) > most) return invalid("its mask_value " + std::to_string(a.mask_value) + " does not outweigh its input's range");
  return {};
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const int axis = node.as<schema::SoftmaxT>().axis;
  const Shape& x = node.input_shape(0);
  if (axis < -1 || axis >= static_cast<int>(x.size()) || x.empty()) return invalid("axis " + std::to_string(axis) + " is out of range");
  if (!node.has_input(1)) return x;
  const Shape& mask = node.input_shape(1);
  if (!along_last_axis(axis, x)) return invalid("a softmax with a mask runs along the last axis");
  OCTET_TRY(const Shape shape, broadcast_shape(x, mask));
  if (mask.empty() || mask.back() != x.back() || shape != x) return invalid("a mask of shape " + to_string(mask) + " does not fit rows of " + to_string(x));
  return x;
}

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::SoftmaxT>();
  OCTET_CHECK(check_arithmetic(node, 0));
  if (node.has_input(1)) {
    OCTET_CHECK(check_mask(node));
  }
  if (node.input(0).type == Type::f32) return {};
  if (!along_last_axis(a.axis, node.input(0).shape)) return invalid("a u8 softmax runs along the last axis");
  if (a.table.size() != 256) return invalid("its table has " + std::to_string(a.table.size()) + " entries, not 256");
  if (a.table[0] == 0) return invalid("its table starts with 0");
  return {};
}

namespace {

Step prepare_f32(const NodeView& node, const PrepareOptions& options, const AxisSplit& split) {
  const auto& a = node.as<schema::SoftmaxT>();
  const int in = node.input_index(0);
  const int out = node.output_index();
  if (split.inner != 1) {
    return make_step("softmax_f32_reference", [=, threads = options.threads](const Buffers& b) noexcept -> const char* {
      kernels::softmax_f32_reference(b.tensor<float>(in), split.outer, split.size, split.inner, b.tensor<float>(out), threads);
      return nullptr;
    });
  }
  const bool vectors = allows(options.isa, kernels::Isa::avx2);
  Step step = make_step(vectors ? "softmax_f32_avx2" : "softmax_f32_reference",
                        [=, softmax = kernels::SoftmaxF32{split.outer, split.size, nullptr, nullptr, options.threads, mask_of(node), a.mask_value, a.mask_replaces},
                         mask = node.has_input(1) ? node.input_index(1) : kAbsent](const Buffers& b) noexcept -> const char* {
                          kernels::SoftmaxF32 s = softmax;
                          s.x = b.tensor<float>(in);
                          s.y = b.tensor<float>(out);
                          if (mask != kAbsent) s.mask.data = b.tensor<std::uint8_t>(mask);
                          vectors ? kernels::softmax_rows_f32_avx2(s) : kernels::softmax_rows_f32_reference(s);
                          return nullptr;
                        });
  if (vectors) step.isa = kernels::Isa::avx2;
  return step;
}

}  // namespace

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::SoftmaxT>();
  const Shape& x = node.input_shape(0);
  const AxisSplit split = split_at(x, a.axis == -1 ? x.size() - 1 : static_cast<std::size_t>(a.axis));
  if (node.input(0).type == Type::f32) return prepare_f32(node, options, split);
  kernels::SoftmaxU8 softmax{split.outer, split.size, nullptr, nullptr, node.output().quant.scale(), output_u8(node.output()), nullptr, options.threads, mask_of(node)};
  if (node.has_input(1)) softmax.mask.masked_row = masked_row(node);
  kernels::SoftmaxPlanes planes{};
  const auto* kernel = split.size <= kernels::kFewSoftmaxColumns ? nullptr : kernels::find_softmax_kernel(options.isa);
  if (kernel != nullptr && !kernels::split_softmax_table(a.table, planes)) kernel = nullptr;
  Step step = make_step(kernel != nullptr ? kernel->name : "softmax_u8_reference",
                        [kernel, softmax, planes, in = node.input_index(0), mask = node.has_input(1) ? node.input_index(1) : kAbsent, out = node.output_index(),
                         table = a.table](const Buffers& b) noexcept -> const char* {
                          kernels::SoftmaxU8 s = softmax;
                          s.x = b.tensor<std::uint8_t>(in);
                          s.y = b.tensor<std::uint8_t>(out);
                          s.table = table.data();
                          if (mask != kAbsent) s.mask.data = b.tensor<std::uint8_t>(mask);
                          if (kernel != nullptr) {
                            kernels::softmax_u8(*kernel, s, planes);
                          } else {
                            kernels::softmax_u8_reference(s);
                          }
                          return nullptr;
                        });
  if (kernel != nullptr) step.isa = kernel->isa;
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::softmax
