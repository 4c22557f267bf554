// Depthwise convolution of 3 x 3 (quad_depthwise.h), stride 1 or 2, along the columns: the quads of a column of 64 channels, three rows each, are
// unpacked once and serve every output column that sees them, and the weights stay in registers. Rows are read where they are; what lies
// outside of the image is a register or a row of zero-points. Where fewer than 64 channels are left, 32 of them of two output rows
// share a vector; the last ones may be among those of the chunk before once more.
#pragma once

#include <array>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/conv/conv.h"
#include "kernels/isa.h"

namespace octet::kernels {

/// One chunk of channels of a strip of two output rows.
struct DepthwiseColumns {
  static constexpr int kMostRows = 5;
  std::int64_t stride = 1;
  bool halves = false;                         ///< 32 channels of both rows at once, not 64 of one after the other
  const std::uint8_t* rows[kMostRows] = {};    ///< of the input from the strip's first on, at the chunk's first channel; always readable
  std::int64_t out_rows = 2;                   ///< that exist
  std::int64_t in_columns = 1, out_columns = 1, pad_left = 0;
  std::int64_t channels = 1;                   ///< from one column to the next
  std::uint8_t zero_point = 0;
  const std::int8_t* weights = nullptr;        ///< for each tap of a row: 64 quads, in the order of place_of
  /// bias and multiplier in that order, too; y, real or sums of the strip's first row and column, at the chunk's first channel.
  Epilogue epilogue;
  std::int64_t out_stride = 0;                 ///< elements from one output row to the next
};

struct ColumnDepthwiseKernel {
  const char* name;
  Isa isa;
  void (*run)(const DepthwiseColumns& columns) noexcept;
};

/// The best one a cap allows, or nullptr.
[[nodiscard]] const ColumnDepthwiseKernel* find_column_depthwise_kernel(Isa cap) noexcept;

/// The same bytes as conv_u8s8_reference.
class ColumnDepthwise {
 public:
  /// Whether it is such a convolution, of 32 channels at least.
  [[nodiscard]] static bool fits(const ConvShape& shape);

  /// Whether it is faster than QuadDepthwise. The shape fits.
  [[nodiscard]] static bool pays(const ConvShape& shape) noexcept;

  ColumnDepthwise(const ColumnDepthwiseKernel& kernel, const ConvShape& shape, const std::int8_t* weights, const std::int32_t* folded_bias,
                  const float* multiplier, std::int32_t zero_point, int threads);

  /// Of `output` only what to do with the sums is used: bias and multiplier are packed. No scratch is needed.
  void run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept;

  [[nodiscard]] std::size_t packed_bytes() const noexcept;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept { return 0; }

 private:
  struct Chunk {
    std::int64_t first = 0;  ///< channel
    bool halves = false;
  };

  void pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier);
  void run_strip(const std::uint8_t* image, std::int64_t first_row, std::size_t chunk, const Epilogue& output) const noexcept;

  const ColumnDepthwiseKernel* kernel_;
  ConvShape shape_;
  std::vector<Chunk> chunks_;
  LineVector<std::int8_t> weights_;
  LineVector<std::int32_t> bias_;
  LineVector<float> multiplier_;
  LineVector<std::uint8_t> padding_;  ///< a row of zero-points
  bool below_one_;                    ///< the multipliers
  std::uint8_t zero_point_;
  int threads_;
};

}  // namespace octet::kernels
