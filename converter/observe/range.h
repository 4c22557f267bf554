// A range of values, as observers see it and strategies choose it.
#pragma once

namespace octet {

/// From the smallest to the largest value seen, or chosen. {0, 0, false} where nothing was observed.
struct Range {
  float min = 0, max = 0;
  bool observed = false;
};

/// The smallest range that holds both.
[[nodiscard]] inline Range join(const Range& a, const Range& b) noexcept {
  if (!a.observed) return b;
  if (!b.observed) return a;
  return {a.min < b.min ? a.min : b.min, a.max > b.max ? a.max : b.max, true};
}

}  // namespace octet
