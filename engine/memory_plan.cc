#include "engine/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace octet {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct Placed {
  std::size_t begin, end;  // bytes
  std::size_t block;
};

bool overlap(const Lifetime& a, const Lifetime& b) noexcept { return a.first <= b.last && b.first <= a.last; }

}  // namespace

MemoryPlan plan_memory(const std::vector<Lifetime>& blocks) {
  MemoryPlan plan;
  plan.offsets.assign(blocks.size(), 0);
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return blocks[a].bytes > blocks[b].bytes; });

  std::vector<Placed> placed;  // by begin
  for (const std::size_t block : order) {
    if (blocks[block].bytes == 0) continue;
    const std::size_t bytes = aligned(blocks[block].bytes);
    std::size_t begin = 0;
    for (const Placed& p : placed) {
      if (!overlap(blocks[p.block], blocks[block])) continue;
      if (begin + bytes <= p.begin) break;
      begin = std::max(begin, p.end);
    }
    const Placed here{begin, begin + bytes, block};
    placed.insert(std::ranges::upper_bound(placed, here.begin, {}, &Placed::begin), here);
    plan.offsets[block] = begin;
    plan.arena_bytes = std::max(plan.arena_bytes, here.end);
  }
  return plan;
}

}  // namespace octet
