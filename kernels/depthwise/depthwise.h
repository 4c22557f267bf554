// Convolution with one input and one output channel a group (kernels/conv/conv.h with groups = in_c = out_c), below VNNI.
// Taps are taken in pairs, so that one vpmaddwd sums two of them.
//
// Packed weights, s16: for each 16 channels, for each pair of taps (2p, 2p+1): channels 0-7 as (tap 2p, tap 2p+1) pairs,
// then channels 8-15. An odd last tap is paired with weights of 0.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/isa.h"

namespace octet::kernels {

inline constexpr std::int64_t kDepthwiseChannels = 16;
/// Kernels with more taps than this (11 x 11) go another way.
inline constexpr std::int64_t kMaxDepthwiseTaps = 121;

/// One output pixel: taps[t] points at channel 0 of the input pixel under tap t, or at zero-points.
struct DepthwisePixel {
  const std::uint8_t* const* taps = nullptr;  ///< 2 * pairs of them, each with `channels` values
  std::int64_t pairs = 0, channels = 0;
  const std::int16_t* weights = nullptr;
  Epilogue epilogue;    ///< bias and multiplier filled up to whole sixteens
  std::int64_t at = 0;  ///< element of the output
};

struct DepthwiseKernel {
  const char* name;
  Isa isa;
  void (*run)(const DepthwisePixel& pixel) noexcept;
};

/// The best one a cap allows for this shape, or nullptr.
[[nodiscard]] const DepthwiseKernel* find_depthwise_kernel(Isa cap, const ConvShape& shape) noexcept;

/// The same bytes as conv_u8s8_reference.
struct Depthwise {
  const DepthwiseKernel* kernel = nullptr;
  ConvShape shape;
  std::vector<std::int16_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
  std::vector<std::uint8_t> padding;  ///< a pixel of zero-points
  int threads = 1;

  Depthwise(const DepthwiseKernel& depthwise_kernel, const ConvShape& conv_shape, const std::int8_t* s8_weights,
            const std::int32_t* folded_bias, const float* multipliers, std::int32_t zero_point, int thread_count);

  [[nodiscard]] std::size_t packed_bytes() const noexcept {
    return weights.size() * 2 + bias.size() * 4 + multiplier.size() * 4 + padding.size();
  }
};

/// Of `epilogue` only the output is used: bias and multiplier are packed.
void depthwise_u8s8(const Depthwise& depthwise, const std::uint8_t* x, const Epilogue& epilogue) noexcept;

}  // namespace octet::kernels
