// Whole matrix products out of tiles.
#include "kernels/gemm/packed.h"

#include <algorithm>

#include "kernels/parallel.h"

namespace octet::kernels {

std::size_t TiledGemm::scratch_bytes() const noexcept {
  return static_cast<std::size_t>(threads * kTileRows * 2 * depth_pairs(packed.depth)) * sizeof(std::int16_t);
}

void gemm_u8s8_tiled(const TiledGemm& g, const std::uint8_t* x, const Epilogue& e, void* scratch) noexcept {
  const std::int64_t stride = 2 * depth_pairs(g.packed.depth);
  const std::int64_t tiles = (g.rows + kTileRows - 1) / kTileRows;
  parallel_pieces(g.threads, tiles, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    std::int16_t* a = static_cast<std::int16_t*>(scratch) + piece * kTileRows * stride;
    GemmTile tile(a, stride, g.packed.channels);
    for (std::int64_t row = begin * kTileRows; row < std::min(end * kTileRows, g.rows); row += kTileRows) {
      tile.rows = std::min(kTileRows, g.rows - row);
      for (std::int64_t r = 0; r < tile.rows; ++r) {
        widen(x + (row + r) * g.packed.depth, g.packed.depth, a + r * stride);
        if (stride != g.packed.depth) a[r * stride + g.packed.depth] = 0;
      }
      tile.use(g.packed, e, row * g.packed.channels);
      g.kernel->run(tile);
    }
  });
}

}  // namespace octet::kernels
