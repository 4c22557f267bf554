#include <cmath>

#include "kernels/norm/norm.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void layer_norm_u8_reference(const LayerNormU8& p) noexcept {
  parallel_for(p.threads, p.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::uint8_t* x = p.x + row * p.n;
      std::uint8_t* y = p.y + row * p.n;
      std::int32_t sum = 0;
      std::int64_t squares = 0;
      for (std::int64_t i = 0; i < p.n; ++i) {
        sum += x[i];
        squares += x[i] * x[i];
      }
      const std::int64_t variance = p.n * squares - std::int64_t{sum} * sum;
      const double root = std::sqrt(static_cast<double>(variance) + p.epsilon);
      const float r = root == 0 ? 0.0F : static_cast<float>(1.0 / root);
      const auto n = static_cast<std::int32_t>(p.n);
      for (std::int64_t i = 0; i < p.n; ++i) {
        const float t = static_cast<float>(n * x[i] - sum) * r;
        const float scaled = t * p.gain[i];
        y[i] = finish_u8(scaled + p.shift[i], p.out);
      }
    }
  });
}

void layer_norm_f32_reference(const LayerNormF32& p) noexcept {
  parallel_for(p.threads, p.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* x = p.x + row * p.n;
      float* y = p.y + row * p.n;
      double sum = 0;
      for (std::int64_t i = 0; i < p.n; ++i) sum += static_cast<double>(x[i]);
      const double mean = sum / static_cast<double>(p.n);
      double squares = 0;
      for (std::int64_t i = 0; i < p.n; ++i) {
        const double d = static_cast<double>(x[i]) - mean;
        squares += d * d;
      }
      const double r = 1.0 / std::sqrt(squares / static_cast<double>(p.n) + p.epsilon);
      for (std::int64_t i = 0; i < p.n; ++i) {
        const double t = (static_cast<double>(x[i]) - mean) * r;
        const double gamma = p.gamma != nullptr ? static_cast<double>(p.gamma[i]) : 1.0;
        const double beta = p.beta != nullptr ? static_cast<double>(p.beta[i]) : 0.0;
        y[i] = static_cast<float>(t * gamma + beta);
      }
    }
  });
}

void group_norm_f32_reference(const GroupNormF32& p) noexcept {
  const std::int64_t width = p.channels / p.groups;
  parallel_for(p.threads, p.batch * p.groups, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % p.groups * width;
      const std::int64_t base = i / p.groups * p.positions * p.channels + first;
      const auto each = [&](const auto& f) noexcept {
        for (std::int64_t at = 0; at < p.positions; ++at)
          for (std::int64_t c = 0; c < width; ++c) f(base + at * p.channels + c, first + c);
      };
      const auto n = static_cast<double>(p.positions * width);
      double sum = 0;
      each([&](std::int64_t at, std::int64_t) noexcept { sum += static_cast<double>(p.x[at]); });
      const double mean = sum / n;
      double squares = 0;
      each([&](std::int64_t at, std::int64_t) noexcept {
        const double d = static_cast<double>(p.x[at]) - mean;
        squares += d * d;
      });
      const double r = 1.0 / std::sqrt(squares / n + p.epsilon);
      each([&](std::int64_t at, std::int64_t c) noexcept {
        p.y[at] = static_cast<float>((static_cast<double>(p.x[at]) - mean) * r * static_cast<double>(p.gamma[c]) + static_cast<double>(p.beta[c]));
      });
    }
  });
}

}  // namespace octet::kernels
