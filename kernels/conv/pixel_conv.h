// Convolution of few input channels with pixels in the lanes: sixteen output pixels a vector, a vector of sums for each output
// channel. First layers have few output channels, too, which would leave lanes of the other order (gemm/quad.h) empty, and windows whose rows are
// no multiple of four bytes; here a window is cut into quads as a whole: 3 x 3 x 3 are 7 quads instead of 9.
//
// Pixels come in groups of sixteen of a band, some output rows one after the other; the last group of a band overlaps the one before
// it. A quad of sixteen pixels is put together of what tables take from windows, up to 128 bytes of one input row. Masks keep
// reads inside the row and leave zero-points outside of it.
#pragma once

#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/conv/conv.h"
#include "kernels/isa.h"

namespace octet::kernels {

/// Up to 128 bytes of one input row.
struct PixelWindow {
  std::int32_t row = 0;     ///< from the band's first
  std::int32_t offset = 0;  ///< from the start of that row, which it may lie before; bytes
  std::uint64_t inside[2] = {0, 0};  ///< which of the bytes from there are read; the others are zero-points
  std::int32_t firsts = 0, others = 0;  ///< pieces it gives: the first ones of a quad, then those that join earlier ones
  bool two = false;                     ///< whether it reaches into the second 64 bytes
};

/// What a window gives to a quad.
struct PixelPiece {
  std::int32_t table = 0;   ///< where the 64 bytes' indices start
  std::int32_t quad = 0;    ///< where the quad is put
  std::uint64_t bytes = 0;  ///< which bytes it gives
};

struct PixelGroup {
  std::int32_t pixel = 0;  ///< the first of sixteen, in the band
  std::int32_t first = 0, last = 0;  ///< windows
  std::int32_t piece = 0;            ///< the first one
};

/// Up to sixteen output channels, a multiple of four but for those that do not exist, whose weights are 0.
struct PixelBlock {
  std::int64_t first = 0, channels = 1;
  std::int64_t fours = 1;    ///< channels, rounded up to fours
  std::size_t weights = 0;   ///< where they start
};

/// One band.
struct PixelBand {
  const std::uint8_t* const* rows = nullptr;  ///< rows of the input; where there is none, a row of zero-points
  std::uint8_t zero_point = 0;
  const PixelGroup* groups = nullptr;  // no spans: their functions would be weak symbols in files of an instruction set
  std::int64_t group_count = 0;
  const PixelWindow* windows = nullptr;
  const PixelPiece* pieces = nullptr;
  const std::uint8_t* tables = nullptr;
  std::int64_t quads = 0;
  const PixelBlock* blocks = nullptr;
  std::int64_t block_count = 0;
  const std::int8_t* weights = nullptr;  ///< of a block, for each quad, for each channel: four
  std::uint8_t* scratch = nullptr;       ///< 128 bytes a quad
  /// y, real or sums of the band's first pixel; bias and multiplier filled up to a whole block.
  Epilogue epilogue;
  std::int64_t out_stride = 0;  ///< elements from one pixel to the next
};

struct PixelConvKernel {
  const char* name;
  Isa isa;
  bool vbmi;  ///< it needs AVX-512 VBMI, too
  void (*run)(const PixelBand& band) noexcept;
};

/// Every kernel, whatever this CPU is.
[[nodiscard]] std::span<const PixelConvKernel> pixel_conv_kernels() noexcept;

/// The best one a cap and this CPU allow, or nullptr.
[[nodiscard]] const PixelConvKernel* find_pixel_conv_kernel(Isa cap) noexcept;

/// The same bytes as conv_u8s8_reference.
class PixelConv {
 public:
  /// Whether there are sixteen pixels, few input channels, and tables stay within reason.
  [[nodiscard]] static bool fits(const ConvShape& shape);

  /// Whether it is faster than QuadConv with vectors of `lanes` channels, by a quarter at least. The shape fits.
  [[nodiscard]] static bool pays(const ConvShape& shape, std::int64_t lanes);

  PixelConv(const PixelConvKernel& kernel, const ConvShape& shape, const std::int8_t* weights, const std::int32_t* folded_bias,
            const float* multiplier, std::int32_t zero_point, int threads);

  /// Of `output` only what to do with the sums is used: bias and multiplier are packed.
  void run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept;

  [[nodiscard]] std::size_t packed_bytes() const noexcept;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept;

 private:
  void find_windows();
  void pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier);

  const PixelConvKernel* kernel_;
  ConvShape shape_;
  std::int64_t quads_;
  std::int64_t out_rows_;  ///< of a band
  std::int64_t in_rows_;   ///< under it
  std::vector<PixelGroup> groups_;
  std::vector<PixelWindow> windows_;
  std::vector<PixelPiece> pieces_;
  LineVector<std::uint8_t> tables_;
  std::vector<PixelBlock> blocks_;
  LineVector<std::int8_t> weights_;
  LineVector<std::int32_t> bias_;
  LineVector<float> multiplier_;
  LineVector<std::uint8_t> padding_;  ///< a row of zero-points
  bool below_one_;                    ///< the multipliers
  std::uint8_t zero_point_;
  int threads_;
};

}  // namespace octet::kernels
