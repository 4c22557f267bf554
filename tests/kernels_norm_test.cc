// Layer normalization of bytes: the vector kernels against the scalar one, byte for byte, between guard pages.
#include "kernels/norm/norm.h"

#include "tests/support/graph_builder.h"
#include "tests/support/guarded.h"

namespace octet_test {
namespace {

using namespace octet::kernels;

void check(Random& random, std::int64_t rows, std::int64_t n, int lo, int hi, double epsilon, int threads = 1) {
  const auto size = static_cast<std::size_t>(rows * n);
  std::vector<float> gains;
  std::vector<float> shifts;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto pick = random.integer(0, 40);
    gains.push_back(pick == 0 ? 0.0F : pick == 1 ? 1e30F : pick == 2 ? -1e30F : random.real(-60.0F, 60.0F));
    shifts.push_back(pick == 3 ? 1e30F : random.real(-100.0F, 100.0F));
  }
  const Guarded<float> gain(gains);
  const Guarded<float> shift(shifts);
  const auto values = random.integers<std::uint8_t>(size, lo, hi);
  std::vector<std::uint8_t> expected(size);
  const OutputU8 out{static_cast<std::int32_t>(random.integer(0, 255)), static_cast<std::int32_t>(random.integer(0, 60)),
                     static_cast<std::int32_t>(random.integer(180, 255))};
  LayerNormU8 norm{rows, n, values.data(), epsilon, gain.data(), shift.data(), out, expected.data(), threads};
  layer_norm_u8_reference(norm);
  for (const LayerNormKernel& kernel : layer_norm_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name, ": ", rows, " x ", n, " of ", lo, " to ", hi, ", threads ", threads);
    for (const Edge edge : {Edge::begin, Edge::end}) {
      const Guarded<std::uint8_t> x(values, edge);
      Guarded<std::uint8_t> y(size, edge);
      norm.x = x.data();
      norm.y = y.data();
      layer_norm_u8(&kernel, norm);
      CHECK(y.values() == expected);
    }
  }
}

TEST_CASE("every length, any range") {
  Random random(1);
  for (std::int64_t n = 1; n <= 200; ++n) {
    const int lo = static_cast<int>(random.integer(0, 255));
    check(random, 3, n, lo, static_cast<int>(random.integer(lo, 255)), random.integer(0, 1) == 0 ? 0.0 : 12.5);
  }
  for (const std::int64_t n : {384, 768, 1000, 4096}) check(random, 2, n, 0, 255, 1.0);
}

TEST_CASE("rows of one value have no deviation") {
  Random random(2);
  for (const int value : {0, 7, 255}) check(random, 2, 77, value, value, 0.0);
}

TEST_CASE("the longest rows, whose sums are at the end of what is exact") {
  Random random(3);
  for (const int lo : {0, 254, 255}) check(random, 1, kMaxLayerNormSize, lo, 255, 3.0);
}

TEST_CASE("threads give the same bytes") {
  Random random(4);
  check(random, 301, 384, 0, 255, 5.0, 2);
}

}  // namespace
}  // namespace octet_test
