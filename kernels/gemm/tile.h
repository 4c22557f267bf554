// int8 products below VNNI: rows of activations, widened to s16, times packed weights. Widening keeps every sum exact
// (vpmaddubsw, which multiplies u8 by s8 directly, saturates at 16 bits). Convolutions gather their windows into rows.
//
// Packed weights: for each 16 output channels, for each pair of depths (2p, 2p+1): channel 0's two weights, channel 1's two,
// ..., channel 15's two. Odd depths and missing channels are 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/epilogue.h"
#include "kernels/isa.h"

namespace octet::kernels {

inline constexpr std::int64_t kTileRows = 4;
inline constexpr std::int64_t kTileChannels = 16;

/// Pairs of depths, the last one half empty if depth is odd.
constexpr std::int64_t depth_pairs(std::int64_t depth) noexcept { return (depth + 1) / 2; }

/// Weights [channels, depth] in the order above, and the epilogue's constants filled up to whole tiles.
struct PackedGemm {
  std::int64_t channels = 0, depth = 0;
  LineVector<std::int8_t> weights;
  LineVector<std::int32_t> bias;  ///< with the zero-point folded in
  LineVector<float> multiplier;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return weights.size() + bias.size() * sizeof(std::int32_t) + multiplier.size() * sizeof(float);
  }
};
[[nodiscard]] PackedGemm pack_gemm(const std::int8_t* weights, std::int64_t channels, std::int64_t depth, const std::int32_t* bias,
                                   const float* multiplier);

/// Up to kTileRows rows times all channels: y[r, c] = epilogue(sum over k of a[r, k] w[c, k]).
struct GemmTile {
  const std::int16_t* a = nullptr;  ///< [rows][stride]; 2 * depth_pairs(depth) values a row, an odd depth followed by a 0
  std::int64_t stride = 0;
  std::int64_t rows = 1;
  const std::int8_t* weights = nullptr;  ///< packed
  std::int64_t depth = 0, channels = 0;
  /// bias and multiplier filled up to whole tiles; y, real or sums is the first row, `channels` values a row are written.
  Epilogue epilogue;
  std::int64_t out_stride = 0;  ///< elements from one output row to the next

  GemmTile(const std::int16_t* rows_s16, std::int64_t row_stride, std::int64_t output_stride) noexcept
      : a(rows_s16), stride(row_stride), out_stride(output_stride) {}

  /// Multiplies with these weights from now on; what to do with the sums is `output`'s, which starts at element `at`.
  void use(const PackedGemm& packed, const Epilogue& output, std::int64_t at) noexcept {
    weights = packed.weights.data();
    depth = packed.depth;
    channels = packed.channels;
    epilogue = advanced(output, at);
    epilogue.bias = packed.bias.data();
    epilogue.multiplier = packed.multiplier.data();
  }
};

struct TileKernel {
  const char* name;
  Isa isa;
  void (*run)(const GemmTile& tile) noexcept;
};

/// Every kernel, whatever this CPU is.
[[nodiscard]] std::span<const TileKernel> tile_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const TileKernel* find_tile_kernel(Isa cap) noexcept;

}  // namespace octet::kernels
