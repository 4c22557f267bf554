// Sizes beyond which an operator has no int8 form: the converter asks, the loader refuses.
#pragma once

#include <cstdint>

namespace octet {

/// K * 255^2 < 2^31.
inline constexpr std::int64_t kMaxMatMulDepth = ((std::int64_t{1} << 31) - 1) / (255 * 255);

}  // namespace octet
