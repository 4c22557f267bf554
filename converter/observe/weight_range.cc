#include "converter/observe/weight_range.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace octet {
namespace {

/// rne(x) for |x| < 2^22 in round-to-nearest mode, in a form compilers vectorize.
float rounded(float x) noexcept {
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

/// Sum of (w - w')^2 in units of the scale, `steps` = 1 / scale: f32 is enough to compare candidates, in blocks so that it stays
/// so however many weights there are.
double error_in_steps(std::span<const float> weights, float steps) {
  constexpr std::size_t kBlock = 1024;
  constexpr std::size_t kLanes = 16;
  double sum = 0;
  for (std::size_t begin = 0; begin < weights.size(); begin += kBlock) {
    const auto block = weights.subspan(begin, std::min(kBlock, weights.size() - begin));
    std::array<float, kBlock + kLanes> squares;
    for (std::size_t i = 0; i < block.size(); ++i) {
      const float x = block[i] * steps;
      const float e = std::max(std::abs(x - rounded(x)), std::abs(x) - 127.0F);  // the second where it is clipped
      squares[i] = e * e;
    }
    std::fill_n(squares.begin() + static_cast<std::ptrdiff_t>(block.size()), kLanes, 0.0F);
    std::array<float, kLanes> sums{};
    for (std::size_t i = 0; i < block.size(); i += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += squares[i + lane];
    for (const float s : sums) sum += static_cast<double>(s);
  }
  return sum;
}

/// The best limit so far, in units of the largest weight, of weights scaled so that this is 1.
struct Best {
  std::span<const float> weights;
  double limit = 1, least = HUGE_VAL;

  void attempt(double candidate) {
    const double scale = candidate / 127.0;
    const double error = error_in_steps(weights, static_cast<float>(1.0 / scale)) * scale * scale;
    if (!(error < least)) return;
    least = error;
    limit = candidate;
  }
};

}  // namespace

double least_error_limit(std::span<const float> weights) {
  float most = 0;
  for (const float w : weights) most = std::max(most, std::abs(w));
  if (most == 0) return 0;
  // Relative to the largest, so that the largest and the smallest floats are nothing special.
  std::vector<float> relative(weights.begin(), weights.end());
  for (float& w : relative) w = static_cast<float>(static_cast<double>(w) / static_cast<double>(most));
  Best best{relative};
  for (int step = 0; step <= 32; ++step) best.attempt(std::exp2(-step / 8.0));
  for (const double around = best.limit; int step : {-6, -4, -2, 2, 4, 6}) best.attempt(std::min(around * std::exp2(step / 64.0), 1.0));
  // A channel has few weights: a little to either side the roundings fall otherwise, and some fall better.
  constexpr int kFine = 16;
  const double around = best.limit;
  for (int step = -kFine; step <= kFine; ++step) best.attempt(around * (1.0 + step / 3072.0));
  return best.limit * static_cast<double>(most);
}

}  // namespace octet
