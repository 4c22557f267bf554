// Histograms and row samples: what they count, and that neither order nor pieces matter to the result.
#include "converter/observe/histogram.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "converter/observe/row_sample.h"
#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::extremes_of;
using octet::Histogram;
using octet::RowSample;

Histogram histogram_of(const std::vector<float>& values) {
  Histogram h;
  h.add(values, extremes_of(values));
  return h;
}

TEST_CASE("extremes, zeros and what is not finite are found at every position") {
  for (std::size_t n = 1; n < 50; ++n) {
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<float> values(n, 1.0F);
      values[i] = -3.0F;
      CHECK(extremes_of(values).range.min == -3.0F);
      CHECK(extremes_of(values).range.max == (n == 1 ? -3.0F : 1.0F));
      values[i] = 7.0F;
      CHECK(extremes_of(values).range.max == 7.0F);
      CHECK(extremes_of(values).finite);
      CHECK(extremes_of(values).zeros == 0);
      values[i] = -0.0F;
      CHECK(extremes_of(values).zeros == 1);
      for (const float bad : {kInf, -kInf, std::nanf("")}) {
        values[i] = bad;
        CHECK_FALSE(extremes_of(values).finite);
      }
    }
  }
  CHECK_FALSE(extremes_of({}).range.observed);
}

TEST_CASE("bins are a power of two wide, begin at multiples of it, and hold what lies in them") {
  // 10 / 4096 bins: the next power of two is 2^-8.
  const Histogram h = histogram_of({0.0F, 10.0F, 0.0F, 0.001F, 9.999F, -0.0F, -0.001F});
  CHECK(h.width() == std::exp2(-8.0));
  CHECK(h.total() == 7);
  CHECK(h.zeros() == 3);
  CHECK(h.first_bin() == -1);
  const auto counts = h.counts();
  REQUIRE(counts.size() == 2562);  // -1 .. 2560
  CHECK(counts[0] == 1);           // -0.001
  CHECK(counts[1] == 1);           // 0.001, without the zeros
  CHECK(counts[2560] == 1);        // 9.999
  CHECK(counts[2561] == 1);        // 10

  Random random(3);
  const auto values = random.reals(5000, -3, 4);
  const Histogram many = histogram_of(values);
  std::map<std::int64_t, std::uint64_t> expected;
  for (const float v : values)
    ++expected[static_cast<std::int64_t>(std::floor(static_cast<double>(v) / many.width()))];
  const auto bins = many.counts();
  for (std::size_t i = 0; i < bins.size(); ++i) CHECK(bins[i] == expected[many.first_bin() + static_cast<std::int64_t>(i)]);
  CHECK(many.width() == std::exp2(-9.0));  // 7 / 2^-9 = 3584 of 4096
}

/// Values of very different sizes, as one stream.
std::vector<float> stream(unsigned seed, double least, double most) {
  Random random(seed);
  std::vector<float> values;
  for (int i = 0; i < 3000; ++i) {
    const double size = std::pow(10.0, static_cast<double>(random.real(static_cast<float>(least), static_cast<float>(most))));
    const float sign = random.integer(0, 2) == 0 ? -1.0F : 1.0F;
    values.push_back(random.integer(0, 9) == 0 ? 0.0F : sign * static_cast<float>(size));
  }
  values.push_back(std::numeric_limits<float>::denorm_min());
  values.push_back(-std::numeric_limits<float>::denorm_min());
  return values;
}

TEST_CASE("a histogram does not depend on the order of the values, on pieces or on merging") {
  const std::vector<std::pair<double, double>> sizes = {{-3, 3}, {-38, 38}, {-44, -38}, {30, 38}, {0, 0.1}};
  for (unsigned seed = 0; seed < 5; ++seed) {
    auto values = stream(seed, sizes[seed].first, sizes[seed].second);
    const Histogram whole = histogram_of(values);
    std::uint64_t sum = whole.zeros();
    for (const auto n : whole.counts()) sum += n;
    CHECK(sum == values.size());
    Random random(100 + seed);
    for (int round = 0; round < 10; ++round) {
      if (round % 3 == 1) std::ranges::sort(values);
      if (round % 3 == 2) std::ranges::shuffle(values, std::mt19937(seed));
      std::vector<Histogram> parts(3);
      for (std::size_t begin = 0; begin < values.size();) {
        const auto n = std::min(static_cast<std::size_t>(random.integer(1, 1500)), values.size() - begin);
        const auto piece = std::span(values).subspan(begin, n);
        parts[static_cast<std::size_t>(random.integer(0, 2))].add(piece, extremes_of(piece));
        begin += n;
      }
      Histogram merged = parts[2];
      merged.merge(parts[0]);
      merged.merge(Histogram());
      merged.merge(parts[1]);
      CHECK(merged == whole);
    }
  }
}

TEST_CASE("a histogram of nothing but zeros has no bins; of the largest numbers it has") {
  const Histogram zeros = histogram_of({0.0F, -0.0F, 0.0F});
  CHECK(zeros.zeros() == 3);
  CHECK(zeros.counts().empty());
  constexpr float kMost = std::numeric_limits<float>::max();
  const Histogram huge = histogram_of({-kMost, kMost, 1.0F});
  CHECK(huge.counts().size() <= Histogram::kBins);
  CHECK(huge.counts().front() == 1);
  CHECK(huge.counts().back() == 1);
  const Histogram negative = histogram_of({-4.0F, -1.0F});
  CHECK(negative.width() == std::exp2(-9.0));  // 2^-10 would take 4097 bins with the one of 0
  CHECK(negative.counts().front() == 1);
  CHECK(negative.counts().back() == 0);
}

TEST_CASE("a sample of rows keeps whole rows, a bounded number, whatever the order and the pieces") {
  constexpr std::size_t kLength = 100;
  constexpr std::uint64_t kRows = 5000;
  const auto row = [](std::uint64_t r) {
    std::vector<float> values(kLength);
    for (std::size_t i = 0; i < kLength; ++i) values[i] = static_cast<float>(r * kLength + i);
    return values;
  };
  RowSample in_order(kLength);
  for (std::uint64_t r = 0; r < kRows; ++r) in_order.add(row(r), r);
  CHECK(in_order.rows().size() <= RowSample::kValues / kLength);
  CHECK(in_order.rows().size() >= RowSample::kValues / kLength / 4);
  for (const auto& [number, values] : in_order.rows()) CHECK(values == row(number));

  RowSample first(kLength);
  RowSample second(kLength);
  for (std::uint64_t r = kRows; r-- > 0;) (r % 7 < 2 ? first : second).add(row(r), r);
  first.merge(second);
  CHECK(first.rows() == in_order.rows());

  RowSample wide(1'000'000);
  const std::vector<float> long_row(1'000'000, 1.0F);
  for (std::uint64_t r = 0; r < 40; ++r) wide.add(long_row, r);
  CHECK(wide.rows().size() <= RowSample::kLeastRows);
  CHECK(!wide.rows().empty());
}

}  // namespace
}  // namespace octet_test
