#include "engine/ops/strided.h"
#include "kernels/layout/transpose.h"

namespace octet::transpose {

Result<Shape> infer(const NodeView& node) {
  const auto& perm = node.as<schema::TransposeT>().perm;
  const Shape& x = node.input_shape(0);
  if (perm.size() != x.size()) return invalid("permutes " + std::to_string(perm.size()) + " axes of a tensor of rank " + std::to_string(x.size()));
  std::vector<bool> seen(perm.size());
  Shape y;
  for (const int axis : perm) {
    if (axis < 0 || axis >= static_cast<int>(x.size()) || seen[static_cast<std::size_t>(axis)]) return invalid("its perm is not a permutation");
    seen[static_cast<std::size_t>(axis)] = true;
    y.push_back(x[static_cast<std::size_t>(axis)]);
  }
  return y;
}

Result<void> check(const NodeView& node) { return check_moves(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& perm = node.as<schema::TransposeT>().perm;
  const auto strides = dense_strides(node.input_shape(0));
  kernels::TransposeShape shape;
  shape.axes = std::max(1, static_cast<int>(perm.size()));
  for (std::size_t i = 0; i < perm.size(); ++i) {
    shape.size[i] = node.output_shape()[i];
    shape.stride[i] = strides[static_cast<std::size_t>(perm[i])];
  }
  const kernels::Transposer transposer(shape, size_of(node.output().type), options.isa, options.threads);
  Step step = make_step(transposer.name(), [transposer, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    transposer.run(b.tensor<std::byte>(in), b.tensor<std::byte>(out));
    return nullptr;
  });
  step.isa = transposer.isa();
  return step;
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::transpose
