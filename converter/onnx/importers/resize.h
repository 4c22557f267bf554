// How Resize places the elements of its output in its input.
#pragma once

#include "converter/onnx/importers/compose.h"

namespace octet {

enum class Coordinates { half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, tf_half_pixel_for_nn, tf_crop_and_resize };
enum class Nearest { round_prefer_floor, round_prefer_ceil, floor, ceil, by_scale };
enum class Method { nearest, linear, cubic };

struct ResizeModes {
  Method method = Method::nearest;
  Coordinates coordinates = Coordinates::asymmetric;
  Nearest nearest = Nearest::by_scale;  ///< before opset 11: ceil where the axis shrinks, else floor
  bool antialias = false;        ///< the kernel grows with what is left out
  bool exclude_outside = false;  ///< elements outside of the input count for nothing, not as its border
  double cubic_a = -0.75;
  double outside = 0.0;  ///< of tf_crop_and_resize: the value of what lies outside
};

/// One axis: `scale` is what the model says, or out / in; `begin` and `end` are those of tf_crop_and_resize's part.
struct ResizeAxis {
  std::int64_t in, out;
  float scale;
  float begin = 0.0F, end = 1.0F;
};

/// Where output i lies in the input. Computed in f32, as ONNX Runtime does: which element is nearest depends on the last bit where a
/// place falls between two.
[[nodiscard]] float resize_source(const ResizeAxis& axis, std::int64_t i, Coordinates mode);
/// The element of an axis nearest to a place.
[[nodiscard]] std::int64_t resize_nearest(const ResizeAxis& axis, float place, Nearest mode);

/// x of any rank resized along every axis whose size or scale changes, one after the other: elements are Gathered, or multiplied
/// by a constant matrix of weights.
[[nodiscard]] Result<int> resize_axes(NodeImport& node, Compose& make, int x, const ResizeModes& modes, const std::vector<ResizeAxis>& axes);

}  // namespace octet
