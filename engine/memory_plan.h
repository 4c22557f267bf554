// Places tensors in one arena so that those which live at the same time do not overlap.
#pragma once

#include <cstddef>
#include <vector>

namespace octet {

/// A block of memory needed from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t bytes = 0;
  std::size_t first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< of each block; multiples of 64
  std::size_t arena_bytes = 0;
};

/// Larger networks than any known have fewer blocks. Beyond, the time that placing by size takes, which grows with the square
/// of their number, would be a way to attack whoever loads a file.
inline constexpr std::size_t kMostPlacedBySize = 8192;

/// Greedy by size: the largest block first, each at the lowest offset where no block that is alive at the same time lies. More
/// than kMostPlacedBySize blocks are placed in the order of time instead, each into the smallest gap that is free then.
[[nodiscard]] MemoryPlan plan_memory(const std::vector<Lifetime>& blocks);

}  // namespace octet
