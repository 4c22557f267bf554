// How often which values occur, in memory that does not grow with them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "converter/observe/range.h"

namespace octet {

/// What one pass over values says about them.
struct Extremes {
  Range range;  ///< of the values that are numbers
  std::uint64_t zeros = 0;
  bool finite = true;
};
[[nodiscard]] Extremes extremes_of(std::span<const float> values) noexcept;

/// Counts values in bins of one width, a power of two: bin b holds the values of [b w, (b + 1) w). Zeros, which every
/// quantizer represents exactly, are counted apart. The width is the smallest (not below 2^-126) at which fewer than kBins
/// bins hold everything from the smallest to the largest value and 0; bins that become too narrow are joined in pairs. So
/// width and counts are functions of the values alone: neither their order, nor how they were cut into calls of add(), nor
/// the order of merging matters.
class Histogram {
 public:
  static constexpr int kBins = 4096;

  /// Counts finite values whose extremes have been found.
  void add(std::span<const float> values, const Extremes& extremes);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t zeros() const noexcept { return zeros_; }
  /// Of all values, zeros included.
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

  [[nodiscard]] double width() const noexcept;
  /// The bins from the first to the last that is not empty: bin i of them begins at (first_bin() + i) width().
  [[nodiscard]] std::int64_t first_bin() const noexcept { return first_; }
  [[nodiscard]] std::vector<std::uint64_t> counts() const;

  [[nodiscard]] bool operator==(const Histogram& other) const;

 private:
  /// Makes room for values up to these.
  void widen(const Range& range);
  void count(std::span<const float> values);

  int exponent_ = 0;  ///< of the width
  Range range_;       ///< of all values, and 0
  std::int64_t first_ = 0;
  std::uint64_t zeros_ = 0, total_ = 0;
  std::vector<std::uint64_t> counts_;  ///< bin b at b mod kBins, then slots for zeros; empty before the first value that is not 0
};

}  // namespace octet
