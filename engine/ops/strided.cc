#include "engine/ops/strided.h"

namespace octet {
namespace {

kernels::TransposeShape merged(const StridedCopy& copy) {
  kernels::TransposeShape shape;
  std::size_t last = 0;  // the axis of shape being filled
  bool empty = true;
  for (std::size_t i = 0; i < copy.sizes.size(); ++i) {
    if (copy.sizes[i] == 1) continue;
    const bool merges = !empty && shape.stride[last] == copy.strides[i] * copy.sizes[i];
    if (!empty && !merges) ++last;
    shape.size[last] = merges ? shape.size[last] * copy.sizes[i] : copy.sizes[i];
    shape.stride[last] = copy.strides[i];
    empty = false;
  }
  shape.axes = static_cast<int>(last) + 1;
  return shape;
}

}  // namespace

std::vector<std::int64_t> dense_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

Step strided_step(const char* name, const NodeView& node, const StridedCopy& copy, const PrepareOptions& options) {
  const std::size_t bytes = size_of(node.output().type);
  return make_step(name, [shape = merged(copy), bytes, offset = copy.offset * static_cast<std::int64_t>(bytes), in = node.input_index(0),
                          out = node.output_index(), threads = options.threads](const Buffers& b) noexcept -> const char* {
    kernels::transpose_reference(shape, bytes, b.tensor<std::byte>(in) + offset, b.tensor<std::byte>(out), threads);
    return nullptr;
  });
}

}  // namespace octet
