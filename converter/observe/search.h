// The search for the clipping range with the least error.
#pragma once

#include <functional>

#include "converter/observe/range.h"

namespace octet {

/// The error a range causes, in any unit; infinite if it cannot be used.
using RangeError = std::function<double(const Range&)>;

/// The range with the least error among a grid of ranges within `seen`, which is made to contain 0. Both ends are shrunk
/// together, by factors from 1 to 2^-10 in geometric steps of 2^(-1/8) and around the best of them in steps of 2^(-1/64); then,
/// if there are two ends and they need not be symmetric, each end alone, twice. Of equal errors the wider range wins, so that a
/// tensor nothing can be gained on keeps its minimum and maximum. With `symmetric` a range that has negative values is searched
/// as [-a, a].
[[nodiscard]] Range search_range(const Range& seen, bool symmetric, const RangeError& error);

}  // namespace octet
