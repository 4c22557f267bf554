#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/parallel.h"
#include "kernels/softmax/softmax.h"

namespace octet::kernels {

void softmax_u8_reference(const SoftmaxU8& s) noexcept {
  parallel_for(s.threads, s.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::uint8_t* x = s.x + r * s.columns;
      std::uint8_t* y = s.y + r * s.columns;
      const std::uint8_t* mask = s.mask.row(r);
      const bool masked_out = mask != nullptr && std::all_of(mask, mask + s.columns, [](std::uint8_t kept) { return kept == 0; });
      if (masked_out) mask = nullptr;
      if (masked_out && s.mask.masked_row == MaskedRow::zero) {
        std::fill_n(y, s.columns, finish_u8(0.0F, s.out));
        continue;
      }
      const bool uniform = masked_out && s.mask.masked_row == MaskedRow::uniform;
      const auto kept = [&](std::int64_t c) { return mask == nullptr || mask[c] != 0; };
      std::uint8_t peak = 0;
      for (std::int64_t c = 0; c < s.columns; ++c) peak = kept(c) ? std::max(peak, x[c]) : peak;
      const auto entry = [&](std::int64_t c) { return uniform ? s.table[0] : kept(c) ? s.table[peak - x[c]] : 0; };
      std::uint64_t sum = 0;
      for (std::int64_t c = 0; c < s.columns; ++c) sum += entry(c);
      const auto reciprocal = static_cast<float>(1.0 / (static_cast<double>(sum) * static_cast<double>(s.scale)));
      for (std::int64_t c = 0; c < s.columns; ++c) y[c] = finish_u8(static_cast<float>(entry(c)) * reciprocal, s.out);
    }
  });
}

void softmax_rows_f32_reference(const SoftmaxF32& s) noexcept {
  parallel_for(s.threads, s.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t columns = s.columns;
      const float* x = s.x + r * columns;
      float* y = s.y + r * columns;
      const std::uint8_t* kept = s.mask.row(r);
      const auto at = [&](std::int64_t c) {
        return static_cast<double>(kept == nullptr || kept[c] != 0 ? x[c] : s.mask_replaces ? s.mask_value : x[c] + s.mask_value);
      };
      double peak = at(0);
      for (std::int64_t c = 1; c < columns; ++c) peak = std::max(peak, at(c));
      const double least = -std::numeric_limits<double>::infinity();
      bool none = kept != nullptr && peak == least;
      for (std::int64_t c = 0; none && c < columns; ++c) none = at(c) == least;  // a NaN is none, but no peak
      if (none) {
        std::fill_n(y, columns, 0.0F);
        continue;
      }
      double sum = 0;
      for (std::int64_t c = 0; c < columns; ++c) sum += std::exp(at(c) - peak);
      for (std::int64_t c = 0; c < columns; ++c) y[c] = static_cast<float>(std::exp(at(c) - peak) / sum);
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
