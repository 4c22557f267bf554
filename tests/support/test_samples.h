// Calibration data in memory.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "engine/try.h"
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

  [[nodiscard]] octet::Result<void> read_integers(std::size_t input, std::int64_t first, std::int64_t n,
                                                  std::span<std::int64_t> out) const override {
    std::vector<float> values(out.size());
    OCTET_CHECK(read(input, first, n, values));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::int64_t>(values[i]);
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
