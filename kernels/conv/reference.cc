#include <algorithm>

#include "kernels/conv/conv.h"
#include "kernels/epilogue.h"
#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

/// The part [begin, end) of a kernel axis whose taps fall inside the input.
struct Taps {
  std::int64_t begin, end;

  Taps(std::int64_t origin, std::int64_t kernel, std::int64_t dilation, std::int64_t size) noexcept : begin(0), end(kernel) {
    while (begin < end && origin + begin * dilation < 0) ++begin;
    while (end > begin && origin + (end - 1) * dilation >= size) --end;
  }
};

/// Calls tap(x, w, count) for every run of `count` input channels under output pixel (n, oh, ow) that lies inside x; x and w
/// are offsets into the input and into the filter of one output channel of group g.
template <class Tap>
void for_each_tap(const ConvShape& s, std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t g, const Tap& tap) noexcept {
  const std::int64_t top = oh * s.stride_h - s.pad_top;
  const std::int64_t left = ow * s.stride_w - s.pad_left;
  const Taps rows(top, s.kernel_h, s.dilation_h, s.in_h);
  const Taps columns(left, s.kernel_w, s.dilation_w, s.in_w);
  const std::int64_t depth = s.group_in_c();
  for (std::int64_t kh = rows.begin; kh < rows.end; ++kh) {
    for (std::int64_t kw = columns.begin; kw < columns.end; ++kw) {
      const std::int64_t ih = top + kh * s.dilation_h;
      const std::int64_t iw = left + kw * s.dilation_w;
      tap(((n * s.in_h + ih) * s.in_w + iw) * s.in_c + g * depth, (kh * s.kernel_w + kw) * depth, depth);
    }
  }
}

/// body(pixel, n, oh, ow) for every output pixel, split over threads by output rows.
template <class Body>
void for_each_pixel(const ConvShape& s, int threads, const Body& body) noexcept {
  parallel_for(threads, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t ow = 0; ow < s.out_w; ++ow) body(row * s.out_w + ow, row / s.out_h, row % s.out_h, ow);
  });
}

}  // namespace

void conv_u8s8_reference(const ConvU8& c) noexcept {
  const ConvShape& s = c.shape;
  const std::int64_t group_out = s.out_c / s.groups;
  for_each_pixel(s, c.threads, [&](std::int64_t pixel, std::int64_t n, std::int64_t oh, std::int64_t ow) noexcept {
    for (std::int64_t o = 0; o < s.out_c; ++o) {
      const std::int8_t* filter = c.weights + o * s.filter_size();
      std::int32_t acc = 0;
      for_each_tap(s, n, oh, ow, o / group_out, [&](std::int64_t x, std::int64_t w, std::int64_t count) noexcept {
        for (std::int64_t i = 0; i < count; ++i) acc += (c.x[x + i] - c.zero_point) * filter[w + i];
      });
      store(c.epilogue, pixel * s.out_c + o, o, acc);
    }
  });
}

void conv_f32_reference(const ConvF32& c) noexcept {
  const ConvShape& s = c.shape;
  const std::int64_t group_out = s.out_c / s.groups;
  for_each_pixel(s, c.threads, [&](std::int64_t pixel, std::int64_t n, std::int64_t oh, std::int64_t ow) noexcept {
    for (std::int64_t o = 0; o < s.out_c; ++o) {
      const float* filter = c.weights + o * s.filter_size();
      double sum = c.bias != nullptr ? static_cast<double>(c.bias[o]) : 0.0;
      for_each_tap(s, n, oh, ow, o / group_out, [&](std::int64_t x, std::int64_t w, std::int64_t count) noexcept {
        for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(c.x[x + i]) * static_cast<double>(filter[w + i]);
      });
      c.y[pixel * s.out_c + o] = std::min(std::max(static_cast<float>(sum), c.clamp_min), c.clamp_max);
    }
  });
}

}  // namespace octet::kernels
