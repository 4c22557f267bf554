#include <algorithm>
#include <atomic>
#include <cmath>

#include "kernels/lut/lut.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void lookup_u8_reference(const std::uint8_t* x, std::int64_t outer, std::int64_t channels, std::int64_t inner,
                         const std::uint8_t* tables, std::uint8_t* y, int threads) noexcept {
  parallel_for(threads, outer, [&](std::int64_t begin, std::int64_t end) noexcept {
    std::int64_t i = begin * channels * inner;
    for (std::int64_t o = begin; o < end; ++o)
      for (std::int64_t c = 0; c < channels; ++c)
        for (const std::int64_t stop = i + inner; i < stop; ++i) y[i] = tables[256 * c + x[i]];
  });
}

bool quantize_f32_reference(const float* x, std::int64_t n, float scale, const OutputU8& out, std::uint8_t* y, int threads) noexcept {
  std::atomic<bool> ok{true};
  parallel_for(threads, n, [&](std::int64_t begin, std::int64_t end) noexcept {
    bool numbers = true;
    for (std::int64_t i = begin; i < end; ++i) {
      const bool number = !std::isnan(x[i]);
      numbers = numbers && number;
      y[i] = quantize(number ? x[i] : 0.0F, scale, out);
    }
    if (!numbers) ok.store(false, std::memory_order_relaxed);
  });
  return ok.load();
}

void dequantize_u8_reference(const std::uint8_t* x, std::int64_t n, float scale, std::int32_t zero_point, float* y,
                             int threads) noexcept {
  parallel_for(threads, n, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) y[i] = dequantize(x[i], scale, zero_point);
  });
}

}  // namespace octet::kernels
