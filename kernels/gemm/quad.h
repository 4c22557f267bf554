// int8 products four depths at a time, as VNNI's vpdpbusd does it, which adds four u8 x s8 products to each s32 lane, exactly;
// AVX2 does the same in two steps. The one micro-kernel behind FullyConnected and convolutions: "rows" (windows of output pixels, or rows of a matrix) times packed weights.
//
// A row need not be contiguous: its depths come in quads of adjacent bytes, and a table says where each quad lies. So a
// convolution reads its windows where they are (implicit GEMM), and nothing is rearranged but borders.
//
// Packed weights: blocks of 1 to 4 vectors of `lanes` output channels; in a block, for each quad of depths, for each vector,
// for each lane the channel's four weights: as they are, or for kernels without vpdpbusd widened to s16 and apart, those of depths
// 0 and 2 for each lane, then those of 1 and 3. Depths and channels that do not exist have weight 0: what is read there does not
// matter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/epilogue.h"
#include "kernels/isa.h"

namespace octet::kernels {

/// Rows whose largest results may be all that is stored: as many as windows of 2 x 2 have. Requantization is monotone, as multipliers
/// are not negative: what is compared is the sums.
inline constexpr std::int64_t kPooledRows = 4;

/// Some rows times the channels of one block: y[r, c] = epilogue(sum over k of x[rows[r] + quads[k / 4] + k % 4] * w[c, k]).
struct QuadTile {
  const std::uint8_t* x = nullptr;
  const std::int32_t* rows = nullptr;   ///< [row_count] byte offset of each row
  std::int64_t row_count = 0;
  const std::int32_t* quads = nullptr;  ///< [quad_count] byte offset of each quad within a row; all four bytes are read
  std::int64_t quad_count = 0;
  const std::int8_t* weights = nullptr;  ///< packed
  std::int64_t vectors = 1, channels = 1;
  /// bias and multiplier are the block's, filled up to whole vectors; y, real or sums is where the first row's first channel goes.
  Epilogue epilogue;
  std::int64_t out_stride = 0;  ///< elements from one output row to the next
  bool pooled = false;          ///< an output row is the largest of kPooledRows rows, of which row_count is a multiple
};

struct QuadKernel {
  const char* name;
  Isa isa;
  std::int64_t lanes;        ///< channels a vector
  std::int64_t max_vectors;  ///< a block
  std::int64_t weight_bytes; ///< of a quad in a lane: 4, or 8 where they are widened
  void (*run)(const QuadTile& tile) noexcept;
};

/// Every kernel, whatever this CPU is.
[[nodiscard]] std::span<const QuadKernel> quad_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const QuadKernel* find_quad_kernel(Isa cap) noexcept;

/// About how long one thread takes for so many multiply-accumulates, padded ones included.
[[nodiscard]] constexpr double quad_nanoseconds(const QuadKernel& kernel, std::int64_t macs) noexcept {
  return static_cast<double>(macs) / static_cast<double>(10 * kernel.lanes);
}

/// Puts a quad's `count` weights into a lane of a packed vector, which was 0.
void store_quad_weights(const std::int8_t* weights, std::int64_t count, std::int64_t lane, std::int64_t lanes, std::int64_t weight_bytes,
                        std::int8_t* vector) noexcept;

/// Where the quads of a row lie, and which depths each holds: depths k, k + 1 ... of which the first `count` exist.
struct Quad {
  std::int32_t offset;
  std::int32_t depth;
  std::int32_t count;
};

/// Offsets are kept in 32 bits.
inline constexpr std::int64_t kMaxQuadDepth = std::int64_t{1} << 24;

/// `depth` adjacent bytes.
[[nodiscard]] std::vector<Quad> dense_quads(std::int64_t depth);

/// Weights [channels, depth] in the order above, with the epilogue's constants.
class PackedQuads {
 public:
  /// `depth` at most kMaxQuadDepth.
  PackedQuads(const QuadKernel& kernel, const std::int8_t* weights, std::int64_t channels, std::int64_t depth, std::span<const Quad> quads,
              const std::int32_t* folded_bias, const float* multiplier);

  /// y[r, c] = epilogue(x[r] . w[c]) for all channels of `row_count` rows. Of `output` only what to do with the sums is used;
  /// its y, real or sums is where row 0, channel 0 goes.
  /// Pooled, output row r is the largest of rows kPooledRows r and on.
  void run(const std::uint8_t* x, const std::int32_t* rows, std::int64_t row_count, const Epilogue& output, std::int64_t out_stride,
           bool pooled = false) const noexcept {
    run_blocks(0, block_count(), x, rows, row_count, output, out_stride, pooled);
  }

  /// The same for the channels of the blocks [begin, end) of block_count().
  void run_blocks(std::int64_t begin, std::int64_t end, const std::uint8_t* x, const std::int32_t* rows, std::int64_t row_count,
                  const Epilogue& output, std::int64_t out_stride, bool pooled = false) const noexcept;

  [[nodiscard]] std::int64_t block_count() const noexcept { return static_cast<std::int64_t>(blocks_.size()); }
  [[nodiscard]] std::int64_t channels() const noexcept { return channels_; }
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// Whether outputs may have a residual: all multipliers are below one, and channels fill whole vectors. Where they do not, an Add of
  /// its own, which knows no pixels, is faster (24 channels: 35 us against 42).
  [[nodiscard]] bool takes_residual() const noexcept;

 private:
  struct Block {
    std::int64_t first, channels, vectors;  ///< channels [first, first + channels)
    std::size_t weights;                    ///< where they start
    bool below_one;                         ///< its multipliers
  };

  const QuadKernel* kernel_;
  std::int64_t channels_;
  std::vector<Block> blocks_;
  std::vector<std::int32_t> quads_;  ///< offsets
  LineVector<std::int8_t> weights_;
  LineVector<std::int32_t> bias_;
  LineVector<float> multiplier_;
};

}  // namespace octet::kernels
