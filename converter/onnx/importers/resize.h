// How Resize places the elements of its output in its input.
#pragma once

#include "converter/onnx/importers/compose.h"

namespace octet {

enum class Coordinates { half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, tf_half_pixel_for_nn, tf_crop_and_resize };
enum class Nearest { round_prefer_floor, round_prefer_ceil, floor, ceil };
enum class Method { nearest, linear, cubic };

struct ResizeModes {
  Method method = Method::nearest;
  Coordinates coordinates = Coordinates::asymmetric;
  Nearest nearest = Nearest::floor;
  bool antialias = false;        ///< the kernel grows with what is left out
  bool exclude_outside = false;  ///< elements outside of the input count for nothing, not as its border
  double cubic_a = -0.75;
  double outside = 0.0;  ///< of tf_crop_and_resize: the value of what lies outside
};

/// One axis: `scale` is what the model says, or out / in; `begin` and `end` are those of tf_crop_and_resize's part.
struct ResizeAxis {
  std::int64_t in, out;
  double scale;
  double begin = 0.0, end = 1.0;
};

/// Where output i lies in the input.
[[nodiscard]] double resize_source(const ResizeAxis& axis, std::int64_t i, Coordinates mode);
/// The element nearest to a place.
[[nodiscard]] double resize_nearest(double place, Nearest mode);

/// x of any rank resized along every axis whose size or scale changes, one after the other: elements are Gathered, or multiplied
/// by a constant matrix of weights.
[[nodiscard]] Result<int> resize_axes(NodeImport& node, Compose& make, int x, const ResizeModes& modes, const std::vector<ResizeAxis>& axes);

}  // namespace octet
