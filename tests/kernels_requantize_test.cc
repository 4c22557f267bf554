// The arithmetic every int8 result passes through: quant_math.h against independent definitions, and the vector
// epilogue against the scalar one, byte for byte.
#include "kernels/requantize/requantize.h"

#include <cfenv>
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::kernels::Epilogue;
using octet::kernels::OutputU8;
using octet::kernels::RequantizeKernel;

constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kHighest = std::numeric_limits<std::int32_t>::max();

/// clamp(rne(t) + z, lo, hi) in f64, in the order of the schema's text.
std::uint8_t specified(float t, const OutputU8& out) {
  const double q = std::nearbyint(static_cast<double>(t)) + out.zero_point;
  return static_cast<std::uint8_t>(std::min(std::max(q, static_cast<double>(out.lo)), static_cast<double>(out.hi)));
}

TEST_CASE("finish_u8 is clamp(rne(t) + z, lo, hi)") {
  Random random(1);
  for (const std::int32_t z : {0, 1, 2, 127, 128, 254, 255}) {
    for (const auto& [lo, hi] : {std::pair{0, 255}, std::pair{z, 255}, std::pair{0, z}, std::pair{z, z},
                                 std::pair{255, 255}, std::pair{0, 0}, std::pair{17, 211}}) {
      const OutputU8 out{z, lo, hi};
      for (int half = -1100; half <= 1100; ++half) {
        const float t = static_cast<float>(half) * 0.5F;  // every tie, and every whole number
        CHECK(octet::kernels::finish_u8(t, out) == specified(t, out));
        CHECK(octet::kernels::finish_u8(std::nextafter(t, kInf), out) == specified(std::nextafter(t, kInf), out));
        CHECK(octet::kernels::finish_u8(std::nextafter(t, -kInf), out) == specified(std::nextafter(t, -kInf), out));
      }
      for (const float t : {1e10F, -1e10F, 3e38F, -3e38F, kInf, -kInf, 1e-45F, -1e-45F, -0.0F, 8388609.0F})
        CHECK(octet::kernels::finish_u8(t, out) == (t > 255 ? hi : t < -255 ? lo : specified(t, out)));
      for (int i = 0; i < 200; ++i) {
        const float t = random.real(-300, 300);
        CHECK(octet::kernels::finish_u8(t, out) == specified(t, out));
      }
    }
  }
}

TEST_CASE("quantize: the zero-point is added after the rounding") {
  // 2.5 + 1 would round to 4 in one step; rne(2.5) + 1 = 3.
  CHECK(octet::kernels::quantize(2.5F, 1.0F, {1, 0, 255}) == 3);
  CHECK(octet::kernels::quantize(3.5F, 1.0F, {1, 0, 255}) == 5);
  CHECK(octet::kernels::quantize(-0.5F, 1.0F, {7, 0, 255}) == 7);
  CHECK(octet::kernels::quantize(1.0F, 0.1F, {0, 0, 255}) == 10);
  CHECK(octet::kernels::quantize(kInf, 0.1F, {9, 0, 255}) == 255);
  CHECK(octet::kernels::quantize(-kInf, 0.1F, {9, 0, 255}) == 0);
  CHECK(octet::kernels::quantize(3e38F, 1e-38F, {9, 0, 255}) == 255);  // the quotient overflows
}

TEST_CASE("quantize divides: a reciprocal would round differently") {
  Random random(2);
  int differences = 0;
  for (int i = 0; i < 20'000; ++i) {
    const float s = random.real(0.001F, 0.1F);
    const float x = (static_cast<float>(random.integer(-100, 100)) + 0.5F) * s;
    const OutputU8 out{128, 0, 255};
    CHECK(octet::kernels::quantize(x, s, out) == specified(x / s, out));
    differences += specified(x / s, out) != specified(x * (1.0F / s), out) ? 1 : 0;
  }
  CHECK(differences > 0);
}

TEST_CASE("requantize rounds the accumulator to f32, then the product") {
  const OutputU8 out{0, 0, 255};
  CHECK(octet::kernels::requantize(5, 0.5F, out) == 2);  // 2.5 to even
  CHECK(octet::kernels::requantize(7, 0.5F, out) == 4);  // 3.5 to even
  CHECK(octet::kernels::requantize(-5, 0.5F, {10, 0, 255}) == 8);
  // 2^24 + 1 is no f32: it becomes 2^24, whose product is exactly 0.5, a tie; exact arithmetic would round up.
  CHECK(octet::kernels::requantize((1 << 24) + 1, std::ldexp(1.0F, -25), out) == 0);
  CHECK(octet::kernels::requantize((1 << 24) + 2, std::ldexp(1.0F, -25), out) == 1);
  CHECK(octet::kernels::requantize(kHighest, 1e30F, out) == 255);
  CHECK(octet::kernels::requantize(kLowest, 1e30F, out) == 0);
}

TEST_CASE("product_multiplier rounds once") {
  const float a = 0.1F;
  const float b = 0.3F;
  const float c = 0.7F;
  CHECK(octet::kernels::product_multiplier(a, b, c) ==
        static_cast<float>(static_cast<double>(a) * static_cast<double>(b) / static_cast<double>(c)));
  CHECK(octet::kernels::product_multiplier(1e-30F, 1e-30F, 1e-30F) == 1e-30F);  // the product alone is no f32
}

TEST_CASE("dequantize is s (q - z)") {
  CHECK(octet::kernels::dequantize(0, 0.25F, 200) == -50.0F);
  CHECK(octet::kernels::dequantize(255, 0.25F, 0) == 63.75F);
  CHECK(octet::kernels::dequantize(3, 7.0F, 3) == 0.0F);
}

struct Case {
  std::int64_t rows, channels;
  std::vector<std::int32_t> acc, bias;
  std::vector<float> multiplier;
};

/// Accumulators that with their bias stay in s32, some of them at its ends.
Case make_case(Random& random, std::int64_t rows, std::int64_t channels) {
  Case c{rows, channels, {}, {}, {}};
  constexpr float kMultipliers[] = {0.5F, 0.25F, 1.0F, 0.0F, 1e-45F, 1e-20F, 3e38F, 0.1F};
  for (std::int64_t i = 0; i < channels; ++i) {
    c.bias.push_back(static_cast<std::int32_t>(random.integer(-1000, 1000)));
    const auto pick = random.integer(0, 11);
    c.multiplier.push_back(pick < 8 ? kMultipliers[pick] : random.real(1e-6F, 0.01F));
  }
  for (std::int64_t i = 0; i < rows * channels; ++i) {
    const std::int32_t bias = c.bias[static_cast<std::size_t>(i % channels)];
    const auto kind = random.integer(0, 9);
    std::int64_t value = kind < 5 ? random.integer(-600, 600) : random.integer(-(1 << 26), 1 << 26);
    if (kind == 8) value = std::int64_t{kHighest} - bias - random.integer(0, 3);
    if (kind == 9) value = std::int64_t{kLowest} - bias + random.integer(0, 3);
    c.acc.push_back(
        static_cast<std::int32_t>(std::min<std::int64_t>(std::max<std::int64_t>(value, kLowest), kHighest)));
    if (kind == 8 && bias < 0) c.acc.back() = kHighest;
    if (kind == 9 && bias > 0) c.acc.back() = kLowest;
  }
  return c;
}

constexpr std::int64_t kChannels[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 31, 32, 33, 40, 47, 48, 49, 63, 64, 65, 80, 127, 128, 130, 200};

/// Every kernel this CPU can run, on one and two threads.
template <class F>
void for_each_kernel(const F& f) {
  for (const RequantizeKernel& kernel : octet::kernels::requantize_kernels()) {
    if (!octet::kernels::cpu_has(kernel.isa)) continue;
    INFO(kernel.name);
    for (const int threads : {1, 2}) f(kernel, threads);
  }
}

TEST_CASE("requantization gives the bytes of requantize_reference: u8") {
  Random random(3);
  for (const std::int64_t channels : kChannels) {
    for (const std::int32_t z : {0, 1, 128, 255}) {
      const Case c = make_case(random, 7, channels);
      for (const auto& [lo, hi] : {std::pair{0, 255}, std::pair{z, 255}, std::pair{0, z}, std::pair{z, z}}) {
        Epilogue e{c.bias.data(), c.multiplier.data(), {z, lo, hi}, 0, 0, nullptr, nullptr};
        // Guards behind the output: nothing may be written there.
        std::vector<std::uint8_t> expected(c.acc.size() + 64, 0xEE);
        e.y = expected.data();
        octet::kernels::requantize_reference(c.acc.data(), c.rows, c.channels, e, 1);
        for_each_kernel([&](const RequantizeKernel& kernel, int threads) {
          std::vector<std::uint8_t> y(expected.size(), 0xEE);
          e.y = y.data();
          octet::kernels::requantize(kernel, c.acc.data(), c.rows, c.channels, e, threads);
          CHECK(y == expected);
        });
        for (std::size_t i = 0; i < c.acc.size(); ++i) {
          const std::size_t k = i % static_cast<std::size_t>(channels);
          const float t = static_cast<float>(c.acc[i] + c.bias[k]) * c.multiplier[k];
          if (std::abs(t) < 1e6F) CHECK(expected[i] == specified(t, e.out));
        }
      }
    }
  }
}

TEST_CASE("requantization gives the bytes of requantize_reference: f32") {
  Random random(4);
  for (const std::int64_t channels : kChannels) {
    const Case c = make_case(random, 5, channels);
    for (const auto& [lo, hi] :
         {std::pair{-kInf, kInf}, std::pair{0.0F, kInf}, std::pair{-0.0F, kInf}, std::pair{-kInf, -0.0F},
          std::pair{-kInf, 0.0F}, std::pair{-1.5F, 6.0F}, std::pair{2.0F, 2.0F}}) {
      Epilogue e{c.bias.data(), c.multiplier.data(), {}, lo, hi, nullptr, nullptr};
      std::vector<float> expected(c.acc.size() + 16, 123.0F);
      e.real = expected.data();
      octet::kernels::requantize_reference(c.acc.data(), c.rows, c.channels, e, 1);
      for_each_kernel([&](const RequantizeKernel& kernel, int threads) {
        std::vector<float> y(expected.size(), 123.0F);
        e.real = y.data();
        octet::kernels::requantize(kernel, c.acc.data(), c.rows, c.channels, e, threads);
        CHECK(bytes_of(y) == bytes_of(expected));
      });
      for (std::size_t i = 0; i < c.acc.size(); ++i) {
        const std::size_t k = i % static_cast<std::size_t>(channels);
        const float t = static_cast<float>(c.acc[i] + c.bias[k]) * c.multiplier[k];
        CHECK(expected[i] == (t < lo ? lo : t > hi ? hi : t));
      }
    }
  }
}

TEST_CASE("every tie and every accumulator around the ends of u8") {
  const std::vector<std::int32_t> bias(33, 0);
  const std::vector<float> multiplier(33, 0.5F);
  std::vector<std::int32_t> acc;
  for (std::int32_t i = 0; i < 33 * 40; ++i) acc.push_back(i - 660);
  for (int z = 0; z <= 255; ++z) {
    Epilogue e{bias.data(), multiplier.data(), {z, 0, 255}, 0, 0, nullptr, nullptr};
    std::vector<std::uint8_t> expected(acc.size());
    std::vector<std::uint8_t> y(acc.size());
    e.y = expected.data();
    octet::kernels::requantize_reference(acc.data(), 40, 33, e, 1);
    e.y = y.data();
    for_each_kernel([&](const RequantizeKernel& kernel, int threads) {
      std::ranges::fill(y, std::uint8_t{0xEE});
      octet::kernels::requantize(kernel, acc.data(), 40, 33, e, threads);
      CHECK(y == expected);
    });
    for (std::size_t i = 0; i < acc.size(); ++i)
      CHECK(expected[i] == specified(static_cast<float>(acc[i]) * 0.5F, e.out));
  }
}

}  // namespace
}  // namespace octet_test
