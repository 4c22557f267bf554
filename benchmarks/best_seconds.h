// The shortest of many runs: what a machine that others use, too, says of a kernel.
#pragma once

#include <algorithm>
#include <chrono>

namespace octet_benchmarks {

/// Seconds of the shortest run of `run`, which is called for `how_long`, at least once.
template <class Run>
double best_seconds(const Run& run, std::chrono::milliseconds how_long) {
  using Clock = std::chrono::steady_clock;
  double best = 1e300;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  } while (Clock::now() - start < how_long);
  return best;
}

}  // namespace octet_benchmarks
