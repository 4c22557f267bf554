// The class a classifier chose.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "octet/octet.hpp"

namespace octet::cli {

/// For each of n samples of an output [n, classes] (further sizes 1 allowed), f32 or u8, the index of its largest
/// value, the first of equals.
[[nodiscard]] Result<std::vector<std::int64_t>> top1(const TensorInfo& info, std::span<const std::byte> output,
                                                     std::int64_t n);

}  // namespace octet::cli
