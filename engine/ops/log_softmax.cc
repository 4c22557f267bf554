#include "engine/ops/common.h"
#include "kernels/softmax/softmax.h"

namespace octet::log_softmax {

Result<Shape> infer(const NodeView& node) {
  const int axis = node.as<schema::LogSoftmaxT>().axis;
  const Shape& x = node.input_shape(0);
  if (axis < 0 || axis >= static_cast<int>(x.size())) return invalid("axis " + std::to_string(axis) + " is out of range");
  return x;
}

Result<void> check(const NodeView& node) {
  if (node.input(0).type != Type::f32 || node.output().type != Type::f32) return invalid("its input and output must be f32");
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  return make_step("log_softmax_f32_reference",
                   [axis = split_at(node.input_shape(0), static_cast<std::size_t>(node.as<schema::LogSoftmaxT>().axis)), in = node.input_index(0),
                    out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
                     kernels::log_softmax_f32_reference(b.tensor<float>(in), axis.outer, axis.size, axis.inner, b.tensor<float>(out), threads);
                     return nullptr;
                   });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::log_softmax
