// What Gather, GatherND and ScatterND share: slices of a tensor that indices, or tuples of them, name.
#pragma once

#include <span>

#include "engine/ops/common.h"
#include "kernels/indexed/indexed.h"

namespace octet {

/// Checks indices [batch axes, ..., k] against data; `batch` leading axes belong to both.
[[nodiscard]] Result<void> check_indexed(const Shape& data, const Shape& indices, int batch);

/// The shape of the slices named: the indices' but for the last axis, then data's axes after those.
[[nodiscard]] Shape indexed_shape(const Shape& data, const Shape& indices, int batch);

/// The same for kernels.
[[nodiscard]] kernels::IndexedShape kernel_shape(const Shape& data, const Shape& indices, int batch);

/// S32 or S64; where they are constant, index i is one of an axis of size sizes[i % sizes.size()].
[[nodiscard]] Result<void> check_indices(const Tensor& indices, std::span<const std::int64_t> sizes);

}  // namespace octet
