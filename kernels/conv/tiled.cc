#include "kernels/conv/tiled.h"

#include <algorithm>

#include "kernels/gemm/packed.h"
#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

/// The window of one output pixel and group, [kernel_h, kernel_w, in_c / groups], as a row of s16.
class Gather {
 public:
  Gather(const TiledConv& conv, const std::uint8_t* x) noexcept : conv_(conv), s_(conv.shape), x_(x) {}

  void operator()(std::int64_t pixel, std::int64_t group, std::int16_t* a) const noexcept {
    const std::int64_t ow = pixel % s_.out_w;
    const std::int64_t oh = pixel / s_.out_w % s_.out_h;
    const std::int64_t n = pixel / s_.out_w / s_.out_h;
    const std::int64_t top = oh * s_.stride_h - s_.pad_top;
    const std::int64_t left = ow * s_.stride_w - s_.pad_left;
    const std::int64_t row = s_.kernel_w * s_.group_in_c();
    for (std::int64_t kh = 0; kh < s_.kernel_h; ++kh, a += row) {
      const std::int64_t ih = top + kh * s_.dilation_h;
      if (ih < 0 || ih >= s_.in_h) {
        std::fill_n(a, row, std::int16_t{conv_.zero_point});
      } else {
        window_row(x_ + ((n * s_.in_h + ih) * s_.in_w) * s_.in_c + group * s_.group_in_c(), left, a);
      }
    }
    if (s_.filter_size() % 2 != 0) *a = 0;
  }

 private:
  void window_row(const std::uint8_t* line, std::int64_t left, std::int16_t* a) const noexcept {
    const std::int64_t depth = s_.group_in_c();
    const bool inside = left >= 0 && left + (s_.kernel_w - 1) * s_.dilation_w < s_.in_w;
    if (inside && s_.dilation_w == 1 && s_.groups == 1) {
      widen(line + left * depth, s_.kernel_w * depth, a);
      return;
    }
    for (std::int64_t kw = 0; kw < s_.kernel_w; ++kw, a += depth) {
      const std::int64_t iw = left + kw * s_.dilation_w;
      if (iw < 0 || iw >= s_.in_w) {
        std::fill_n(a, depth, std::int16_t{conv_.zero_point});
      } else {
        widen(line + iw * s_.in_c, depth, a);
      }
    }
  }

  const TiledConv& conv_;
  const ConvShape& s_;
  const std::uint8_t* x_;
};

std::int64_t row_stride(const ConvShape& shape) noexcept { return 2 * depth_pairs(shape.filter_size()); }

}  // namespace

TiledConv::TiledConv(const TileKernel& tile_kernel, const ConvShape& conv_shape, const std::int8_t* weights, const std::int32_t* folded_bias,
                     const float* multiplier, std::int32_t x_zero_point, int thread_count)
    : kernel(&tile_kernel), shape(conv_shape), zero_point(static_cast<std::uint8_t>(x_zero_point)), threads(thread_count) {
  const std::int64_t channels = shape.out_c / shape.groups;
  for (std::int64_t g = 0; g < shape.groups; ++g)
    groups.push_back(pack_gemm(weights + g * channels * shape.filter_size(), channels, shape.filter_size(), folded_bias + g * channels,
                               multiplier + g * channels));
}

std::size_t TiledConv::packed_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const PackedGemm& g : groups) bytes += g.bytes();
  return bytes;
}

std::size_t TiledConv::scratch_bytes() const noexcept {
  return static_cast<std::size_t>(threads * kTileRows * row_stride(shape)) * sizeof(std::int16_t);
}

void conv_u8s8_tiled(const TiledConv& c, const std::uint8_t* x, const Epilogue& e, void* scratch) noexcept {
  const Gather gather(c, x);
  const std::int64_t stride = row_stride(c.shape);
  const std::int64_t pixels = c.shape.out_pixels();
  const std::int64_t tiles = (pixels + kTileRows - 1) / kTileRows;
  parallel_pieces(c.threads, tiles, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    std::int16_t* a = static_cast<std::int16_t*>(scratch) + piece * kTileRows * stride;
    GemmTile tile(a, stride, c.shape.out_c);
    for (std::int64_t pixel = begin * kTileRows; pixel < std::min(end * kTileRows, pixels); pixel += kTileRows) {
      tile.rows = std::min(kTileRows, pixels - pixel);
      std::int64_t at = pixel * c.shape.out_c;
      for (std::size_t g = 0; g < c.groups.size(); ++g) {
        for (std::int64_t r = 0; r < tile.rows; ++r) gather(pixel + r, static_cast<std::int64_t>(g), a + r * stride);
        tile.use(c.groups[g], e, at);
        c.kernel->run(tile);
        at += c.groups[g].channels;
      }
    }
  });
}

}  // namespace octet::kernels
