#include "converter/observe/weight_range.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "converter/observe/rounded.h"
#include "converter/observe/search.h"

namespace octet {
namespace {

double squared_error(std::span<const float> weights, double scale) {
  std::array<double, 8> sums{};
  const double inverse = 1.0 / scale;
  const auto error = [&](float w) {
    const auto x = static_cast<double>(w);
    const double q = rounded(std::min(std::max(x * inverse, -127.0), 127.0));
    return (x - q * scale) * (x - q * scale);
  };
  const std::size_t whole = weights.size() / sums.size() * sums.size();
  for (std::size_t i = 0; i < whole; i += sums.size())
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += error(weights[i + lane]);
  for (std::size_t i = whole; i < weights.size(); ++i) sums[0] += error(weights[i]);
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

}  // namespace

double least_error_limit(std::span<const float> weights) {
  float most = 0;
  for (const float w : weights) most = std::max(most, std::abs(w));
  if (most == 0) return 0;
  const Range best =
      search_range({-most, most, true}, true, [&](const Range& r) { return r.max > 0 ? squared_error(weights, static_cast<double>(r.max) / 127.0) : HUGE_VAL; });
  return static_cast<double>(best.max);
}

}  // namespace octet
