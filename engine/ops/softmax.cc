#include "kernels/softmax/softmax.h"

#include "engine/ops/common.h"

namespace octet::softmax {

Result<Shape> infer(const NodeView& node) {
  const int axis = node.as<schema::SoftmaxT>().axis;
  const Shape& x = node.input_shape(0);
  if (axis < -1 || axis >= static_cast<int>(x.size()) || x.empty()) return invalid("axis " + std::to_string(axis) + " is out of range");
  return x;
}

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::SoftmaxT>();
  OCTET_CHECK(check_arithmetic(node, 0));
  if (node.input(0).type == Type::f32) return {};
  if (a.axis != -1 && a.axis != static_cast<int>(node.input(0).shape.size()) - 1) return invalid("a u8 softmax runs along the last axis");
  if (a.table.size() != 256) return invalid("its table has " + std::to_string(a.table.size()) + " entries, not 256");
  if (a.table[0] == 0) return invalid("its table starts with 0");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::SoftmaxT>();
  const Shape& x = node.input_shape(0);
  const std::size_t axis = a.axis == -1 ? x.size() - 1 : static_cast<std::size_t>(a.axis);
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= x[i];
  for (std::size_t i = axis + 1; i < x.size(); ++i) inner *= x[i];
  const int in = node.input_index(0);
  const int out = node.output_index();
  if (node.input(0).type == Type::f32) {
    return make_step("softmax_f32_reference", [=, n = x[axis], threads = options.threads](const Buffers& b) noexcept -> const char* {
      kernels::softmax_f32_reference(b.tensor<float>(in), outer, n, inner, b.tensor<float>(out), threads);
      return nullptr;
    });
  }
  const kernels::SoftmaxU8 softmax{outer, x[axis], nullptr, nullptr, node.output().quant.scale(), output_u8(node.output()), nullptr, options.threads};
  kernels::SoftmaxPlanes planes;
  const auto* kernel = kernels::find_softmax_kernel(options.isa);
  if (kernel != nullptr && kernels::split_softmax_table(a.table, planes)) {
    Step step = make_step(kernel->name, [kernel, softmax, planes, in, out, table = a.table](const Buffers& b) noexcept -> const char* {
      kernels::SoftmaxU8 s = softmax;
      s.x = b.tensor<std::uint8_t>(in);
      s.y = b.tensor<std::uint8_t>(out);
      s.table = table.data();
      kernels::softmax_u8(*kernel, s, planes);
      return nullptr;
    });
    step.isa = kernel->isa;
    return step;
  }
  return make_step("softmax_u8_reference", [softmax, in, out, table = a.table](const Buffers& b) noexcept -> const char* {
    kernels::SoftmaxU8 s = softmax;
    s.x = b.tensor<std::uint8_t>(in);
    s.y = b.tensor<std::uint8_t>(out);
    s.table = table.data();
    kernels::softmax_u8_reference(s);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::softmax
