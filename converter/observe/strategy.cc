#include "converter/observe/strategy.h"

#include <algorithm>
#include <array>

namespace octet {
namespace {

Range minmax_range(const Statistics& s, const StrategyOptions&) { return s.range; }
Range average_range(const Statistics& s, const StrategyOptions&) { return s.average; }

constexpr std::array<Strategy, 6> kStrategies = {{
    {"minmax", false, false, minmax_range},
    {"moving-average", false, false, average_range},
    {"percentile", true, false, percentile_range},
    {"mse", true, false, mse_range},
    {"entropy", true, false, entropy_range},
    {"cross-entropy", true, true, cross_entropy_range},
}};

}  // namespace

std::span<const Strategy> strategies() noexcept { return kStrategies; }

const Strategy* find_strategy(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kStrategies, name, &Strategy::name);
  return found == kStrategies.end() ? nullptr : found;
}

std::string strategy_names() {
  std::string all;
  for (const Strategy& s : kStrategies) all += (all.empty() ? "" : ", ") + std::string(s.name);
  return all;
}

}  // namespace octet
