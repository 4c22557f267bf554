#include <algorithm>

#include "converter/observe/strategy.h"

namespace octet {
namespace {

/// The value with `rank` values below it.
double value_at(const Histogram& h, const std::vector<std::uint64_t>& counts, double rank) {
  double below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int64_t bin = h.first_bin() + static_cast<std::int64_t>(i);
    if (bin == 0) {
      below += static_cast<double>(h.zeros());
      if (rank < below) return 0;
    }
    const auto here = static_cast<double>(counts[i]);
    if (counts[i] != 0 && rank <= below + here) return (static_cast<double>(bin) + (rank - below) / here) * h.width();
    below += here;
  }
  return (static_cast<double>(h.first_bin()) + static_cast<double>(counts.size())) * h.width();
}

}  // namespace

Range percentile_range(const Statistics& s, const StrategyOptions& options) {
  const Histogram& h = *s.histogram;
  const std::vector<std::uint64_t> counts = h.counts();
  if (counts.empty()) return s.range;
  const auto all = static_cast<double>(h.total());
  const double beyond = all * (100.0 - options.percentile) / 100.0;
  // A percentile in the middle of the outermost value is that value.
  const auto lo = beyond < 1 ? s.range.min : static_cast<float>(value_at(h, counts, beyond));
  const auto hi = beyond < 1 ? s.range.max : static_cast<float>(value_at(h, counts, all - beyond));
  const Range r{std::clamp(lo, s.range.min, s.range.max), std::clamp(hi, s.range.min, s.range.max), true};
  return r.min == 0 && r.max == 0 ? s.range : r;
}

}  // namespace octet
