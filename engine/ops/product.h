// Steps that run a oneDNN primitive, shared by convolution and matrix product.
#pragma once

#include <optional>
#include <string>

#include "engine/ops/common.h"
#include "kernels/layout/layout.h"
#include "kernels/onednn.h"

namespace octet {

/// y = primitive(x), f32.
[[nodiscard]] Step onednn_f32_step(const NodeView& node, const std::string& family, kernels::onednn::PrimitivePtr primitive,
                                   const PrepareOptions& options);

/// s32 accumulators in scratch, then the epilogue; `pad`, if given, is written out first and is what the primitive reads.
[[nodiscard]] Step onednn_s32_step(const NodeView& node, const std::string& family, kernels::onednn::PrimitivePtr primitive,
                                   ProductEpilogue epilogue, std::int64_t rows, const PrepareOptions& options,
                                   std::optional<kernels::PaddedImage> pad = std::nullopt);

}  // namespace octet
