// Convolution out of quad tiles (gemm/quad.h): windows are read where they lie. A convolution with padding or groups copies
// a strip of input rows first, with zero-points around it and one group's channels side by side.
#pragma once

#include <memory>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/gemm/quad.h"

namespace octet::kernels {

/// The same bytes as conv_u8s8_reference.
class QuadConv {
 public:
  /// Whether strips, offsets and packed weights stay within reason. Where they do not, another kernel is to be used.
  [[nodiscard]] static bool fits(const QuadKernel& kernel, const ConvShape& shape);

  QuadConv(const QuadKernel& kernel, const ConvShape& shape, const std::int8_t* weights, const std::int32_t* folded_bias,
           const float* multiplier, std::int32_t zero_point, int threads);

  /// The same followed by max_pool_u8 over windows of 2 x 2, two rows and columns apart; the weights are shared.
  [[nodiscard]] QuadConv pooled() const;

  /// Of `output` only what to do with the sums is used: bias and multiplier are packed. Pooled, it is u8.
  void run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept;

  [[nodiscard]] bool takes_residual() const noexcept;
  [[nodiscard]] std::size_t packed_bytes() const noexcept;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept;

 private:
  /// The rows of x a strip of output rows reads, as the micro-kernel sees them: x itself, or a copy.
  struct Strip {
    bool copied = false;
    std::int64_t out_rows = 1;      ///< output rows, those that are pooled
    std::int64_t in_rows = 1;       ///< input rows under them
    std::int64_t columns = 1;       ///< input columns under the windows, from -pad_left on
    std::int64_t pixel_bytes = 1;   ///< from one column to the next
    std::int64_t line_bytes = 1;    ///< from one row to the next

    [[nodiscard]] std::int64_t bytes() const noexcept { return in_rows * line_bytes; }
  };

  static Strip strip_of(const ConvShape& shape, int threads, std::int64_t side = 1);
  static std::vector<Quad> quads_of(const ConvShape& shape, const Strip& strip);

  void find_pixels();
  [[nodiscard]] std::int64_t out_rows() const noexcept { return shape_.out_h / side_ * side_; }
  [[nodiscard]] std::int64_t out_columns() const noexcept { return shape_.out_w / side_ * side_; }
  void run_strip(const std::uint8_t* image, std::int64_t first, const std::uint8_t* end_of_x, const Epilogue& output,
                 std::uint8_t* scratch) const noexcept;
  const std::uint8_t* source(const std::uint8_t* image, std::int64_t first, std::int64_t group, const std::uint8_t* end_of_x,
                             std::uint8_t* scratch) const noexcept;
  void copy_line(const std::uint8_t* line, std::int64_t group, std::uint8_t* to) const noexcept;

  ConvShape shape_;
  Strip strip_;
  bool overruns_;  ///< quads of the last window reach beyond the end of x
  std::int64_t side_ = 1;  ///< of the pool's windows
  std::shared_ptr<const std::vector<PackedQuads>> groups_;
  std::vector<std::int32_t> pixels_;  ///< offsets of the windows in a strip; those that are pooled into one pixel are adjacent
  std::uint8_t zero_point_;
  int threads_;
};

}  // namespace octet::kernels
