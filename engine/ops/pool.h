// What the two pools share.
#pragma once

#include "engine/ops/common.h"
#include "kernels/pool/pool.h"

namespace octet {

/// Window geometry of a MaxPoolT or AveragePoolT. Every window holds at least one element, because padding must be smaller
/// than the kernel.
template <class Attributes>
[[nodiscard]] Result<Shape> infer_pool(const Attributes& a, const Shape& x) {
  if (x.size() != 4) return invalid("its input must have rank 4, not " + std::to_string(x.size()));
  if (a.pad_top >= a.kernel_h || a.pad_bottom >= a.kernel_h || a.pad_left >= a.kernel_w || a.pad_right >= a.kernel_w)
    return invalid("padding must be smaller than the kernel");
  OCTET_TRY(const std::int64_t out_h, window_output({x[1], a.kernel_h, a.stride_h, a.pad_top, a.pad_bottom, 1}));
  OCTET_TRY(const std::int64_t out_w, window_output({x[2], a.kernel_w, a.stride_w, a.pad_left, a.pad_right, 1}));
  return Shape{x[0], out_h, out_w, x[3]};
}

template <class Attributes>
[[nodiscard]] kernels::PoolShape pool_shape(const Attributes& a, const Shape& x, const Shape& y) {
  kernels::PoolShape s;
  s.batch = x[0], s.in_h = x[1], s.in_w = x[2], s.channels = x[3];
  s.out_h = y[1], s.out_w = y[2];
  s.kernel_h = a.kernel_h, s.kernel_w = a.kernel_w;
  s.stride_h = a.stride_h, s.stride_w = a.stride_w;
  s.pad_top = a.pad_top, s.pad_left = a.pad_left, s.pad_bottom = a.pad_bottom, s.pad_right = a.pad_right;
  return s;
}

}  // namespace octet
