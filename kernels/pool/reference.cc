#include <algorithm>

#include "kernels/parallel.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/window.h"

namespace octet::kernels {
namespace {

/// body(window, input of the image, output of the pixel) for every output pixel, split over threads by output rows.
template <class In, class Out, class Body>
void for_each_window(const PoolShape& s, const In* x, Out* y, int threads, const Body& body) noexcept {
  parallel_for(threads, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t row = begin; row < end; ++row) {
      const In* image = x + row / s.out_h * s.in_h * s.in_w * s.channels;
      for (std::int64_t ow = 0; ow < s.out_w; ++ow)
        body(window_at(s, row % s.out_h, ow), image, y + (row * s.out_w + ow) * s.channels);
    }
  });
}

template <class T>
void max_pool(const PoolShape& s, const T* x, T* y, int threads) noexcept {
  for_each_window(s, x, y, threads, [&](const Window& w, const T* image, T* out) noexcept {
    std::copy_n(image + (w.h0 * s.in_w + w.w0) * s.channels, s.channels, out);
    for (std::int64_t h = w.h0; h < w.h1; ++h) {
      for (std::int64_t i = w.w0; i < w.w1; ++i) {
        const T* values = image + (h * s.in_w + i) * s.channels;
        for (std::int64_t c = 0; c < s.channels; ++c) out[c] = out[c] < values[c] ? values[c] : out[c];
      }
    }
  });
}

/// The sum of a window's values of channel c, in row-major order.
template <class Sum, class T>
Sum sum_of(const PoolShape& s, const Window& w, const T* image, std::int64_t c) noexcept {
  Sum sum = 0;
  for (std::int64_t h = w.h0; h < w.h1; ++h)
    for (std::int64_t i = w.w0; i < w.w1; ++i) sum += static_cast<Sum>(image[(h * s.in_w + i) * s.channels + c]);
  return sum;
}

}  // namespace

void max_pool_u8_reference(const MaxPoolU8& pool) noexcept { max_pool(pool.shape, pool.x, pool.y, pool.threads); }

void max_pool_f32_reference(const PoolShape& shape, const float* x, float* y, int threads) noexcept {
  max_pool(shape, x, y, threads);
}

void average_pool_u8_reference(const AveragePoolU8& p) noexcept {
  const PoolShape& s = p.shape;
  for_each_window(s, p.x, p.y, p.threads, [&](const Window& w, const std::uint8_t* image, std::uint8_t* out) noexcept {
    const float m = p.multipliers[s.count_include_pad ? w.extent : w.valid()];
    const std::int32_t zeros = p.zero_point * static_cast<std::int32_t>(w.valid());
    for (std::int64_t c = 0; c < s.channels; ++c) out[c] = requantize(sum_of<std::int32_t>(s, w, image, c) - zeros, m, p.out);
  });
}

void average_pool_f32_reference(const PoolShape& s, const float* x, float* y, int threads) noexcept {
  for_each_window(s, x, y, threads, [&](const Window& w, const float* image, float* out) noexcept {
    const auto n = static_cast<double>(s.count_include_pad ? w.extent : w.valid());
    for (std::int64_t c = 0; c < s.channels; ++c) out[c] = static_cast<float>(sum_of<double>(s, w, image, c) / n);
  });
}

}  // namespace octet::kernels
