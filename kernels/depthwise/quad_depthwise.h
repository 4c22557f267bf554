// Convolution with one input and one output channel a group (conv/conv.h with groups = in_c = out_c), four taps at a time.
//
// The bytes of four rows of x are unpacked into quads, so that each s32 lane holds one column of four taps of one channel and
// vpdpbusd sums them at once (AVX2 in two steps, as in gemm/quad.h). The sums are packed the way they were unpacked, so that nothing
// has to be put in order. A band is as many output rows as can share such quads: with a kernel of 3 x 3 and stride 1, rows 0 to
// 3 serve two output rows, whose weights are (w0, w1, w2, 0) and (0, w0, w1, w2).
//
// Rows are copied first, with zero-points around them, into lines: those of a strip of bands at once, because what has just been
// written in small pieces cannot be read in large ones without waiting; the next strip finds some of them there. In a line
// columns follow each other as in x, channels adjacent, so outputs are computed along the whole row in chunks of as many elements as a
// vector has bytes, whatever the number of channels: weights repeat after C / gcd(C, chunk) chunks. With a stride of s columns
// a line is sorted into s phases, columns 0, s, 2s ... first, so that here, too, neighbours are adjacent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/conv/conv.h"
#include "kernels/isa.h"

namespace octet::kernels {

namespace {  // of internal linkage, because files for one instruction set use it, too

/// Where unpacking four rows of bytes leaves the quad of an element of a chunk: the index among its four vectors' lanes.
constexpr std::int64_t place_of(std::int64_t element, std::int64_t lanes) noexcept {
  return element % 16 / 4 * lanes + element / 16 * 4 + element % 4;
}

}  // namespace

/// Takes a run of pixels apart: those of even columns to `first`, of odd ones to `second`. Whole halves of chunks are written.
struct ColumnSplit {
  const std::uint8_t* x = nullptr;
  std::int64_t count = 0;                ///< bytes
  const std::int32_t* order = nullptr;   ///< the group of four bytes of a chunk that comes i-th
  std::uint8_t* first = nullptr;
  std::uint8_t* second = nullptr;
};

/// Bands of `out_rows` rows of outputs. In each of them y[r, i] = epilogue(sum over row quads g, columns t, rows k < 4 of
/// rows[4 g + k][columns[t] + i] . weights[i, g, t, r, k]).
struct DepthwiseBands {
  const std::uint8_t* const* rows = nullptr;  ///< [4 row_quads] of the first band, each readable for a chunk beyond the last output's
  std::int64_t bands = 1;
  std::int64_t row_step = 0;                  ///< from one band's rows to the next one's
  const std::int32_t* columns = nullptr;      ///< [kernel_w] byte offsets
  std::int64_t row_quads = 1, kernel_w = 1;
  /// For each of `period` chunks, for each row quad, column and one of `packed_rows` output rows: four vectors of quads.
  const std::int8_t* weights = nullptr;
  std::int64_t packed_rows = 1;
  std::int64_t period = 1;
  std::int64_t out_rows = 1;    ///< at most packed_rows
  std::int64_t count = 0;       ///< outputs a row
  std::int64_t out_stride = 0;  ///< elements from one output row to the next
  /// bias and multiplier for each element of each of `period` chunks, in a chunk in the order of its four vectors of sums (place_of);
  /// y, real or sums of output 0.
  Epilogue epilogue;
};

struct QuadDepthwiseKernel {
  const char* name;
  Isa isa;
  std::int64_t chunk;         ///< bytes of a vector
  std::int64_t weight_bytes;  ///< of a quad, as in gemm/quad.h
  std::int64_t most_rows;     ///< of a band
  void (*split)(const ColumnSplit& work) noexcept;
  void (*bands)(const DepthwiseBands& bands) noexcept;
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
    std::int64_t strip_bands = 1;    ///< whose rows are copied at once
    std::int64_t lines = 1;          ///< rows of x under a strip, dilation_h apart
    std::int64_t out_columns = 1;    ///< of a segment
    std::int64_t columns = 1;        ///< of x under a segment
    std::int64_t phase_columns = 1;  ///< of each phase
    std::int64_t phase_bytes = 1;    ///< with room for what is read and written too much
    std::int64_t line_bytes = 1;     ///< all phases
    std::int64_t period = 1;

    [[nodiscard]] std::int64_t taps(const ConvShape& s) const noexcept { return row_quads * s.kernel_w; }
  };

  static Plan plan_of(const QuadDepthwiseKernel& kernel, const ConvShape& shape);
  void pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier);
  void find_order();
  void run_segment(const std::uint8_t* image, std::int64_t first_band, std::int64_t last_band, std::int64_t first_column, const Epilogue& output,
                   std::uint8_t* lines) const noexcept;
  void run_bands(std::int64_t bands, std::int64_t first_row, const std::uint8_t* const* rows, std::int64_t first_column,
                 const Epilogue& output) const noexcept;
  void copy_line(const std::uint8_t* row, std::int64_t left, std::uint8_t* to) const noexcept;
  void copy_phases(const std::uint8_t* first, std::int64_t begin, std::int64_t end, std::uint8_t* to) const noexcept;
  [[nodiscard]] std::size_t own_scratch_bytes() const noexcept;

  const QuadDepthwiseKernel* kernel_;
  ConvShape shape_;
  Plan plan_;
  std::vector<std::int32_t> even_first_;  ///< columns 0, 2, 4 ... then 1, 3, 5 ...; empty where chunks hold no whole pairs of columns
  std::vector<std::int32_t> columns_;     ///< offsets of the window's columns
  LineVector<std::int8_t> weights_;
  LineVector<std::int32_t> bias_;
  LineVector<float> multiplier_;
  LineVector<std::uint8_t> padding_;  ///< a line of zero-points
  bool below_one_ = false;  ///< the multipliers
  std::uint8_t zero_point_;
  int threads_;
};

}  // namespace octet::kernels
