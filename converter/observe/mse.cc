#include <algorithm>
#include <vector>

#include "converter/observe/rounded.h"
#include "converter/observe/search.h"
#include "converter/observe/strategy.h"
#include "converter/quantize_math.h"

namespace octet {
namespace {

/// An antiderivative of the squared error of a quantizer, in steps, at u = x / s: (u - rne(u))^2 within [lo, hi], (u - end)^2
/// beyond. With u = k + r, k whole, |r| <= 1/2: k / 12 + r^3 / 3.
double integrated_error(double u, double lo, double hi) noexcept {
  const double inside = std::min(std::max(u, lo), hi);
  const double k = rounded(inside);
  const double r = inside - k;
  const double beyond = u - inside;
  return k / 12.0 + (r * r * r + beyond * beyond * beyond) / 3.0;
}

}  // namespace

Range mse_range(const Statistics& s, const StrategyOptions& options) {
  const Histogram& h = *s.histogram;
  const std::vector<std::uint64_t> counts = h.counts();
  if (counts.empty()) return s.range;
  const std::vector<double> weights(counts.begin(), counts.end());
  std::vector<double> edges(weights.size() + 1);
  const auto first = static_cast<double>(h.first_bin());
  const double width = h.width();
  return search_range(s.range, options.symmetric, [&](const Range& r) {
    const Quantization q = activation_parameters(r, options.symmetric);
    const auto step = static_cast<double>(q.scale());
    const double lo = -q.zero_point();
    const double hi = 255.0 - q.zero_point();
    const double steps = width / step;  // in a bin
    for (std::size_t i = 0; i < edges.size(); ++i) edges[i] = integrated_error((first + static_cast<double>(i)) * steps, lo, hi);
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * (edges[i + 1] - edges[i]);
    return sum / steps * step * step;
  });
}

}  // namespace octet
