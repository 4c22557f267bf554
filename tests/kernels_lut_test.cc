// Look-ups, quantization and dequantization: every kernel this CPU can run against the scalar one, between guard pages.
#include "kernels/lut/lut.h"

#include <cfenv>
#include <cmath>

#include "tests/support/graph_builder.h"
#include "tests/support/guarded.h"

namespace octet_test {
namespace {

using namespace octet::kernels;

constexpr std::int64_t kLengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 130, 200, 1000};

bool runs_here(const LookupKernel& k) { return cpu_has(k.isa) && (!k.vbmi || cpu_has_vbmi()); }

TEST_CASE("look-ups: every length, every byte") {
  Random random(1);
  const Guarded<std::uint8_t> table(random.integers<std::uint8_t>(256, 0, 255));
  for (const LookupKernel& kernel : lookup_kernels()) {
    if (!runs_here(kernel)) continue;
    INFO(kernel.name);
    for (const std::int64_t n : kLengths) {
      for (const Edge edge : {Edge::end, Edge::begin}) {
        const Guarded<std::uint8_t> x(random.integers<std::uint8_t>(static_cast<std::size_t>(n), 0, 255), edge);
        Guarded<std::uint8_t> y(x.size(), edge);
        kernel.run(table.data(), x.data(), n, y.data());
        for (std::size_t i = 0; i < y.size(); ++i) CHECK(y.data()[i] == table.data()[x.data()[i]]);
      }
    }
  }
}

TEST_CASE("look-ups: a table for each channel, wherever its axis is") {
  Random random(2);
  for (const auto& [outer, channels, inner] : {std::array<std::int64_t, 3>{1, 1, 300}, {2, 3, 70}, {5, 4, 1}, {1, 130, 2}, {70'000, 2, 3}}) {
    const auto tables = random.integers<std::uint8_t>(static_cast<std::size_t>(256 * channels), 0, 255);
    const auto x = random.integers<std::uint8_t>(static_cast<std::size_t>(outer * channels * inner), 0, 255);
    std::vector<std::uint8_t> expected(x.size());
    lookup_u8_reference({outer, channels, inner, x.data(), tables.data(), expected.data(), 1});
    for (const LookupKernel& kernel : lookup_kernels()) {
      if (!runs_here(kernel)) continue;
      for (const int threads : {1, 2}) {
        std::vector<std::uint8_t> y(x.size());
        lookup_u8(kernel, {outer, channels, inner, x.data(), tables.data(), y.data(), threads});
        CHECK(y == expected);
      }
    }
  }
}

TEST_CASE("quantization: ties, extremes, every length") {
  Random random(3);
  constexpr float kSpecial[] = {0.0F, -0.0F, kInf, -kInf, 3e38F, -3e38F, 1e-45F, -1e-45F, 0.5F, -0.5F, 1.5F, 2.5F, -2.5F, 254.5F, 255.5F, 1e9F};
  for (const QuantizeKernel& kernel : quantize_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name);
    for (const std::int64_t n : kLengths) {
      for (const std::int32_t z : {0, 3, 128, 255}) {
        const OutputU8 out{z, z / 2, 255 - z / 4};
        const float scale = random.integer(0, 1) == 0 ? 1.0F : random.real(0.01F, 0.1F);
        Guarded<float> x(static_cast<std::size_t>(n));
        for (std::size_t i = 0; i < x.size(); ++i)
          x.data()[i] = random.integer(0, 2) == 0 ? kSpecial[random.integer(0, 15)] : (static_cast<float>(random.integer(-600, 600)) * 0.5F) * scale;
        std::vector<std::uint8_t> expected(x.size());
        CHECK(quantize_f32_reference({n, x.data(), scale, out, expected.data(), 1}));
        Guarded<std::uint8_t> y(x.size());
        CHECK(kernel.run({n, x.data(), scale, out, y.data(), 1}));
        CHECK(y.values() == expected);
      }
    }
  }
}

TEST_CASE("quantization of what lies at and around ties, at scales whose inverse is exact, rounded, denormal or infinite") {
  Random random(6);
  for (const QuantizeKernel& kernel : quantize_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name);
    for (const float scale : {1.0F, 0.1F, 1.0F / 255.0F, 0.0123456F, 7.7F, 1e30F, 1.2e-38F, 1e38F, 3.4e38F}) {
      INFO(scale);
      std::vector<float> x;
      for (int k = -300; k < 300; ++k) {
        float v = static_cast<float>((static_cast<double>(k) + 0.5) * static_cast<double>(scale));
        for (int i = 0; i < 3; ++i) v = std::nextafter(v, -kInf);
        for (int i = 0; i < 7; ++i, v = std::nextafter(v, kInf)) x.push_back(v);
        // Far from ties, so that not every chunk has one.
        for (int i = 0; i < 130; ++i) x.push_back(static_cast<float>(static_cast<double>(k) + static_cast<double>(random.real(-0.4F, 0.4F))) * scale);
      }
      const auto n = static_cast<std::int64_t>(x.size());
      std::vector<std::uint8_t> expected(x.size());
      const OutputU8 out{128, 3, 250};
      CHECK(quantize_f32_reference({n, x.data(), scale, out, expected.data(), 1}));
      std::vector<std::uint8_t> y(x.size());
      CHECK(kernel.run({n, x.data(), scale, out, y.data(), 1}));
      CHECK(y == expected);
    }
  }
}

TEST_CASE("quantization finds a NaN wherever it is") {
  for (const QuantizeKernel& kernel : quantize_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name);
    std::vector<float> x(150, 1.0F);
    std::vector<std::uint8_t> y(x.size());
    for (float& v : x) {
      v = std::numeric_limits<float>::quiet_NaN();
      CHECK_FALSE(quantize_f32(kernel, {150, x.data(), 0.5F, {}, y.data(), 1}));
      v = 1.0F;
    }
    CHECK(quantize_f32(kernel, {150, x.data(), 0.5F, {}, y.data(), 1}));
  }
}

TEST_CASE("quantization and dequantization on two threads") {
  Random random(4);
  const std::int64_t n = 300'001;
  const auto x = random.reals(static_cast<std::size_t>(n), -3.0F, 3.0F);
  std::vector<std::uint8_t> expected(x.size());
  CHECK(quantize_f32_reference({n, x.data(), 0.02F, {100, 0, 255}, expected.data(), 1}));
  std::vector<std::uint8_t> y(x.size());
  CHECK(quantize_f32(find_quantize_kernel(best_isa()), {n, x.data(), 0.02F, {100, 0, 255}, y.data(), 2}));
  CHECK(y == expected);
  std::vector<float> reals(x.size());
  std::vector<float> back(x.size());
  dequantize_u8_reference({n, y.data(), 0.02F, 100, reals.data(), 1});
  dequantize_u8(find_dequantize_kernel(best_isa()), {n, y.data(), 0.02F, 100, back.data(), 2});
  CHECK(back == reals);
}

TEST_CASE("dequantization: every byte, every length") {
  Random random(5);
  for (const DequantizeKernel& kernel : dequantize_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name);
    for (const std::int64_t n : kLengths) {
      const Guarded<std::uint8_t> x(random.integers<std::uint8_t>(static_cast<std::size_t>(n), 0, 255));
      std::vector<float> expected(x.size());
      dequantize_u8_reference({n, x.data(), 0.37F, 77, expected.data(), 1});
      Guarded<float> y(x.size());
      kernel.run({n, x.data(), 0.37F, 77, y.data(), 1});
      CHECK(bytes_of(y.values()) == bytes_of(expected));
    }
  }
}

}  // namespace
}  // namespace octet_test
