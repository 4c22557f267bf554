#include "kernels/gemm/quad.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/choose.h"

namespace octet::kernels {

void quad_tile_u8s8_avx2(const QuadTile& tile) noexcept;
void quad_tile_u8s8_avxvnni(const QuadTile& tile) noexcept;
void quad_tile_u8s8_avx512vnni(const QuadTile& tile) noexcept;

namespace {

constexpr std::array kKernels = {QuadKernel{"u8s8_avx2", Isa::avx2, 8, 2, 8, quad_tile_u8s8_avx2},
                                 QuadKernel{"u8s8_avxvnni", Isa::avxvnni, 8, 2, 4, quad_tile_u8s8_avxvnni},
                                 QuadKernel{"u8s8_avx512vnni", Isa::avx512vnni, 16, 4, 4, quad_tile_u8s8_avx512vnni}};

std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

std::size_t at(std::int64_t i) noexcept { return static_cast<std::size_t>(i); }

}  // namespace

std::span<const QuadKernel> quad_kernels() noexcept { return kKernels; }

const QuadKernel* find_quad_kernel(Isa cap) noexcept { return best_of(quad_kernels(), cap); }

void store_quad_weights(const std::int8_t* weights, std::int64_t count, std::int64_t lane, std::int64_t lanes, std::int64_t weight_bytes,
                        std::int8_t* vector) noexcept {
  if (weight_bytes == 4) {
    std::copy_n(weights, count, vector + 4 * lane);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int16_t wide = weights[i];
    std::memcpy(vector + (i % 2 * lanes + lane) * 4 + i / 2 * 2, &wide, sizeof(wide));
  }
}

std::vector<Quad> dense_quads(std::int64_t depth) {
  std::vector<Quad> quads;
  for (std::int64_t k = 0; k < depth; k += 4)
    quads.push_back({static_cast<std::int32_t>(k), static_cast<std::int32_t>(k), static_cast<std::int32_t>(std::min<std::int64_t>(4, depth - k))});
  return quads;
}

PackedQuads::PackedQuads(const QuadKernel& kernel, const std::int8_t* weights, std::int64_t channels, std::int64_t depth,
                         std::span<const Quad> quads, const std::int32_t* folded_bias, const float* multiplier)
    : kernel_(&kernel), channels_(channels) {
  for (const Quad& q : quads) quads_.push_back(q.offset);
  const std::int64_t vectors = divide_up(channels, kernel.lanes);
  const std::int64_t block_count = divide_up(vectors, kernel.max_vectors);
  const std::size_t quad_bytes = at(kernel.weight_bytes * kernel.lanes);
  weights_.assign(at(vectors) * quads.size() * quad_bytes, 0);
  // Epilogues may read a whole block's constants where it has fewer vectors.
  const std::size_t constants = at((vectors + kernel.max_vectors - 1) * kernel.lanes);
  bias_.assign(constants, 0);
  multiplier_.assign(constants, 0.0F);
  std::copy_n(folded_bias, channels, bias_.begin());
  std::copy_n(multiplier, channels, multiplier_.begin());
  std::int64_t done = 0;  // vectors
  for (std::int64_t b = 0; b < block_count; ++b) {
    // Blocks of nearly the same size: five vectors are better cut into 3 + 2 than into 4 + 1.
    const std::int64_t size = vectors * (b + 1) / block_count - done;
    const std::int64_t first = done * kernel.lanes;
    const std::int64_t count = std::min(size * kernel.lanes, channels - first);
    const Block block{first, count, size, at(done) * quads.size() * quad_bytes, below_one(multiplier + first, count)};
    blocks_.push_back(block);
    for (std::int64_t c = 0; c < block.channels; ++c) {
      const std::int8_t* from = weights + (first + c) * depth;
      std::int8_t* to = weights_.data() + block.weights + at(c / kernel.lanes) * quad_bytes;
      for (std::size_t q = 0; q < quads.size(); ++q, to += at(size) * quad_bytes)
        store_quad_weights(from + quads[q].depth, quads[q].count, c % kernel.lanes, kernel.lanes, kernel.weight_bytes, to);
    }
    done += size;
  }
}

void PackedQuads::run_blocks(std::int64_t begin, std::int64_t end, const std::uint8_t* x, const std::int32_t* rows, std::int64_t row_count,
                             const Epilogue& output, std::int64_t out_stride, bool pooled) const noexcept {
  QuadTile tile;
  tile.x = x;
  tile.rows = rows;
  tile.row_count = row_count;
  tile.quads = quads_.data();
  tile.quad_count = static_cast<std::int64_t>(quads_.size());
  tile.out_stride = out_stride;
  tile.pooled = pooled;
  for (std::int64_t b = begin; b < end; ++b) {
    const Block& block = blocks_[at(b)];
    tile.weights = weights_.data() + block.weights;
    tile.vectors = block.vectors;
    tile.channels = block.channels;
    tile.epilogue = advanced(output, block.first);
    tile.epilogue.bias = bias_.data() + block.first;
    tile.epilogue.multiplier = multiplier_.data() + block.first;
    tile.epilogue.below_one = block.below_one;
    kernel_->run(tile);
  }
}

bool PackedQuads::takes_residual() const noexcept {
  constexpr std::int64_t kChannels = 16;  // of every kernel's smallest store
  return channels_ % kChannels == 0 && std::ranges::all_of(blocks_, &Block::below_one);
}

std::size_t PackedQuads::bytes() const noexcept {
  return weights_.size() + bias_.size() * sizeof(std::int32_t) + multiplier_.size() * sizeof(float) + quads_.size() * sizeof(std::int32_t);
}

}  // namespace octet::kernels
