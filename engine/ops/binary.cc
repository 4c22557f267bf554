#include "engine/ops/binary.h"

namespace octet {
namespace {

/// Row-major strides of a shape seen as one of rank `rank`; 0 along axes where it repeats.
std::vector<std::int64_t> repeat_strides(const Shape& shape, std::size_t rank) {
  std::vector<std::int64_t> strides(rank, 0);
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1) strides[i + rank - shape.size()] = stride;
    stride *= shape[i];
  }
  return strides;
}

}  // namespace

kernels::Broadcast make_broadcast(const Shape& a, const Shape& b, const Shape& y) {
  const auto stride_a = repeat_strides(a, y.size());
  const auto stride_b = repeat_strides(b, y.size());
  kernels::Broadcast s;
  std::size_t last = 0;  // the axis of s being filled
  bool empty = true;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] == 1) continue;
    const bool merges = !empty && s.stride_a[last] == stride_a[i] * y[i] && s.stride_b[last] == stride_b[i] * y[i];
    if (!empty && !merges) ++last;
    s.size[last] = merges ? s.size[last] * y[i] : y[i];
    s.stride_a[last] = stride_a[i];
    s.stride_b[last] = stride_b[i];
    empty = false;
  }
  s.axes = static_cast<int>(last) + 1;
  return s;
}

}  // namespace octet
