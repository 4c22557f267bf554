#include <cmath>

#include "kernels/lut/lut.h"

namespace octet::kernels {

void lookup_u8_reference(const LookupU8& l) noexcept {
  for (std::int64_t o = 0; o < l.outer; ++o) {
    for (std::int64_t c = 0; c < l.channels; ++c) {
      const std::int64_t first = (o * l.channels + c) * l.inner;
      for (std::int64_t i = first; i < first + l.inner; ++i) l.y[i] = l.tables[256 * c + l.x[i]];
    }
  }
}

bool quantize_f32_reference(const QuantizeF32& q) noexcept {
  bool numbers = true;
  for (std::int64_t i = 0; i < q.n; ++i) {
    const bool number = !std::isnan(q.x[i]);
    numbers = numbers && number;
    q.y[i] = quantize(number ? q.x[i] : 0.0F, q.scale, q.out);
  }
  return numbers;
}

void dequantize_u8_reference(const DequantizeU8& d) noexcept {
  for (std::int64_t i = 0; i < d.n; ++i) d.y[i] = dequantize(d.x[i], d.scale, d.zero_point);
}

}  // namespace octet::kernels
