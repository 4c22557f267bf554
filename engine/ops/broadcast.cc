#include "engine/ops/broadcast.h"

#include <algorithm>

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

BroadcastAxes broadcast_axes(const std::vector<Shape>& operands, const Shape& y) {
  std::vector<std::vector<std::int64_t>> strides;
  for (const Shape& shape : operands) strides.push_back(repeat_strides(shape, y.size()));
  BroadcastAxes axes;
  axes.stride.resize(operands.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] == 1) continue;
    bool merges = !axes.size.empty();
    for (std::size_t k = 0; k < strides.size() && merges; ++k) merges = axes.stride[k].back() == strides[k][i] * y[i];
    if (merges) axes.size.back() *= y[i];
    if (!merges) axes.size.push_back(y[i]);
    for (std::size_t k = 0; k < strides.size(); ++k) {
      if (merges) axes.stride[k].back() = strides[k][i];
      if (!merges) axes.stride[k].push_back(strides[k][i]);
    }
  }
  if (axes.size.empty()) {  // a single element
    axes.size = {1};
    for (auto& stride : axes.stride) stride = {0};
  }
  return axes;
}

kernels::Broadcast make_broadcast(const Shape& a, const Shape& b, const Shape& y) {
  const BroadcastAxes axes = broadcast_axes({a, b}, y);
  kernels::Broadcast s;
  s.axes = static_cast<int>(axes.size.size());
  std::ranges::copy(axes.size, s.size.begin());
  std::ranges::copy(axes.stride[0], s.stride_a.begin());
  std::ranges::copy(axes.stride[1], s.stride_b.begin());
  return s;
}

}  // namespace octet
