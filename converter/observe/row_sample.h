// Some whole rows of a tensor, for what a histogram cannot say: how the values of one row stand to each other.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace octet {

/// Keeps about kValues values in whole rows. Which rows is decided by a hash of their numbers alone: a row stays if its hash
/// begins with `level` zero bits, and the level rises until what stays fits. So the rows kept do not depend on the order or
/// the pieces in which they came.
class RowSample {
 public:
  static constexpr std::size_t kValues = 32768;
  static constexpr std::size_t kLeastRows = 16;

  explicit RowSample(std::size_t row_length = 1);

  /// Rows number first_row, first_row + 1, ... of the tensor over all samples.
  void add(std::span<const float> values, std::uint64_t first_row);
  void merge(const RowSample& other);

  [[nodiscard]] const std::map<std::uint64_t, std::vector<float>>& rows() const noexcept { return rows_; }

 private:
  [[nodiscard]] bool keeps(std::uint64_t row) const noexcept;
  void thin_out();

  std::size_t length_, most_;
  int level_ = 0;
  std::map<std::uint64_t, std::vector<float>> rows_;
};

}  // namespace octet
