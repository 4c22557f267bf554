#include "engine/memory_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <set>

namespace octet {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct Placed {
  std::size_t begin, end;  // bytes
  std::size_t block;
};

bool overlap(const Lifetime& a, const Lifetime& b) noexcept { return a.first <= b.last && b.first <= a.last; }

/// Gaps of an arena that grows at its end.
class Gaps {
 public:
  /// The smallest gap that is large enough, else the end.
  std::size_t take(std::size_t bytes) {
    const auto found = by_size_.lower_bound({bytes, 0});
    if (found == by_size_.end()) {
      end_ += bytes;
      return end_ - bytes;
    }
    const auto [size, begin] = *found;
    remove(begin, size);
    if (size > bytes) add(begin + bytes, size - bytes);
    return begin;
  }

  /// Joined with the gaps beside it.
  void give_back(std::size_t begin, std::size_t bytes) {
    auto next = by_begin_.lower_bound(begin);
    if (next != by_begin_.end() && next->first == begin + bytes) {
      bytes += next->second;
      remove(next->first, next->second);
      next = by_begin_.lower_bound(begin);
    }
    if (next != by_begin_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == begin) {
        begin = before->first;
        bytes += before->second;
        remove(before->first, before->second);
      }
    }
    add(begin, bytes);
  }

  [[nodiscard]] std::size_t end() const noexcept { return end_; }

 private:
  void add(std::size_t begin, std::size_t bytes) {
    by_begin_.emplace(begin, bytes);
    by_size_.emplace(bytes, begin);
  }
  void remove(std::size_t begin, std::size_t bytes) {
    by_begin_.erase(begin);
    by_size_.erase({bytes, begin});
  }

  std::map<std::size_t, std::size_t> by_begin_;
  std::set<std::pair<std::size_t, std::size_t>> by_size_;  ///< {bytes, begin}
  std::size_t end_ = 0;
};

/// In the order of time, each block into the smallest gap that is free then: not as tight, in n log n.
MemoryPlan plan_in_order(const std::vector<Lifetime>& blocks) {
  MemoryPlan plan;
  plan.offsets.assign(blocks.size(), 0);
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return blocks[i].first; });
  using Ending = std::pair<std::size_t, std::size_t>;  // last step, block
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> alive;
  Gaps gaps;
  for (const std::size_t block : order) {
    const std::size_t bytes = aligned(blocks[block].bytes);
    if (bytes == 0) continue;
    for (; !alive.empty() && alive.top().first < blocks[block].first; alive.pop())
      gaps.give_back(plan.offsets[alive.top().second], aligned(blocks[alive.top().second].bytes));
    plan.offsets[block] = gaps.take(bytes);
    alive.emplace(blocks[block].last, block);
  }
  plan.arena_bytes = gaps.end();
  return plan;
}

}  // namespace

MemoryPlan plan_memory(const std::vector<Lifetime>& blocks) {
  if (blocks.size() > kMostPlacedBySize) return plan_in_order(blocks);
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
