// Ranges to scales and zero-points, values to integers: the published example, closed forms and properties.
#include "converter/quantize_math.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::activation_parameters;
using octet::quantize_value;
using octet::quantize_weights;
using octet::Range;

const std::vector<double> kExample = {150.62, -50.23, 0,     -19.75, 149.62, -49.23, 63.98, -22.26, -48.74, -32.55,
                                      43.99,  45.24,  52.48, 143.28, 143.56, 26.49,  46.81, -17.5,  -16.16, 133.69};
const Range kExampleRange{-50.23F, 150.62F, true};

double squared_error(const Quantization& q) {
  double sum = 0;
  for (const double x : kExample) {
    const double back = static_cast<double>(q.scale()) * (quantize_value(x, q) - q.zero_point());
    sum += (x - back) * (x - back);
  }
  return sum / static_cast<double>(kExample.size());
}

TEST_CASE("the example: asymmetric") {
  const Quantization q = activation_parameters(kExampleRange, false);
  CHECK(q.scale() == doctest::Approx(0.7876470588235294).epsilon(1e-7));
  CHECK(q.zero_points == std::vector<std::int32_t>{64});
  CHECK(q.axis == -1);
  const std::vector<int> expected = {255, 0,   64,  39,  254, 1,  145, 36, 2,  23,
                                     120, 121, 131, 246, 246, 98, 123, 42, 43, 234};
  for (std::size_t i = 0; i < kExample.size(); ++i) CHECK(quantize_value(kExample[i], q) == expected[i]);
  CHECK(squared_error(q) == doctest::Approx(0.05278839).epsilon(1e-5));
}

TEST_CASE("the example: symmetric, as activations and as weights") {
  const Quantization q = activation_parameters(kExampleRange, true);
  CHECK(q.scale() == doctest::Approx(1.185984251968504).epsilon(1e-7));
  CHECK(q.zero_points == std::vector<std::int32_t>{128});
  const std::vector<int> expected = {127, -42, 0,  -17, 126, -42, 54, -19, -41, -27,
                                     37,  38,  44, 121, 121, 22,  39, -15, -14, 113};
  for (std::size_t i = 0; i < kExample.size(); ++i) CHECK(quantize_value(kExample[i], q) - 128 == expected[i]);
  CHECK(squared_error(q) == doctest::Approx(0.10636978).epsilon(1e-5));

  const std::vector<float> weights(kExample.begin(), kExample.end());
  const auto w = quantize_weights(weights, {}, 1, 1.0F, true);
  REQUIRE(w.scales.size() == 1);
  CHECK(w.scales[0] == q.scale());
  for (std::size_t i = 0; i < kExample.size(); ++i) CHECK(w.weights[i] == expected[i]);
}

TEST_CASE("what is never negative has zero-point 0, symmetric or not") {
  for (const bool symmetric_too : {false, true}) {
    const Quantization q = activation_parameters({2.0F, 51.0F, true}, symmetric_too);
    CHECK(q.scale() == 0.2F);
    CHECK(q.zero_point() == 0);
  }
  const Quantization q = activation_parameters({-51.0F, -2.0F, true}, false);
  CHECK(q.scale() == 0.2F);
  CHECK(q.zero_point() == 255);
}

TEST_CASE("a tie is rounded before an odd zero-point is added") {
  CHECK(quantize_value(2.5, affine(1.0F, 7)) == 9);
  CHECK(quantize_value(3.5, affine(1.0F, 7)) == 11);
  CHECK(quantize_value(std::nan(""), affine(1.0F, 7)) == 7);
  CHECK(quantize_value(-HUGE_VAL, affine(1.0F, 7)) == 0);
  CHECK(quantize_value(HUGE_VAL, affine(1.0F, 7)) == 255);
  CHECK(quantize_value(-2.5, affine(1.0F, 7)) == 5);
  CHECK(quantize_value(1e300, affine(1.0F, 7)) == 255);
  CHECK(quantize_value(-1e300, affine(1.0F, 7)) == 0);
}

TEST_CASE("ranges without width, or at the ends of f32") {
  for (const bool s : {false, true}) {
    CHECK(activation_parameters({0.0F, 0.0F, true}, s) == affine(1.0F, 0));
    CHECK(activation_parameters({}, s) == affine(1.0F, 0));  // never observed
    const Quantization constant = activation_parameters({5.1F, 5.1F, true}, s);
    CHECK(quantize_value(static_cast<double>(5.1F), constant) == 255);
    CHECK(quantize_value(0.0, constant) == 0);
  }
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kDenormal = std::numeric_limits<float>::denorm_min();
  for (const Range& r :
       {Range{-kMost, kMost, true}, Range{0, kMost, true}, Range{-kMost, 0, true}, Range{-kDenormal, kDenormal, true},
        Range{0, kDenormal, true}, Range{-1e-38F, 1e-30F, true}, Range{-1e-3F, kMost, true}}) {
    for (const bool s : {false, true}) {
      const Quantization q = activation_parameters(r, s);
      INFO(r.min, "..", r.max);
      CHECK(std::isnormal(q.scale()));
      CHECK(q.scale() > 0);
      CHECK(q.zero_point() >= 0);
      CHECK(q.zero_point() <= 255);
    }
  }
}

TEST_CASE("0 is exact, quantization is monotone, and inside the range wrong by at most half a step") {
  Random random(11);
  for (int round = 0; round < 400; ++round) {
    const float width = std::exp(random.real(-20.0F, 20.0F));
    const float centre = random.real(-1.5F, 1.5F) * width;
    const Range r{centre - width, centre + width, true};
    const double lo = std::min(0.0, static_cast<double>(r.min));
    const double hi = std::max(0.0, static_cast<double>(r.max));
    for (const bool s : {false, true}) {
      const Quantization q = activation_parameters(r, s);
      const auto step = static_cast<double>(q.scale());
      CHECK(quantize_value(0.0, q) == q.zero_point());
      int before = -1;
      for (int i = 0; i <= 100; ++i) {
        const double x = lo + (hi - lo) * i / 100;
        const int value = quantize_value(x, q);
        CHECK(value >= before);
        before = value;
        CHECK(std::abs(step * (value - q.zero_point()) - x) <= 0.5 * step * 1.0001);
      }
    }
  }
}

TEST_CASE("weights: one scale a channel, or one for all") {
  const std::vector<float> weights = {1.27F, -0.635F, 0.0F, 12.7F, -12.7F, 0.1F};
  const std::vector<float> bias = {1.0F, -0.25F};
  const auto each = quantize_weights(weights, bias, 2, 0.5F, true);
  REQUIRE(each.scales.size() == 2);
  CHECK(each.scales[0] == static_cast<float>(static_cast<double>(1.27F) / 127));
  CHECK(each.scales[1] == static_cast<float>(static_cast<double>(12.7F) / 127));
  CHECK(each.weights == std::vector<std::int8_t>{127, -64, 0, 127, -127, 1});  // -63.5 to even
  CHECK(each.bias == std::vector<std::int32_t>{200, -5});
  CHECK(each.representable);
  const auto all = quantize_weights(weights, bias, 2, 0.5F, false);
  REQUIRE(all.scales.size() == 1);
  CHECK(all.scales[0] == each.scales[1]);
  CHECK(all.weights == std::vector<std::int8_t>{13, -6, 0, 127, -127, 1});
  CHECK(all.bias == std::vector<std::int32_t>{20, -5});
  CHECK(quantize_weights(weights, {}, 2, 0.5F, true).bias.empty());
}

/// |bias| + 255 sum|w| of channel c.
std::int64_t bound(const octet::QuantizedWeights& q, std::size_t c, std::size_t depth) {
  std::int64_t sum = q.bias.empty() ? 0 : std::abs(std::int64_t{q.bias[c]});
  for (std::size_t i = 0; i < depth; ++i) sum += 255 * std::abs(std::int64_t{q.weights[c * depth + i]});
  return sum;
}

TEST_CASE("no channel can overflow its accumulator") {
  constexpr std::int64_t kLimit = std::int64_t{1} << 31;
  const auto check = [&](const std::vector<float>& weights, const std::vector<float>& bias, std::size_t channels,
                         float s_in) {
    for (const bool per_channel : {true, false}) {
      const auto q = quantize_weights(weights, bias, channels, s_in, per_channel);
      const std::size_t depth = weights.size() / channels;
      for (const float s : q.scales) CHECK((std::isnormal(s) && s > 0));
      CHECK(q.representable);
      for (std::size_t c = 0; c < channels; ++c) {
        CHECK(bound(q, c, depth) < kLimit);
        // A bias is kept to half its own step.
        const auto step = static_cast<double>(s_in) * static_cast<double>(q.scales[per_channel ? c : 0]);
        if (!bias.empty()) CHECK(std::abs(q.bias[c] * step - static_cast<double>(bias[c])) <= 0.5 * step * 1.0001);
      }
    }
  };
  check({0, 0, 0, 0}, {0, 0}, 2, 0.1F);                // all zero
  check({0, 0, 1, 2}, {3.5F, -1}, 2, 0.1F);            // a channel that is nothing but a bias
  check({1e-12F, -1e-12F, 1, 2}, {0.7F, 1}, 2, 0.1F);  // a nearly dead channel
  check({1e-45F, 0, 1, 2}, {1e20F, 1}, 2, 0.1F);
  check({1e-30F, 1e-30F}, {1e-3F}, 1, 1e-30F);
  check({1.0F, 2.0F}, {1e-45F}, 1, 100.0F);
  check(std::vector<float>(200'000, 1.0F), {0.0F, 5.0F}, 2, 0.1F);  // longer than s32 can sum at 127
  check(std::vector<float>(100, 1e30F), {1e30F}, 1, 1e-3F);
}

TEST_CASE("a channel that is nothing but a bias keeps it exactly enough, one of zeros has scale 1") {
  const auto q = quantize_weights(std::vector<float>{0, 0, 0, 0}, std::vector<float>{-0.3F, 0.0F}, 2, 0.01F, true);
  CHECK(q.weights == std::vector<std::int8_t>{0, 0, 0, 0});
  const double back = q.bias[0] * static_cast<double>(0.01F) * static_cast<double>(q.scales[0]);
  CHECK(back == doctest::Approx(-0.3).epsilon(1e-6));
  CHECK(q.scales[1] == 1.0F);
  CHECK(q.bias[1] == 0);
}

TEST_CASE("a bias that no scale reaches ends the search") {
  const auto q = quantize_weights(std::vector<float>{1.0F}, std::vector<float>{3e38F}, 1, 1.2e-38F, true);
  CHECK_FALSE(q.representable);
}

TEST_CASE("tables hold the quantized function of every byte") {
  const Quantization in = affine(0.1F, 128);
  const Quantization out = affine(0.05F, 10);
  const auto table = octet::make_table(in, out, [](double x) { return x * x; });
  REQUIRE(table.size() == 256);
  CHECK(table[128] == 10);
  CHECK(table[129] == 10);  // 0.01 is a fifth of a step
  CHECK(table[138] == 30);
  CHECK(table[118] == 30);
  CHECK(table[0] == 255);
  const auto same = octet::make_table(in, in, [](double x) { return x; });
  for (std::size_t i = 0; i < 256; ++i) CHECK(same[i] == i);
}

}  // namespace
}  // namespace octet_test
