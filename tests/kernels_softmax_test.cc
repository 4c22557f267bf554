// Softmax of bytes: the vector kernel against the scalar one, byte for byte, between guard pages.
#include "kernels/softmax/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/graph_builder.h"
#include "tests/support/guarded.h"

namespace octet_test {
namespace {

using namespace octet::kernels;

std::vector<std::uint32_t> table_of(double scale) {
  std::vector<std::uint32_t> table;
  for (int d = 0; d < 256; ++d) table.push_back(static_cast<std::uint32_t>(std::nearbyint(8388608.0 * std::exp(-scale * d))));
  return table;
}

void check(Random& random, const SoftmaxKernel& kernel, std::int64_t rows, std::int64_t columns, int lo, int hi, int threads = 1) {
  INFO(rows, " x ", columns, " of ", lo, " to ", hi);
  const auto table = table_of(random.real(0.001F, 0.2F));
  SoftmaxPlanes planes;
  REQUIRE(split_softmax_table(table, planes));
  const Guarded<std::uint8_t> x(random.integers<std::uint8_t>(static_cast<std::size_t>(rows * columns), lo, hi));
  std::vector<std::uint8_t> expected(x.size());
  const OutputU8 out{static_cast<std::int32_t>(random.integer(0, 5)), static_cast<std::int32_t>(random.integer(0, 3)), static_cast<std::int32_t>(random.integer(200, 255))};
  const float scale = random.integer(0, 1) == 0 ? 1.0F / 256.0F : random.real(0.0001F, 0.01F);
  SoftmaxU8 s{rows, columns, x.data(), table.data(), scale, out, expected.data(), threads, {}};
  softmax_u8_reference(s);
  Guarded<std::uint8_t> y(x.size());
  s.y = y.data();
  softmax_u8(kernel, s, planes);
  CHECK(y.values() == expected);
}

std::vector<const SoftmaxKernel*> kernels_of_this_cpu() {
  std::vector<const SoftmaxKernel*> kernels;
  for (const SoftmaxKernel& k : softmax_kernels())
    if (cpu_has(k.isa) && (!k.vbmi || cpu_has_vbmi())) kernels.push_back(&k);
  if (kernels.empty()) MESSAGE("skipped: no vector kernel for this CPU");
  return kernels;
}

TEST_CASE("every length, every range") {
  Random random(1);
  for (const SoftmaxKernel* kernel : kernels_of_this_cpu()) {
    INFO(kernel->name);
    for (std::int64_t columns = 1; columns <= 200; ++columns) {
      const int lo = static_cast<int>(random.integer(0, 255));
      check(random, *kernel, 3, columns, lo, static_cast<int>(random.integer(lo, 255)));
      check(random, *kernel, 2, columns, 0, 255);
    }
    for (const std::int64_t columns : {1023, 1024, 1025, 2048, 50'000}) check(random, *kernel, 2, columns, 0, 255);
    check(random, *kernel, 1, 70'000, 255, 255);  // the largest sum
    check(random, *kernel, 3000, 130, 0, 255, 2);
  }
}

TEST_CASE("masks of every length, rows without any kept element among them") {
  Random random(2);
  const auto table = table_of(0.03);
  SoftmaxPlanes planes;
  REQUIRE(split_softmax_table(table, planes));
  for (std::int64_t columns = 1; columns <= 200; ++columns) {
    INFO(columns);
    const Guarded<std::uint8_t> x(random.integers<std::uint8_t>(static_cast<std::size_t>(6 * columns), 0, 255));
    auto bytes = random.integers<std::uint8_t>(static_cast<std::size_t>(3 * columns), 0, 1);
    std::fill_n(bytes.begin(), columns, std::uint8_t{0});
    const Guarded<std::uint8_t> mask(bytes);
    for (const MaskedRow row : {MaskedRow::zero, MaskedRow::unmasked, MaskedRow::uniform}) {
      SoftmaxU8 s{6, columns, x.data(), table.data(), 0.003F, {3, 0, 255}, nullptr, 1, {}};
      s.mask.data = mask.data();
      s.mask.axes = 2;
      s.mask.size = {3, 2};
      s.mask.stride = {columns, 0};
      s.mask.masked_row = row;
      std::vector<std::uint8_t> expected(x.size());
      s.y = expected.data();
      softmax_u8_reference(s);
      Guarded<std::uint8_t> y(x.size());
      s.y = y.data();
      for (const SoftmaxKernel* kernel : kernels_of_this_cpu()) {
        INFO(kernel->name);
        softmax_u8(*kernel, s, planes);
        CHECK(y.values() == expected);
        std::fill_n(y.data(), y.size(), std::uint8_t{77});
      }
    }
  }
}

TEST_CASE("f32: every length, masks, and what is no number, within a few roundings of f64") {
  if (!cpu_has(Isa::avx2)) {
    MESSAGE("skipped: this CPU has no AVX2");
    return;
  }
  Random random(3);
  for (std::int64_t columns = 1; columns <= 1100; columns += columns < 40 ? 1 : 53) {
    INFO(columns);
    const auto n = static_cast<std::size_t>(columns);
    auto values = random.reals(5 * n, -20, 20);
    values[n] = 1e30F;
    values[2 * n + n / 2] = std::numeric_limits<float>::quiet_NaN();
    values[3 * n] = std::numeric_limits<float>::infinity();
    std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(4 * n), n, -std::numeric_limits<float>::infinity());
    values[5 * n - 1] = std::numeric_limits<float>::quiet_NaN();
    const Guarded<float> x(values);
    auto bytes = random.integers<std::uint8_t>(3 * n, 0, 1);
    std::fill_n(bytes.begin(), columns, std::uint8_t{0});
    const Guarded<std::uint8_t> mask(bytes);
    for (const bool masked : {false, true})
      for (const float value : {-1e4F, -std::numeric_limits<float>::infinity()}) {
        Guarded<float> y(x.size());
        std::vector<float> expected(x.size());
        SoftmaxF32 s{5, columns, x.data(), expected.data(), 1, {}, value, true};
        if (masked) s.mask = {mask.data(), 1, {5}, {columns / 2}, MaskedRow::zero};
        softmax_rows_f32_reference(s);
        s.y = y.data();
        softmax_rows_f32_avx2(s);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          INFO(i, ": ", y.data()[i], " for ", expected[i]);
          CHECK(std::isnan(y.data()[i]) == std::isnan(expected[i]));
          if (!std::isnan(expected[i])) CHECK(std::abs(y.data()[i] - expected[i]) <= 1e-6F * expected[i] + 1e-9F);
        }
      }
  }
}

TEST_CASE("tables with entries of more than three bytes have no planes") {
  auto table = table_of(0.1);
  SoftmaxPlanes planes;
  CHECK(split_softmax_table(table, planes));
  table[200] = (1U << 24U) - 1;
  CHECK(split_softmax_table(table, planes));
  table[200] = 1U << 24U;
  CHECK_FALSE(split_softmax_table(table, planes));
}

TEST_CASE("no kernel above the cap") {
  CHECK(find_softmax_kernel(Isa::reference) == nullptr);
  for (const Isa cap : {Isa::avx2, Isa::avxvnni}) {
    const auto* kernel = find_softmax_kernel(cap);
    REQUIRE(kernel != nullptr);
    CHECK(kernel->isa == Isa::avx2);
  }
}

}  // namespace
}  // namespace octet_test
