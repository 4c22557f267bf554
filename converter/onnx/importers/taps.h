// Windows over any number of axes, whose weights need not be constant: as slices of the image, one for each element (tap) of the
// window. For what the operators with kernels of their own do not do.
#pragma once

#include "converter/onnx/importers/compose.h"
#include "converter/onnx/importers/window.h"

namespace octet {

/// One value for each spatial axis.
struct Taps {
  Shape kernel, stride, dilation, pad_begin, pad_end;

  [[nodiscard]] std::size_t axes() const noexcept { return kernel.size(); }
  [[nodiscard]] std::int64_t count() const noexcept { return element_count(kernel); }
  /// Elements from the first to the last one the window touches along an axis.
  [[nodiscard]] std::int64_t reach(std::size_t axis) const noexcept { return (kernel[axis] - 1) * dilation[axis] + 1; }
};

/// Reads strides, dilations, pads, and with `auto_pad` that, for x [N, C, spatial axes...]. All values are positive (pads: not negative)
/// and below 2^31; a window has at most 1,024 taps, and at least one place.
[[nodiscard]] Result<Taps> read_taps(NodeImport& node, const Shape& x, const std::vector<std::int64_t>& kernel, bool auto_pad = true);

/// The first axes of a window on images or sequences.
[[nodiscard]] Taps taps_of(const Window& window, std::size_t axes);

/// The size of every axis of a transposed convolution's result, and how much is cut off in front.
struct TransposedTarget {
  Shape size, pad_begin;
};
[[nodiscard]] Result<TransposedTarget> read_transposed_target(NodeImport& node, const Taps& taps, const Shape& x);

/// x [N, C, ...] convolved with weights [O, C / groups, kernel...]: [N, O, ...]; bias [O], or kAbsent.
[[nodiscard]] Result<int> convolve(NodeImport& node, Compose& make, int x, int weights, int bias, const Taps& taps, std::int64_t groups);

/// The transposed convolution; weights [C, O / groups, kernel...].
[[nodiscard]] Result<int> convolve_transposed(NodeImport& node, Compose& make, int x, int weights, int bias, const Taps& taps,
                                              const TransposedTarget& target, std::int64_t groups);

/// The maximum, sum or mean over a window of x [N, C, ...]. With ceil_mode there is a last place for what is left over.
[[nodiscard]] Result<int> pool_maximum(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode);
/// The maximum and where in x it is, s64: its first place of those with the same value, counted through all of x; with
/// `first_axis_fastest` as if the spatial axes were in the opposite order.
struct Maximum {
  int value, index;
};
[[nodiscard]] Result<Maximum> pool_maximum_with_indices(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode, bool first_axis_fastest);
[[nodiscard]] Result<int> pool_sum(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode);
[[nodiscard]] Result<int> pool_mean(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode, bool count_include_pad);

}  // namespace octet
