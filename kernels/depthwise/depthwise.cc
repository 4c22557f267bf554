#include "kernels/depthwise/depthwise.h"

#include <algorithm>
#include <array>

#include "kernels/parallel.h"

namespace octet::kernels {

void depthwise_u8s8_avx2(const DepthwisePixel& pixel) noexcept;

namespace {

constexpr std::array kKernels = {DepthwiseKernel{"depthwise_u8s8_avx2", Isa::avx2, depthwise_u8s8_avx2}};

std::int64_t pairs_of(const ConvShape& s) noexcept { return (s.kernel_h * s.kernel_w + 1) / 2; }

using Taps = std::array<const std::uint8_t*, kMaxDepthwiseTaps + 1>;

/// The input pixels under the window at `top`, `left` of image n.
void find_taps(const Depthwise& d, const std::uint8_t* image, std::int64_t top, std::int64_t left, Taps& taps) noexcept {
  const ConvShape& s = d.shape;
  std::size_t t = 0;
  for (std::int64_t kh = 0; kh < s.kernel_h; ++kh) {
    const std::int64_t ih = top + kh * s.dilation_h;
    for (std::int64_t kw = 0; kw < s.kernel_w; ++kw, ++t) {
      const std::int64_t iw = left + kw * s.dilation_w;
      const bool inside = ih >= 0 && ih < s.in_h && iw >= 0 && iw < s.in_w;
      taps[t] = inside ? image + (ih * s.in_w + iw) * s.in_c : d.padding.data();
    }
  }
  if (t % 2 != 0) taps[t] = d.padding.data();
}

}  // namespace

const DepthwiseKernel* find_depthwise_kernel(Isa cap, const ConvShape& s) noexcept {
  if (s.groups != s.in_c || s.in_c != s.out_c || s.kernel_h > kMaxDepthwiseTaps || s.kernel_w > kMaxDepthwiseTaps ||
      s.kernel_h * s.kernel_w > kMaxDepthwiseTaps)
    return nullptr;
  for (const DepthwiseKernel& k : kKernels)
    if (allows(cap, k.isa)) return &k;
  return nullptr;
}

Depthwise::Depthwise(const DepthwiseKernel& depthwise_kernel, const ConvShape& conv_shape, const std::int8_t* s8_weights,
                     const std::int32_t* folded_bias, const float* multipliers, std::int32_t zero_point, int thread_count)
    : kernel(&depthwise_kernel), shape(conv_shape), threads(thread_count) {
  const std::int64_t channels = shape.out_c;
  const std::int64_t taps = shape.kernel_h * shape.kernel_w;
  const std::int64_t pairs = pairs_of(shape);
  const auto padded = static_cast<std::size_t>((channels + kDepthwiseChannels - 1) / kDepthwiseChannels * kDepthwiseChannels);
  weights.assign(padded * static_cast<std::size_t>(2 * pairs), 0);
  bias.assign(padded, 0);
  multiplier.assign(padded, 0.0F);
  padding.assign(padded, static_cast<std::uint8_t>(zero_point));
  std::copy_n(folded_bias, channels, bias.begin());
  std::copy_n(multipliers, channels, multiplier.begin());
  for (std::int64_t c = 0; c < channels; ++c) {
    std::int16_t* block = weights.data() + c / kDepthwiseChannels * pairs * 2 * kDepthwiseChannels;
    for (std::int64_t t = 0; t < taps; ++t)
      block[(t / 2 * kDepthwiseChannels + c % kDepthwiseChannels) * 2 + t % 2] = s8_weights[c * taps + t];
  }
}

void depthwise_u8s8(const Depthwise& d, const std::uint8_t* x, const Epilogue& e) noexcept {
  const ConvShape& s = d.shape;
  parallel_for(d.threads, s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end) noexcept {
    Taps taps{};
    DepthwisePixel pixel{taps.data(), pairs_of(s), s.out_c, d.weights.data(), e, 0};
    pixel.epilogue.bias = d.bias.data();
    pixel.epilogue.multiplier = d.multiplier.data();
    for (std::int64_t row = begin; row < end; ++row) {
      const std::uint8_t* image = x + row / s.out_h * s.in_h * s.in_w * s.in_c;
      for (std::int64_t ow = 0; ow < s.out_w; ++ow) {
        find_taps(d, image, row % s.out_h * s.stride_h - s.pad_top, ow * s.stride_w - s.pad_left, taps);
        pixel.at = (row * s.out_w + ow) * s.out_c;
        d.kernel->run(pixel);
      }
    }
  });
}

}  // namespace octet::kernels
