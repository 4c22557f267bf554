#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/dynamic/dynamic.h"
#include "kernels/quant_math.h"

namespace octet::kernels {

bool find_range_f32_reference(const float* x, std::int64_t n, float* lo, float* hi) noexcept;
void quantize_row_reference(const float* x, std::int64_t n, const RowParameters& row, std::uint8_t* q) noexcept;
void finish_row_reference(const RowEpilogue& epilogue, const RowParameters& row, const std::int32_t* sums, std::int64_t pixels,
                          float* y) noexcept;

bool find_range_f32_reference(const float* x, std::int64_t n, float* lo, float* hi) noexcept {
  bool finite = true;
  *lo = *hi = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    finite = finite && std::isfinite(x[i]);
    *lo = std::min(*lo, x[i]);
    *hi = std::max(*hi, x[i]);
  }
  return finite;
}

void quantize_row_reference(const float* x, std::int64_t n, const RowParameters& row, std::uint8_t* q) noexcept {
  for (std::int64_t i = 0; i < n; ++i) q[i] = quantize(x[i], row.scale, {row.zero_point, 0, 255});
}

void finish_row_reference(const RowEpilogue& e, const RowParameters& row, const std::int32_t* sums, std::int64_t pixels, float* y) noexcept {
  for (std::int64_t i = 0; i < pixels; ++i) {
    for (std::int64_t c = 0; c < e.channels; ++c) {
      std::int32_t sum = 0;  // copied, because y may be the same memory
      std::memcpy(&sum, sums + i * e.channels + c, sizeof(sum));
      const float product = static_cast<float>(sum - row.zero_point * e.weight_sums[c]) * (row.scale * e.scales[c]);
      const float t = std::min(std::max(product + e.bias[c], e.clamp_min), e.clamp_max);
      std::memcpy(y + i * e.channels + c, &t, sizeof(t));
    }
  }
}

}  // namespace octet::kernels
