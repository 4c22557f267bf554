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

/// Greedy by size: the largest block first, each at the lowest offset where no block that is alive at the same time lies.
[[nodiscard]] MemoryPlan plan_memory(const std::vector<Lifetime>& blocks);

}  // namespace octet
