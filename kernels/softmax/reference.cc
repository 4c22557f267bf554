#include <algorithm>
#include <cmath>

#include "kernels/parallel.h"
#include "kernels/softmax/softmax.h"

namespace octet::kernels {

void softmax_u8_reference(const SoftmaxU8& s) noexcept {
  parallel_for(s.threads, s.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::uint8_t* x = s.x + r * s.columns;
      std::uint8_t* y = s.y + r * s.columns;
      const std::uint8_t peak = *std::max_element(x, x + s.columns);
      std::uint64_t sum = 0;
      for (std::int64_t c = 0; c < s.columns; ++c) sum += s.table[peak - x[c]];
      const auto reciprocal = static_cast<float>(1.0 / (static_cast<double>(sum) * static_cast<double>(s.scale)));
      for (std::int64_t c = 0; c < s.columns; ++c) y[c] = finish_u8(static_cast<float>(s.table[peak - x[c]]) * reciprocal, s.out);
    }
  });
}

void softmax_f32_reference(const float* x, std::int64_t outer, std::int64_t n, std::int64_t inner, float* y, int threads) noexcept {
  parallel_for(threads, outer * inner, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t base = i / inner * n * inner + i % inner;
      double peak = static_cast<double>(x[base]);
      for (std::int64_t k = 1; k < n; ++k) peak = std::max(peak, static_cast<double>(x[base + k * inner]));
      double sum = 0;
      for (std::int64_t k = 0; k < n; ++k) sum += std::exp(static_cast<double>(x[base + k * inner]) - peak);
      for (std::int64_t k = 0; k < n; ++k)
        y[base + k * inner] = static_cast<float>(std::exp(static_cast<double>(x[base + k * inner]) - peak) / sum);
    }
  });
}

void log_softmax_f32_reference(const float* x, std::int64_t outer, std::int64_t n, std::int64_t inner, float* y, int threads) noexcept {
  parallel_for(threads, outer * inner, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t base = i / inner * n * inner + i % inner;
      double peak = static_cast<double>(x[base]);
      for (std::int64_t k = 1; k < n; ++k) peak = std::max(peak, static_cast<double>(x[base + k * inner]));
      double sum = 0;
      for (std::int64_t k = 0; k < n; ++k) sum += std::exp(static_cast<double>(x[base + k * inner]) - peak);
      const double log_sum = std::log(sum);
      for (std::int64_t k = 0; k < n; ++k) y[base + k * inner] = static_cast<float>(static_cast<double>(x[base + k * inner]) - peak - log_sum);
    }
  });
}

}  // namespace octet::kernels
