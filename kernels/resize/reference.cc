#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/parallel.h"
#include "kernels/resize/resize.h"

namespace octet::kernels {
namespace {

/// body(first of the row's pixels in the upper image row, in the lower one, index of the output row, first output pixel).
template <class Body>
void for_each_row(const ResizeShape& s, int threads, const Body& body) noexcept {
  const std::int64_t pitch = s.in_w * s.channels;
  parallel_for(threads, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t i = r % s.out_h;
      const std::int64_t image = r / s.out_h * s.in_h;
      const std::int64_t upper = s.rows[i];
      const std::int64_t lower = std::min<std::int64_t>(upper + 1, s.in_h - 1);
      body((image + upper) * pitch, (image + lower) * pitch, i, r * s.out_w * s.channels);
    }
  });
}

/// The first element of the pixel right of column j's.
std::int64_t next_pixel(const ResizeShape& s, std::int64_t j) noexcept { return std::min<std::int64_t>(s.columns[j] + 1, s.in_w - 1) * s.channels; }

}  // namespace

void resize_nearest_reference(const ResizeShape& s, std::size_t element_bytes, const std::byte* x, std::byte* y, int threads) noexcept {
  const std::size_t pixel = element_bytes * static_cast<std::size_t>(s.channels);
  for_each_row(s, threads, [&](std::int64_t row, std::int64_t, std::int64_t, std::int64_t out) noexcept {
    const std::byte* from = x + static_cast<std::size_t>(row) * element_bytes;
    std::byte* to = y + static_cast<std::size_t>(out) * element_bytes;
    for (std::int64_t j = 0; j < s.out_w; ++j) std::memcpy(to + static_cast<std::size_t>(j) * pixel, from + static_cast<std::size_t>(s.columns[j]) * pixel, pixel);
  });
}

void resize_linear_u8_reference(const ResizeLinearU8& p) noexcept {
  const ResizeShape& s = p.shape;
  constexpr std::int32_t kOne = 1 << kResizeBits;
  for_each_row(s, p.threads, [&](std::int64_t upper, std::int64_t lower, std::int64_t i, std::int64_t out) noexcept {
    const std::int32_t wy = p.row_weights[i];
    for (std::int64_t j = 0; j < s.out_w; ++j) {
      const std::int64_t left = s.columns[j] * s.channels;
      const std::int64_t right = next_pixel(s, j);
      const std::int32_t wx = p.column_weights[j];
      const std::int32_t w00 = (kOne - wy) * (kOne - wx);
      const std::int32_t w01 = (kOne - wy) * wx;
      const std::int32_t w10 = wy * (kOne - wx);
      const std::int32_t w11 = wy * wx;
      std::uint8_t* y = p.y + out + j * s.channels;
      for (std::int64_t c = 0; c < s.channels; ++c) {
        // The weights add up to 2^22.
        const std::int32_t sum = p.x[upper + left + c] * w00 + p.x[upper + right + c] * w01 + p.x[lower + left + c] * w10 + p.x[lower + right + c] * w11;
        y[c] = requantize(sum - p.zero_point * kOne * kOne, p.multiplier, p.out);
      }
    }
  });
}

void resize_linear_f32_reference(const ResizeLinearF32& p) noexcept {
  const ResizeShape& s = p.shape;
  for_each_row(s, p.threads, [&](std::int64_t upper, std::int64_t lower, std::int64_t i, std::int64_t out) noexcept {
    const float wy = p.row_weights[i];
    for (std::int64_t j = 0; j < s.out_w; ++j) {
      const std::int64_t left = s.columns[j] * s.channels;
      const std::int64_t right = next_pixel(s, j);
      const float wx = p.column_weights[j];
      float* y = p.y + out + j * s.channels;
      for (std::int64_t c = 0; c < s.channels; ++c) {
        const float above = p.x[upper + left + c] * (1.0F - wx) + p.x[upper + right + c] * wx;
        const float below = p.x[lower + left + c] * (1.0F - wx) + p.x[lower + right + c] * wx;
        y[c] = above * (1.0F - wy) + below * wy;
      }
    }
  });
}

}  // namespace octet::kernels
