#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "converter/observe/search.h"
#include "converter/observe/strategy.h"
#include "converter/quantize_math.h"

namespace octet {
namespace {

/// Fewer values say nothing about a distribution over 256 steps.
constexpr double kLeastValues = 8 * 256;

double times_log(double x) noexcept { return x > 0 ? x * std::log(x) : 0.0; }

/// Whether bin i is a single value rather than part of a density (a saturated activation, what a convolution makes of an image's
/// background): many times what is usual around it.
bool stands_alone(const std::vector<std::uint64_t>& counts, std::size_t i) {
  constexpr std::size_t kAround = 8;
  constexpr std::uint64_t kTimes = 8;
  const std::size_t begin = i - std::min(i, kAround);
  std::vector<std::uint64_t> around(counts.begin() + static_cast<std::ptrdiff_t>(begin),
                                    counts.begin() + static_cast<std::ptrdiff_t>(std::min(i + kAround + 1, counts.size())));
  const auto middle = around.begin() + static_cast<std::ptrdiff_t>(around.size() / 2);
  std::ranges::nth_element(around, middle);
  return counts[i] > kTimes * std::max<std::uint64_t>(*middle, 2);
}

/// The bins of a histogram that are not empty.
struct Bins {
  std::vector<double> centres, counts, times_logs;
  std::vector<bool> alone;
  double total = 0;

  double width;

  explicit Bins(const Histogram& h) : width(h.width()) {
    const auto all = h.counts();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] == 0) continue;
      centres.push_back((static_cast<double>(h.first_bin()) + static_cast<double>(i) + 0.5) * h.width());
      counts.push_back(static_cast<double>(all[i]));
      times_logs.push_back(times_log(counts.back()));
      alone.push_back(stands_alone(all, i));
      total += counts.back();
    }
  }
};

/// One of the quantizer's 256 steps.
struct Step {
  double mass = 0;     ///< of its bins
  double clipped = 0;  ///< that was moved into its outermost bin
  double bins = 0;
};

/// total * KL(P || Q) = sum p log p - sum p log q, p in counts; q = mass / (bins * all the mass that is not clipped).
double divergence(const Bins& b, const Quantization& q) {
  const auto scale = static_cast<double>(q.scale());
  // With less than a bin a step, P and Q would be the same whatever was clipped.
  if (scale < b.width) return std::numeric_limits<double>::infinity();
  const double lo = (-q.zero_point() - 0.5) * scale;
  const double hi = (255.0 - q.zero_point() + 0.5) * scale;
  std::size_t begin = 0;
  std::size_t end = b.centres.size();
  double below = 0;
  double above = 0;
  while (begin < end && b.centres[begin] < lo) below += b.counts[begin++];
  while (begin < end && b.centres[end - 1] > hi) above += b.counts[--end];
  if (begin == end) return std::numeric_limits<double>::infinity();

  const auto step_of = [&](std::size_t i) { return static_cast<std::size_t>(quantize_value(b.centres[i], q)); };
  std::array<Step, 256> steps{};
  double p_log_p = 0;
  double p_log_q = 0;
  const double kept = b.total - below - above;
  for (std::size_t i = begin; i < end; ++i) {
    p_log_p += b.times_logs[i];
    if (b.alone[i]) {  // stays one value, whatever the step
      p_log_q += b.times_logs[i] - b.counts[i] * std::log(kept);
      continue;
    }
    Step& s = steps[step_of(i)];
    s.mass += b.counts[i];
    s.bins += 1;
  }
  const auto move = [&](std::size_t i, double count) {
    p_log_p += times_log(b.counts[i] + count) - b.times_logs[i];
    if (b.alone[i]) {
      p_log_q += count * std::log(b.counts[i] / kept);
    } else {
      steps[step_of(i)].clipped += count;
    }
  };
  if (begin + 1 == end) {
    move(begin, below + above);
  } else {
    move(begin, below);
    move(end - 1, above);
  }
  for (const Step& s : steps)
    if (s.bins > 0) p_log_q += (s.mass + s.clipped) * std::log(s.mass / (s.bins * kept));
  return p_log_p - b.total * std::log(b.total) - p_log_q;
}

}  // namespace

Range entropy_range(const Statistics& s, const StrategyOptions& options) {
  const Bins bins(*s.histogram);
  if (bins.centres.empty()) return s.range;
  if (bins.total < kLeastValues) return mse_range(s, options);
  return search_range(s.range, options.symmetric, [&](const Range& r) { return divergence(bins, activation_parameters(r, options.symmetric)); });
}

}  // namespace octet
