#include "converter/observe/row_sample.h"

#include <algorithm>

namespace octet {
namespace {

/// The finalizer of splitmix64: every bit depends on every bit of x.
std::uint64_t scrambled(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

}  // namespace

RowSample::RowSample(std::size_t row_length) : length_(std::max<std::size_t>(row_length, 1)), most_(std::max(kValues / length_, kLeastRows)) {}

bool RowSample::keeps(std::uint64_t row) const noexcept { return level_ == 0 || scrambled(row) >> (64 - level_) == 0; }

void RowSample::add(std::span<const float> values, std::uint64_t first_row) {
  for (std::size_t i = 0; i + length_ <= values.size(); i += length_) {
    const std::uint64_t row = first_row + i / length_;
    if (!keeps(row)) continue;
    const auto from = values.subspan(i, length_);
    rows_.emplace(row, std::vector<float>(from.begin(), from.end()));
    thin_out();
  }
}

void RowSample::merge(const RowSample& other) {
  level_ = std::max(level_, other.level_);
  for (const auto& [row, values] : other.rows_)
    if (keeps(row)) rows_.emplace(row, values);
  std::erase_if(rows_, [&](const auto& r) { return !keeps(r.first); });
  thin_out();
}

void RowSample::thin_out() {
  while (rows_.size() > most_ && level_ < 63) {
    ++level_;
    std::erase_if(rows_, [&](const auto& r) { return !keeps(r.first); });
  }
}

}  // namespace octet
