// Samples in the types of a model's inputs, and outputs of any type as numbers.
#pragma once

#include <cstddef>
#include <vector>

#include "octet/converter.hpp"

namespace octet {

/// Writes samples [first, first + n) of an input as its type has them. `info` is the input at batch n, and `bytes` has its
/// size. Errors: those of the samples; a value that an integer type does not hold.
[[nodiscard]] Result<void> read_bytes(const Samples& samples, std::size_t input, std::int64_t first, std::int64_t n, const TensorInfo& info,
                                      std::vector<std::byte>& bytes);

/// The elements as f32.
[[nodiscard]] std::vector<float> real_values(Type type, const std::vector<std::byte>& bytes);

}  // namespace octet
