// What oneDNN takes for what is no product, for comparison: on one thread, with its primitives made beforehand.
#pragma once

#include <cstdint>

#include "kernels/pool/pool.h"

namespace octet_benchmarks {

/// Seconds, or 0 where oneDNN has no such primitive.
[[nodiscard]] double onednn_pool(const octet::kernels::PoolShape& shape, bool max);
/// u8 + u8 or u8 * u8 to u8, of n elements, with scales.
[[nodiscard]] double onednn_binary(std::int64_t n, bool add);
/// u8 planes to channels-last.
[[nodiscard]] double onednn_transpose(std::int64_t channels, std::int64_t height, std::int64_t width);

}  // namespace octet_benchmarks
