// Whole matrix products out of quad tiles (quad.h).
#pragma once

#include "kernels/gemm/quad.h"

namespace octet::kernels {

/// y [rows, channels] = epilogue(x [rows, depth] W^T); the same bytes as gemm_u8s8_reference.
class QuadGemm {
 public:
  QuadGemm(const QuadKernel& kernel, const std::int8_t* weights, std::int64_t row_count, std::int64_t channels, std::int64_t depth,
           const std::int32_t* folded_bias, const float* multiplier, int threads);

  /// Of `output` only what to do with the sums is used: bias and multiplier are packed.
  void run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept;

  [[nodiscard]] bool takes_residual() const noexcept { return packed_.takes_residual(); }
  [[nodiscard]] std::size_t packed_bytes() const noexcept { return packed_.bytes() + offsets_.size() * sizeof(std::int32_t); }
  [[nodiscard]] std::size_t scratch_bytes() const noexcept;

 private:
  /// `strip` for the channels of the blocks [begin, end).
  void run_strip(std::int64_t strip, std::int64_t begin, std::int64_t end, const std::uint8_t* x, const Epilogue& output) const noexcept;

  PackedQuads packed_;
  std::int64_t rows_, depth_;
  std::int64_t last_rows_;  ///< at the end, whose quads reach beyond the end of x: they are copied first
  std::int64_t strips_;     ///< of nearly equally many of the other rows
  std::vector<std::int32_t> offsets_;  ///< of the rows of a strip
  int threads_;
};

}  // namespace octet::kernels
