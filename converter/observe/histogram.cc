#include "converter/observe/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace octet {
namespace {

/// No narrower bins: 2^126 is the largest power of two whose inverse is a normal f32.
constexpr int kLeastExponent = -126;
constexpr std::int64_t kMask = Histogram::kBins - 1;
static_assert((Histogram::kBins & kMask) == 0);

std::int64_t bin_of(float x, int exponent) noexcept {
  return static_cast<std::int64_t>(std::floor(std::ldexp(static_cast<double>(x), -exponent)));
}

std::size_t slot(std::int64_t bin) noexcept { return static_cast<std::size_t>(bin & kMask); }

/// The exponent of the narrowest bins that hold a range which contains 0.
int exponent_for(const Range& r) noexcept {
  const int most = std::max(std::ilogb(std::max(-r.min, r.max)) + 1, kLeastExponent + 12);
  int exponent = most - 12;  // 4096 bins of 2^exponent reach from 0 to beyond the larger end
  while (bin_of(r.max, exponent) - bin_of(r.min, exponent) >= Histogram::kBins) ++exponent;
  return exponent;
}

/// Zeros are counted in several slots behind the bins, which no one reads: increments of one slot would wait for each other.
constexpr std::size_t kZeroSlots = 8;

/// Values side by side, as many as the widest vectors hold.
constexpr std::size_t kLanes = 16;

}  // namespace

Extremes extremes_of(std::span<const float> values) noexcept {
  if (values.empty()) return {};
  std::array<float, kLanes> lo;
  std::array<float, kLanes> hi;
  std::array<std::uint32_t, kLanes> zeros{};
  std::array<std::uint32_t, kLanes> bad{};
  lo.fill(std::numeric_limits<float>::infinity());
  hi.fill(-std::numeric_limits<float>::infinity());
  const auto take = [&](std::size_t lane, float v) {
    lo[lane] = v < lo[lane] ? v : lo[lane];
    hi[lane] = v > hi[lane] ? v : hi[lane];
    zeros[lane] += v == 0.0F;
    bad[lane] |= static_cast<std::uint32_t>(!(std::abs(v) <= std::numeric_limits<float>::max()));
  };
  Extremes all;
  constexpr std::size_t kBlock = std::size_t{1} << 30;  // counts stay below 2^32
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
    const std::size_t whole = block.size() / kLanes * kLanes;
    zeros.fill(0);
    for (std::size_t i = 0; i < whole; i += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) take(lane, block[i + lane]);
    for (std::size_t i = whole; i < block.size(); ++i) take(i - whole, block[i]);
    for (const std::uint32_t n : zeros) all.zeros += n;
  }
  all.range = {*std::ranges::min_element(lo), *std::ranges::max_element(hi), true};
  all.finite = std::ranges::none_of(bad, [](std::uint32_t b) { return b != 0; });
  return all;
}

void Histogram::add(std::span<const float> values, const Extremes& extremes) {
  total_ += values.size();
  zeros_ += extremes.zeros;
  if (extremes.zeros == values.size()) return;
  widen(extremes.range);
  count(values);
}

void Histogram::count(std::span<const float> values) {
  const auto width = static_cast<float>(this->width());
  const float inverse = 1.0F / width;
  std::array<std::int32_t, 1024> bins;
  for (std::size_t begin = 0; begin < values.size(); begin += bins.size()) {
    const auto block = values.subspan(begin, std::min(bins.size(), values.size() - begin));
    for (std::size_t i = 0; i < block.size(); ++i) {
      // Truncated, then corrected to the floor by an exact comparison: the product may have underflowed.
      const float x = block[i];
      const auto b = static_cast<std::int32_t>(x * inverse);
      const std::int32_t bin = (b - static_cast<std::int32_t>(x < static_cast<float>(b) * width)) & static_cast<std::int32_t>(kMask);
      const std::int32_t zero = -static_cast<std::int32_t>(x == 0.0F);
      bins[i] = bin | (zero & (kBins + static_cast<std::int32_t>(i & (kZeroSlots - 1))));
    }
    for (std::size_t i = 0; i < block.size(); ++i) ++counts_[static_cast<std::size_t>(bins[i])];
  }
}

void Histogram::widen(const Range& range) {
  const Range zero{0, 0, true};
  const Range all = join(join(range_, range), zero);
  const int exponent = exponent_for(all);
  const std::int64_t first = bin_of(all.min, exponent);
  if (counts_.empty()) {
    counts_.assign(kBins + kZeroSlots, 0);
    exponent_ = exponent;
  }
  if (exponent != exponent_) {
    std::vector<std::uint64_t> wider(counts_.size(), 0);
    const int shift = exponent - exponent_;
    for (std::int64_t b = first_; b < first_ + kBins; ++b) wider[slot(shift < 63 ? b >> shift : -static_cast<std::int64_t>(b < 0))] += counts_[slot(b)];
    counts_ = std::move(wider);
    exponent_ = exponent;
  }
  range_ = all;
  first_ = first;
}

void Histogram::merge(const Histogram& other) {
  total_ += other.total_;
  zeros_ += other.zeros_;
  if (other.counts_.empty()) return;
  widen(other.range_);
  const int shift = exponent_ - other.exponent_;
  for (std::int64_t b = other.first_; b < other.first_ + kBins; ++b)
    counts_[slot(shift < 63 ? b >> shift : -static_cast<std::int64_t>(b < 0))] += other.counts_[slot(b)];
}

double Histogram::width() const noexcept { return std::ldexp(1.0, exponent_); }

std::vector<std::uint64_t> Histogram::counts() const {
  if (counts_.empty()) return {};
  const std::int64_t last = bin_of(range_.max, exponent_);
  std::vector<std::uint64_t> all;
  all.reserve(static_cast<std::size_t>(last - first_ + 1));
  for (std::int64_t b = first_; b <= last; ++b) all.push_back(counts_[slot(b)]);
  return all;
}

bool Histogram::operator==(const Histogram& other) const {
  return total_ == other.total_ && zeros_ == other.zeros_ && counts() == other.counts() && (counts_.empty() || (exponent_ == other.exponent_ && first_ == other.first_));
}

}  // namespace octet
