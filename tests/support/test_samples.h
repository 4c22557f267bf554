// Calibration data in memory.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "octet/converter.hpp"

namespace octet_test {

/// `values[i]` holds every sample of input i.
class VectorSamples final : public octet::Samples {
 public:
  VectorSamples(std::int64_t count, std::vector<std::vector<float>> values)
      : count_(count), values_(std::move(values)) {}

  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] octet::Result<void> read(std::size_t input, std::int64_t first, std::int64_t n,
                                         std::span<float> out) const override {
    if (before_read) before_read(first);
    const std::size_t size = values_[input].size() / static_cast<std::size_t>(count_);
    const auto* from = values_[input].data() + static_cast<std::size_t>(first) * size;
    std::copy_n(from, static_cast<std::size_t>(n) * size, out.data());
    return {};
  }

  std::vector<std::vector<float>>& values() { return values_; }

  /// Called with the first sample of every read.
  std::function<void(std::int64_t)> before_read;

 private:
  std::int64_t count_;
  std::vector<std::vector<float>> values_;
};

}  // namespace octet_test
