// What operators share that copy elements at regular distances: Transpose, Slice, Expand, Tile.
#pragma once

#include "engine/ops/common.h"
#include "kernels/layout/layout.h"

namespace octet {

/// Walks over the elements of x, one axis of the output after the other.
struct StridedCopy {
  std::int64_t offset = 0;  ///< of the first element, in elements of x
  std::vector<std::int64_t> sizes, strides;

  void axis(std::int64_t size, std::int64_t stride) {
    sizes.push_back(size);
    strides.push_back(stride);
  }
};

/// Row-major strides of a dense tensor.
[[nodiscard]] std::vector<std::int64_t> dense_strides(const Shape& shape);

/// A step that copies input 0 to the output so. Axes that x walks through alike are merged; what is left has to be at most
/// kernels::kMaxTransposeAxes, which twice the highest rank is.
[[nodiscard]] Step strided_step(const char* name, const NodeView& node, const StridedCopy& copy, const PrepareOptions& options);

}  // namespace octet
