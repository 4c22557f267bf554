// Convolution with one input and one output channel a group (conv/conv.h with groups = in_c = out_c), four taps at a time.
//
// Four rows of x are interleaved, so that each s32 lane holds one column of four taps of one channel and vpdpbusd sums them
// at once (AVX2 in two steps, as in gemm/quad.h). A band is as many output rows as can share such quads: with a kernel of 3 x 3 and stride 1, rows 0 to 3 serve two
// output rows, whose weights are (w0, w1, w2, 0) and (0, w0, w1, w2).
//
// In the scratch columns follow each other as in x, channels adjacent, so outputs are computed along the whole row in chunks
// of as many elements as a vector has bytes, whatever the number of channels: weights repeat after C / gcd(C, chunk) chunks.
// With a stride of s columns x is sorted into s phases, columns 0, s, 2s ... first, so that here, too, neighbours are adjacent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/conv/conv.h"
#include "kernels/isa.h"

namespace octet::kernels {

/// Interleaves four rows: for each byte i < count of each run, the quad (rows[0][i], rows[1][i], rows[2][i], rows[3][i]).
/// Whole chunks are written; what follows the last byte's quad is undefined.
struct QuadInterleave {
  const std::uint8_t* rows[4] = {};
  std::int64_t runs = 1, count = 0;
  std::int64_t in_step = 0, out_step = 0;  ///< bytes from one run to the next
  /// Where each group of four quads of a chunk comes from: order[i] is the first byte / 4 of the i-th group.
  const std::int32_t* order = nullptr;
  std::uint8_t* first = nullptr;   ///< where the first half of a chunk's quads goes
  std::uint8_t* second = nullptr;  ///< and the second
  std::int64_t chunk_step = 0;     ///< bytes both move on for each chunk
};

/// Outputs along one row: y[i] = epilogue(sum over taps t of quads[taps[t] + 4 i] . weights[i mod period, t]).
struct DepthwiseRow {
  const std::uint8_t* quads = nullptr;  ///< readable for a chunk beyond the last output's
  const std::int32_t* taps = nullptr;   ///< byte offsets
  std::int64_t tap_count = 0;
  const std::int8_t* weights = nullptr;  ///< for each of `period` chunks, for each tap, four vectors of quads
  std::int64_t period = 1, count = 0;
  Epilogue epilogue;  ///< bias and multiplier for each element of each of `period` chunks; y or real of output 0
};

struct QuadDepthwiseKernel {
  const char* name;
  Isa isa;
  std::int64_t chunk;         ///< bytes of a vector
  std::int64_t weight_bytes;  ///< of a quad, as in gemm/quad.h
  void (*interleave)(const QuadInterleave& work) noexcept;
  void (*row)(const DepthwiseRow& row) noexcept;
};

/// Every kernel, whatever this CPU is.
[[nodiscard]] std::span<const QuadDepthwiseKernel> quad_depthwise_kernels() noexcept;

/// The best one a cap allows, or nullptr.
[[nodiscard]] const QuadDepthwiseKernel* find_quad_depthwise_kernel(Isa cap) noexcept;

/// The same bytes as conv_u8s8_reference.
class QuadDepthwise {
 public:
  /// Whether it is such a convolution, and packed weights and scratch stay within reason.
  [[nodiscard]] static bool fits(const QuadDepthwiseKernel& kernel, const ConvShape& shape);

  QuadDepthwise(const QuadDepthwiseKernel& kernel, const ConvShape& shape, const std::int8_t* weights, const std::int32_t* folded_bias,
                const float* multiplier, std::int32_t zero_point, int threads);

  /// Of `output` only what to do with the sums is used: bias and multiplier are packed.
  void run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept;

  [[nodiscard]] std::size_t packed_bytes() const noexcept;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept;

 private:
  /// How rows and columns are cut. Columns are counted from the leftmost of a segment's first window.
  struct Plan {
    std::int64_t row_quads = 1;      ///< groups of four rows
    std::int64_t out_rows = 1;       ///< of a band
    std::int64_t out_columns = 1;    ///< of a segment
    std::int64_t columns = 1;        ///< of x under a segment
    std::int64_t phase_columns = 1;  ///< of each phase
    std::int64_t phase_bytes = 1;    ///< with room for what is written too much
    std::int64_t group_bytes = 1;    ///< all phases of four rows
    std::int64_t period = 1;

    [[nodiscard]] std::int64_t taps(const ConvShape& s) const noexcept { return row_quads * s.kernel_w; }
  };

  static Plan plan_of(const QuadDepthwiseKernel& kernel, const ConvShape& shape);
  void pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier);
  void find_orders();
  void run_band(const std::uint8_t* image, std::int64_t first, const Epilogue& output, std::uint8_t* scratch) const noexcept;
  void interleave(const std::uint8_t* image, std::int64_t top, std::int64_t left, std::uint8_t* scratch) const noexcept;
  void interleave_phases(QuadInterleave work, std::int64_t begin, std::int64_t end, std::uint8_t* to) const noexcept;
  void fill(std::int64_t begin, std::int64_t end, std::uint8_t* to) const noexcept;

  const QuadDepthwiseKernel* kernel_;
  ConvShape shape_;
  Plan plan_;
  std::vector<std::int32_t> order_;       ///< leaves everything where it is
  std::vector<std::int32_t> even_first_;  ///< columns 0, 2, 4 ... then 1, 3, 5 ...; empty where chunks hold no whole pairs of columns
  std::vector<std::int32_t> taps_;
  LineVector<std::int8_t> weights_;
  LineVector<std::int32_t> bias_;
  LineVector<float> multiplier_;
  std::vector<std::uint8_t> padding_;  ///< a row of zero-points
  int threads_;
};

}  // namespace octet::kernels
