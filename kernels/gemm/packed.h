// Whole matrix products out of tiles (tile.h), for any ISA that has a tile kernel.
#pragma once

#include "kernels/gemm/tile.h"

namespace octet::kernels {

/// y [rows, channels] = epilogue(x [rows, depth] W^T); the same bytes as gemm_u8s8_reference.
struct TiledGemm {
  const TileKernel* kernel = nullptr;
  PackedGemm packed;
  std::int64_t rows = 1;
  int threads = 1;

  [[nodiscard]] std::size_t scratch_bytes() const noexcept;
};

/// The epilogue's bias and multiplier are in `packed`; of `epilogue` only the output is used.
void gemm_u8s8_tiled(const TiledGemm& gemm, const std::uint8_t* x, const Epilogue& epilogue, void* scratch) noexcept;

/// a[i] = x[i].
inline void widen(const std::uint8_t* x, std::int64_t n, std::int16_t* a) noexcept {
  for (std::int64_t i = 0; i < n; ++i) a[i] = x[i];
}

}  // namespace octet::kernels
