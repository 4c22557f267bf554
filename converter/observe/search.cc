#include "converter/observe/search.h"

#include <algorithm>
#include <cmath>

namespace octet {
namespace {

constexpr int kFine = 8;             // fine steps in a coarse one
constexpr int kCoarse = 80;          // coarse steps to the narrowest range
constexpr int kStepsToHalf = 8 * kFine;

/// 2^(-step / 64).
double factor(int step) noexcept { return std::exp2(-static_cast<double>(step) / kStepsToHalf); }

float shrunk(float end, int step) noexcept { return static_cast<float>(static_cast<double>(end) * factor(step)); }

/// The best of the ranges `make(step)`, from wide to narrow, if it is better than `best`.
template <class Make>
void sweep(const Make& make, const RangeError& error, Range& best, double& least) {
  int best_step = -1;
  const auto attempt = [&](int step) {
    const Range r = make(step);
    const double e = error(r);
    if (!(e < least)) return;
    best = r;
    least = e;
    best_step = step;
  };
  for (int step = 0; step <= kCoarse * kFine; step += kFine) attempt(step);
  if (best_step < 0) return;
  const int centre = best_step;
  for (int step = std::max(centre - kFine + 1, 0); step < centre + kFine; ++step)
    if (step != centre) attempt(step);
}

}  // namespace

Range search_range(const Range& seen, bool symmetric, const RangeError& error) {
  Range all{std::min(seen.min, 0.0F), std::max(seen.max, 0.0F), true};
  if (symmetric && all.min < 0) {
    all.max = std::max(-all.min, all.max);
    all.min = -all.max;
  }
  Range best = all;
  double least = error(all);
  sweep([&](int step) { return Range{shrunk(all.min, step), shrunk(all.max, step), true}; }, error, best, least);
  if (symmetric || all.min == 0 || all.max == 0) return best;
  for (int round = 0; round < 2; ++round) {
    sweep([&, lo = best.min](int step) { return Range{lo, shrunk(all.max, step), true}; }, error, best, least);
    sweep([&, hi = best.max](int step) { return Range{shrunk(all.min, step), hi, true}; }, error, best, least);
  }
  return best;
}

}  // namespace octet
