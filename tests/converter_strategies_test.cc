// Range strategies: closed forms, examples, and what all of them keep to.
#include "converter/observe/strategy.h"

#include <algorithm>
#include <cmath>

#include "converter/observe/search.h"
#include "converter/observe/weight_range.h"
#include "converter/quantize_math.h"
#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::find_strategy;
using octet::Range;
using octet::Statistics;

Statistics statistics_of(const std::vector<float>& values, std::size_t row_length = 0) {
  Statistics s;
  const auto extremes = octet::extremes_of(values);
  s.range = s.average = extremes.range;
  s.histogram.emplace().add(values, extremes);
  if (row_length != 0) s.rows.emplace(row_length).add(values, 0);
  return s;
}

Range range_of(const std::string& strategy, const Statistics& s, const octet::StrategyOptions& options = {}) {
  const auto* found = find_strategy(strategy);
  REQUIRE(found != nullptr);
  return found->range(s, options);
}

double mean_squared_error(const std::vector<float>& values, const Range& r, bool symmetric_too = false) {
  const Quantization q = octet::activation_parameters(r, symmetric_too);
  double sum = 0;
  for (const float v : values) {
    const auto x = static_cast<double>(v);
    const double e = x - static_cast<double>(q.scale()) * (octet::quantize_value(x, q) - q.zero_point());
    sum += e * e;
  }
  return sum / static_cast<double>(values.size());
}

/// Standard normal values.
std::vector<float> normal_values(std::size_t count, unsigned seed) {
  Random random(seed);
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    float sum = -6;  // of twelve uniform ones: close enough, and the same everywhere
    for (int k = 0; k < 12; ++k) sum += random.real(0, 1);
    values.push_back(sum);
  }
  return values;
}

TEST_CASE("there are the six strategies, minmax first") {
  CHECK(octet::strategy_names() == "minmax, moving-average, percentile, mse, entropy, cross-entropy");
  CHECK(find_strategy("magic") == nullptr);
  CHECK(find_strategy("auto") == nullptr);
}

TEST_CASE("10,000 uniform values and an outlier: why there are strategies") {
  std::vector<float> values = Random(1).reals(10'000, -50, 150);
  const std::vector<float> bulk = values;
  values.push_back(1000);
  const Statistics s = statistics_of(values);
  CHECK(mean_squared_error(bulk, range_of("minmax", s)) == doctest::Approx(1.41).epsilon(0.02));
  CHECK(mean_squared_error(bulk, range_of("percentile", s)) == doctest::Approx(0.055).epsilon(0.1));
}

TEST_CASE("percentiles: closed forms") {
  std::vector<float> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(static_cast<float>(i) / 100'000 * 4 - 1);  // [-1, 3)
  const Statistics s = statistics_of(values);
  const auto of = [&](double p) { return range_of("percentile", s, {p, false}); };
  for (const double p : {99.9, 99.0, 90.0, 75.5}) {
    CHECK(of(p).max == doctest::Approx(-1 + 4 * p / 100).epsilon(0.002));
    CHECK(of(p).min == doctest::Approx(-1 + 4 * (1 - p / 100)).epsilon(0.002));
  }
  CHECK(of(100).min == s.range.min);
  CHECK(of(100).max == s.range.max);
  CHECK(of(99.9999).max == s.range.max);  // a tenth of a value is beyond

  // Zeros count as values: half of them are, so the 75th percentile of all is the median of the rest.
  std::vector<float> half;
  for (int i = 1; i <= 10'000; ++i) half.insert(half.end(), {0.0F, static_cast<float>(i) / 10'000});
  CHECK(range_of("percentile", statistics_of(half), {75, false}).max == doctest::Approx(0.5).epsilon(0.002));
  CHECK(range_of("percentile", statistics_of(half), {75, false}).min == 0);
}

TEST_CASE("a nearly dead tensor keeps its values: its percentile would be 0") {
  std::vector<float> values(100'000, 0.0F);
  values[5] = 3.0F;
  for (const char* name : {"percentile", "mse", "entropy", "cross-entropy"}) CHECK(range_of(name, statistics_of(values)).max > 2.9F);
}

TEST_CASE("mse: a uniform density keeps its range, a Laplace density is clipped where theory says") {
  std::vector<float> uniform;
  for (int i = 0; i <= 50'000; ++i) uniform.push_back(static_cast<float>(i) / 25'000 - 1);
  CHECK(range_of("mse", statistics_of(uniform)).max == 1);
  CHECK(range_of("mse", statistics_of(uniform)).min == -1);

  // Error of clipping at a: exp(-a) * 2; of 256 steps of 2 a / 256: a^2 / (3 * 4^8). The sum is least where
  // a / (3 * 4^8) = exp(-a): a = 9.9.
  std::vector<float> laplace;
  constexpr int kHalf = 1 << 20;
  for (int i = 0; i < kHalf; ++i) {
    const auto x = static_cast<float>(-std::log((i + 0.5) / kHalf));
    laplace.insert(laplace.end(), {x, -x});
  }
  for (const bool symmetric_too : {false, true}) {
    const Range r = range_of("mse", statistics_of(laplace), {99.99, symmetric_too});
    CHECK(r.max == doctest::Approx(9.9).epsilon(0.05));
    CHECK(r.min == doctest::Approx(-9.9).epsilon(0.05));
  }
}

TEST_CASE("mse is no worse than any other range, whatever the tensor looks like") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    auto values = normal_values(4000, seed);
    Random random(seed);
    for (float& v : values) {
      if (seed % 2 == 1) v = std::max(v, 0.0F);
      if (seed % 3 == 1 && random.integer(0, 999) == 0) v *= random.real(2, 60);
      if (seed % 4 == 3) v = -v * v;
    }
    const Statistics s = statistics_of(values);
    for (const bool symmetric_too : {false, true}) {
      const double least = mean_squared_error(values, range_of("mse", s, {99.99, symmetric_too}), symmetric_too);
      // Within a bin the values are not quite evenly spread: 3 %.
      for (const auto& other : octet::strategies())
        CHECK(least <= 1.03 * mean_squared_error(values, other.range(s, {99.9, symmetric_too}), symmetric_too));
    }
  }
}

TEST_CASE("entropy: a bell keeps what it needs, outliers are clipped, single values do not squeeze the range") {
  auto values = normal_values(100'000, 4);
  const Range bell = range_of("entropy", statistics_of(values));
  CHECK(bell.max > 2.5F);
  CHECK(bell.min < -2.5F);
  auto outliers = values;
  outliers.insert(outliers.end(), {60.0F, -75.0F, 70.0F});
  const Range clipped = range_of("entropy", statistics_of(outliers));
  CHECK(clipped.max < 15);
  CHECK(clipped.min > -15);
  CHECK(clipped.max > 2.5F);
  // Too few to be a distribution.
  const auto few = statistics_of(normal_values(300, 5));
  CHECK(range_of("entropy", few).max == range_of("mse", few).max);
  CHECK(range_of("entropy", few).min == range_of("mse", few).min);
  // A background: half of all values are one value.
  auto background = values;
  background.insert(background.end(), values.size(), 0.731F);
  CHECK(range_of("entropy", statistics_of(background)).max > 2.5F);
  CHECK(range_of("entropy", statistics_of(background)).min < -2.5F);
}

TEST_CASE("cross-entropy: what no softmax feels is clipped; without rows it is mse") {
  Random random(5);
  std::vector<float> logits;
  for (int row = 0; row < 200; ++row)
    for (int i = 0; i < 10; ++i) logits.push_back(i == 0 ? -200.0F : random.real(-3, 5));
  const Statistics with = statistics_of(logits, 10);
  const Statistics without = statistics_of(logits);
  CHECK(range_of("cross-entropy", with).min > -60);
  CHECK(range_of("cross-entropy", with).max > 4);
  CHECK(range_of("mse", with).min < -150);
  CHECK(range_of("cross-entropy", without).min == range_of("mse", without).min);
  CHECK(range_of("cross-entropy", without).max == range_of("mse", without).max);
}

TEST_CASE("the moving average of chunks") {
  Range r;
  r = octet::moved(r, {});
  CHECK_FALSE(r.observed);
  r = octet::moved(r, {-1, 2, true});
  CHECK(r.min == -1);
  CHECK(r.max == 2);
  for (int i = 0; i < 3; ++i) r = octet::moved(r, {-2, 12, true});
  CHECK(r.min == doctest::Approx(-2 + std::pow(0.99, 3)));
  CHECK(r.max == doctest::Approx(12 - 10 * std::pow(0.99, 3)));
}

TEST_CASE("the search prefers the wider of equally good ranges, and finds a narrow one") {
  const auto flat = [](const Range&) { return 1.0; };
  Range r = octet::search_range({-3, 5, true}, false, flat);
  CHECK(r.min == -3);
  CHECK(r.max == 5);
  r = octet::search_range({-3, 5, true}, true, flat);
  CHECK(r.min == -5);
  CHECK(r.max == 5);
  r = octet::search_range({2, 5, true}, false, flat);
  CHECK(r.min == 0);
  // Each end has its own optimum.
  const auto two = [](const Range& x) { return std::abs(std::log(-static_cast<double>(x.min) / 0.25)) + std::abs(std::log(static_cast<double>(x.max) / 40.0)); };
  r = octet::search_range({-8, 100, true}, false, two);
  CHECK(r.min == doctest::Approx(-0.25).epsilon(0.012));
  CHECK(r.max == doctest::Approx(40).epsilon(0.012));
}

TEST_CASE("every strategy makes something usable of every tensor") {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  std::vector<std::vector<float>> tensors = {{5.0F},
                                             std::vector<float>(1000, 5.0F),
                                             std::vector<float>(1000, -0.001F),
                                             std::vector<float>(1000, 0.0F),
                                             {0.0F, kLeast},
                                             {-kLeast, kLeast, 1e-40F},
                                             {-kMost, kMost},
                                             {kMost, kMost, 1.0F},
                                             {-kMost, -1e-40F},
                                             {1e-12F, -1e-12F, 0.0F, 3.0F}};
  auto spread = normal_values(3000, 9);
  for (float& v : spread) v = -std::abs(v);
  tensors.push_back(spread);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    for (const std::size_t row_length : {0U, 1U}) {
      const Statistics s = statistics_of(tensors[i], row_length);
      const bool all_zero = s.range.min == 0 && s.range.max == 0;
      for (const auto& strategy : octet::strategies()) {
        for (const bool symmetric_too : {false, true}) {
          INFO("tensor ", i, " ", strategy.name);
          const Range r = strategy.range(s, {99.99, symmetric_too});
          CHECK(r.observed);
          CHECK(std::isfinite(r.min));
          CHECK(std::isfinite(r.max));
          CHECK(r.min <= r.max);
          CHECK((r.min == 0 && r.max == 0) == all_zero);
          const float largest = std::max(std::abs(s.range.min), std::abs(s.range.max));
          CHECK(r.max <= (symmetric_too ? largest : std::max(s.range.max, 0.0F)));
          CHECK(r.min >= (symmetric_too ? -largest : std::min(s.range.min, 0.0F)));
          const Quantization q = octet::activation_parameters(r, symmetric_too);
          CHECK(std::isnormal(q.scale()));
          CHECK(octet::quantize_value(0.0, q) == q.zero_point());
        }
      }
    }
  }
}

TEST_CASE("a constant tensor keeps its value under every strategy") {
  for (const float value : {5.0F, -0.001F, 1e30F}) {
    const std::vector<float> values(100, value);
    for (const auto& strategy : octet::strategies()) {
      INFO(strategy.name, " ", value);
      const Range r = strategy.range(statistics_of(values), {});
      CHECK(std::sqrt(mean_squared_error(values, r)) <= std::abs(static_cast<double>(value)) / 255);
    }
  }
}

TEST_CASE("weights with the least error: never worse than minmax, and an outlier is given up") {
  auto weights = normal_values(500, 3);
  const auto error = [&](double limit) {
    double sum = 0;
    for (const float w : weights) {
      const double q = std::clamp(std::nearbyint(static_cast<double>(w) * 127 / limit), -127.0, 127.0);
      sum += std::pow(static_cast<double>(w) - q * limit / 127, 2);
    }
    return sum;
  };
  const auto largest = [&] { return static_cast<double>(std::abs(*std::ranges::max_element(weights, {}, [](float w) { return std::abs(w); }))); };
  CHECK(error(octet::least_error_limit(weights)) <= error(largest()));
  double usual = 0;
  double least = 0;
  for (unsigned channel = 0; channel < 50; ++channel) {
    weights = normal_values(72, 100 + channel);
    usual += error(largest());
    least += error(octet::least_error_limit(weights));
  }
  CHECK(least < 0.97 * usual);  // few weights: roundings can be chosen
  weights = normal_values(500, 3);
  weights.insert(weights.end(), 20'000, 0.001F);
  weights.push_back(0.2F);
  weights.erase(weights.begin(), weights.begin() + 500);
  CHECK(octet::least_error_limit(weights) < 0.2 * 1.0001);
  CHECK(error(octet::least_error_limit(weights)) < 0.9 * error(largest()));
  CHECK(octet::least_error_limit(std::vector<float>(3, 0.0F)) == 0);
  CHECK(octet::least_error_limit(std::vector<float>{-2.54F}) == doctest::Approx(2.54));
  CHECK(octet::least_error_limit(std::vector<float>{1e-45F, 0.0F}) > 0);
  CHECK(octet::least_error_limit(std::vector<float>{3e38F, -1.0F}) > 1e38);

  const auto q = octet::quantize_weights(weights, {}, 1, 1.0F, true, true);
  CHECK(static_cast<double>(q.scales[0]) == doctest::Approx(octet::least_error_limit(weights) / 127));
  CHECK(octet::check_weight_calibrator("mse").has_value());
  check_error(octet::check_weight_calibrator("entropy"), ErrorCode::invalid_argument, {"entropy", "minmax, mse"});
}

}  // namespace
}  // namespace octet_test
