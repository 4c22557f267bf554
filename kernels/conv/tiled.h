// Convolution out of matrix product tiles (gemm/tile.h): the windows of four output pixels are gathered into rows.
#pragma once

#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/gemm/tile.h"

namespace octet::kernels {

/// The same bytes as conv_u8s8_reference.
struct TiledConv {
  const TileKernel* kernel = nullptr;
  ConvShape shape;
  std::vector<PackedGemm> groups;  ///< one a group
  std::uint8_t zero_point = 0;     ///< of x; what padding holds
  int threads = 1;

  TiledConv(const TileKernel& tile_kernel, const ConvShape& conv_shape, const std::int8_t* weights, const std::int32_t* folded_bias,
            const float* multiplier, std::int32_t x_zero_point, int thread_count);

  [[nodiscard]] std::size_t packed_bytes() const noexcept;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept;
};

/// Of `epilogue` only the output is used: bias and multiplier are packed.
void conv_u8s8_tiled(const TiledConv& conv, const std::uint8_t* x, const Epilogue& epilogue, void* scratch) noexcept;

}  // namespace octet::kernels
