// The windows of a pool. Everything here has internal linkage, because files for one instruction set use it, too.
#pragma once

#include "kernels/pool/pool.h"

namespace octet::kernels {
namespace {

/// One window: rows [h0, h1) and columns [w0, w1) of x inside it, and how many positions its padded extent has.
struct Window {
  std::int64_t h0, h1, w0, w1, extent;

  [[nodiscard]] std::int64_t valid() const noexcept { return (h1 - h0) * (w1 - w0); }
};

inline std::int64_t least(std::int64_t a, std::int64_t b) noexcept { return a < b ? a : b; }

inline Window window_at(const PoolShape& s, std::int64_t oh, std::int64_t ow) noexcept {
  const std::int64_t top = oh * s.stride_h - s.pad_top;
  const std::int64_t left = ow * s.stride_w - s.pad_left;
  const std::int64_t bottom = least(top + s.kernel_h, s.in_h + s.pad_bottom);
  const std::int64_t right = least(left + s.kernel_w, s.in_w + s.pad_right);
  return {top < 0 ? 0 : top, least(bottom, s.in_h), left < 0 ? 0 : left, least(right, s.in_w), (bottom - top) * (right - left)};
}

}  // namespace
}  // namespace octet::kernels
