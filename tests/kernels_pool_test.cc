// Pools of u8 images: every kernel this CPU can run against the scalar ones, byte for byte, between guard pages.
#include "kernels/pool/pool.h"

#include "tests/support/graph_builder.h"
#include "tests/support/guarded.h"

namespace octet_test {
namespace {

using namespace octet::kernels;

void check(Random& random, const PoolShape& s, int threads = 1) {
  INFO(s.batch, " x ", s.in_h, " x ", s.in_w, " x ", s.channels, ", kernel ", s.kernel_h, " x ", s.kernel_w, ", stride ", s.stride_h, " x ", s.stride_w);
  const auto inputs = static_cast<std::size_t>(s.batch * s.in_h * s.in_w * s.channels);
  const auto outputs = static_cast<std::size_t>(s.batch * s.out_h * s.out_w * s.channels);
  std::vector<float> multipliers;
  for (std::int64_t n = 0; n <= s.kernel_h * s.kernel_w; ++n) multipliers.push_back(n == 0 ? 0.0F : random.real(0.5F, 1.5F) / static_cast<float>(n));
  const OutputU8 out{static_cast<std::int32_t>(random.integer(0, 255)), static_cast<std::int32_t>(random.integer(0, 20)), 240};
  const auto z = static_cast<std::int32_t>(random.integer(0, 255));
  for (const Edge edge : {Edge::end, Edge::begin}) {
    const Guarded<std::uint8_t> x(random.integers<std::uint8_t>(inputs, 0, 255), edge);
    std::vector<std::uint8_t> most(outputs);
    std::vector<std::uint8_t> mean(outputs);
    max_pool_u8_reference({s, x.data(), most.data(), 1});
    average_pool_u8_reference({s, x.data(), z, multipliers.data(), out, mean.data(), 1});
    for (const PoolKernel& kernel : pool_kernels()) {
      if (!cpu_has(kernel.isa)) continue;
      INFO(kernel.max_name);
      Guarded<std::uint8_t> y(outputs, edge);
      max_pool_u8(&kernel, {s, x.data(), y.data(), threads});
      CHECK(y.values() == most);
      average_pool_u8(&kernel, {s, x.data(), z, multipliers.data(), out, y.data(), threads});
      CHECK(y.values() == mean);
    }
  }
}

void complete(PoolShape& s) {
  s.out_h = (s.in_h + s.pad_top + s.pad_bottom - s.kernel_h) / s.stride_h + 1;
  s.out_w = (s.in_w + s.pad_left + s.pad_right - s.kernel_w) / s.stride_w + 1;
}

TEST_CASE("pools: every number of channels") {
  Random random(1);
  for (std::int64_t channels = 1; channels <= 140; ++channels) {
    PoolShape s;
    s.in_h = 4, s.in_w = 5, s.channels = channels;
    s.kernel_h = s.kernel_w = s.stride_h = 2;
    complete(s);
    check(random, s);
  }
}

TEST_CASE("pools: random windows") {
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    PoolShape s;
    s.batch = random.integer(1, 3);
    s.in_h = random.integer(1, 9), s.in_w = random.integer(1, 9), s.channels = random.integer(1, 70);
    s.kernel_h = random.integer(1, s.in_h), s.kernel_w = random.integer(1, s.in_w);
    s.stride_h = random.integer(1, 3), s.stride_w = random.integer(1, 3);
    s.pad_top = random.integer(0, s.kernel_h - 1), s.pad_bottom = random.integer(0, s.kernel_h - 1);
    s.pad_left = random.integer(0, s.kernel_w - 1), s.pad_right = random.integer(0, s.kernel_w - 1);
    s.count_include_pad = random.integer(0, 1) == 0;
    complete(s);
    check(random, s);
  }
}

TEST_CASE("pools: threads give the same bytes") {
  Random random(3);
  PoolShape s;
  s.in_h = s.in_w = 120, s.channels = 65;
  s.kernel_h = s.kernel_w = 3, s.stride_h = s.stride_w = 2;
  s.pad_top = s.pad_left = 1;
  complete(s);
  check(random, s, 2);
}

}  // namespace
}  // namespace octet_test
