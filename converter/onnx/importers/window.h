// What convolutions and pools share: the attributes that place a window on an image.
#pragma once

#include <array>

#include "converter/onnx/importer.h"

namespace octet {

/// Of a window, {height, width} each; a sequence's has a height of 1.
struct Window {
  std::array<int, 2> kernel, stride, pad_begin, pad_end, dilation;

  /// Elements from the first to the last one the window touches along an axis.
  [[nodiscard]] std::int64_t reach(std::size_t axis) const noexcept {
    return (std::int64_t{kernel[axis]} - 1) * dilation[axis] + 1;
  }
  [[nodiscard]] bool has_padding() const noexcept {
    constexpr std::array<int, 2> kNone = {0, 0};
    return pad_begin != kNone || pad_end != kNone;
  }
};

/// Checks that x is an image (rank 4) or a sequence (rank 3), which counts as an image of one row, else unsupported.
[[nodiscard]] Result<void> check_image(const NodeImport& node, int x);

/// Reads auto_pad, dilations, pads and strides for an image of shape x (NCHW, or NCL) and a kernel of as many axes.
/// Everything is positive (pads: not negative) and fits.
[[nodiscard]] Result<Window> read_window(NodeImport& node, const Shape& x, const std::vector<std::int64_t>& kernel);

/// The same without auto_pad.
[[nodiscard]] Result<Window> read_explicit_window(NodeImport& node, const Shape& x,
                                                  const std::vector<std::int64_t>& kernel);

/// Reads ceil_mode and makes it plain: more padding at the end gives the outputs that rounding up adds. Only where
/// padding changes no result: false where it would, as `pads_count` says that padding is part of the mean.
[[nodiscard]] Result<bool> resolve_ceil_mode(NodeImport& node, const Shape& x, bool pads_count, Window& window);

/// Writes a window into an operator's table.
template <class T>
void set_pads_and_strides(const Window& w, T& op) {
  op.stride_h = w.stride[0], op.stride_w = w.stride[1];
  op.pad_top = w.pad_begin[0], op.pad_left = w.pad_begin[1];
  op.pad_bottom = w.pad_end[0], op.pad_right = w.pad_end[1];
}

}  // namespace octet
