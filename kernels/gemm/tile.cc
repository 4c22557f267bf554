#include "kernels/gemm/tile.h"

#include <array>

namespace octet::kernels {

void gemm_tile_u8s8_avx2(const GemmTile& tile) noexcept;

namespace {

constexpr std::array kKernels = {TileKernel{"u8s8_avx2", Isa::avx2, gemm_tile_u8s8_avx2}};

}  // namespace

std::span<const TileKernel> tile_kernels() noexcept { return kKernels; }

const TileKernel* find_tile_kernel(Isa cap) noexcept {
  const TileKernel* best = nullptr;
  for (const TileKernel& k : kKernels)
    if (allows(cap, k.isa) && (best == nullptr || allows(k.isa, best->isa))) best = &k;
  return best;
}

PackedGemm pack_gemm(const std::int8_t* weights, std::int64_t channels, std::int64_t depth, const std::int32_t* bias,
                     const float* multiplier) {
  const std::int64_t tiles = (channels + kTileChannels - 1) / kTileChannels;
  const std::int64_t pairs = depth_pairs(depth);
  const auto padded = static_cast<std::size_t>(tiles * kTileChannels);
  PackedGemm p{channels, depth, {}, {}, {}};
  p.weights.assign(padded * static_cast<std::size_t>(2 * pairs), 0);
  p.bias.assign(padded, 0);
  p.multiplier.assign(padded, 0.0F);
  for (std::int64_t c = 0; c < channels; ++c) {
    p.bias[static_cast<std::size_t>(c)] = bias[c];
    p.multiplier[static_cast<std::size_t>(c)] = multiplier[c];
    std::int8_t* tile = p.weights.data() + c / kTileChannels * pairs * 2 * kTileChannels;
    for (std::int64_t k = 0; k < depth; ++k)
      tile[(k / 2 * kTileChannels + c % kTileChannels) * 2 + k % 2] = weights[c * depth + k];
  }
  return p;
}

}  // namespace octet::kernels
