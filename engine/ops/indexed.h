// What GatherND and ScatterND share: slices of a tensor that tuples of indices name.
#pragma once

#include "engine/ops/common.h"
#include "kernels/indexed/indexed.h"

namespace octet {

/// Checks indices [batch axes, ..., k] against data; `batch` leading axes belong to both.
[[nodiscard]] Result<void> check_indexed(const Shape& data, const Shape& indices, int batch);

/// The shape of the slices named: the indices' but for the last axis, then data's axes after those.
[[nodiscard]] Shape indexed_shape(const Shape& data, const Shape& indices, int batch);

/// The same for kernels.
[[nodiscard]] kernels::IndexedShape kernel_shape(const Shape& data, const Shape& indices, int batch);

/// S32 or S64.
[[nodiscard]] Result<void> check_indices(const Tensor& indices);

}  // namespace octet
