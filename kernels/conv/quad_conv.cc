#include "kernels/conv/quad_conv.h"

#include <algorithm>
#include <cstring>

#include "kernels/copy.h"
#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

/// Bytes of a quad beyond those that exist, at most.
constexpr std::int64_t kOverrun = 3;
constexpr std::int64_t kSlack = kOverrun + kFillSurplus;

constexpr std::int64_t kMaxStripBytes = std::int64_t{1} << 26;

/// Strips that leave room for weights in L1, of enough pixels to make little of the weights' way from L2.
constexpr std::int64_t kStripBytes = 16 * 1024;
constexpr std::int64_t kStripPixels = 24;

std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

std::int64_t rows_under(const ConvShape& s, std::int64_t out_rows) noexcept {
  return (out_rows - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h + 1;
}

}  // namespace

QuadConv::Strip QuadConv::strip_of(const ConvShape& s, int threads, std::int64_t side) {
  Strip strip;
  strip.copied = s.padded() || s.groups > 1;
  strip.columns = (s.out_w - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1;
  strip.pixel_bytes = s.group_in_c();
  strip.line_bytes = strip.copied ? strip.columns * strip.pixel_bytes : s.in_w * s.in_c;
  const std::int64_t most = divide_up(s.out_h / side, threads) * side;
  strip.out_rows = std::min(most, divide_up(kStripPixels, s.out_w * side) * side);
  while (strip.out_rows < most && rows_under(s, strip.out_rows + side) * strip.line_bytes <= kStripBytes) strip.out_rows += side;
  strip.in_rows = rows_under(s, strip.out_rows);
  return strip;
}

std::vector<Quad> QuadConv::quads_of(const ConvShape& s, const Strip& strip) {
  // Taps of a window row are adjacent, unless dilated.
  const std::int64_t runs = s.dilation_w == 1 ? 1 : s.kernel_w;
  const std::int64_t run = s.kernel_w * s.group_in_c() / runs;
  std::vector<Quad> quads;
  for (std::int64_t kh = 0; kh < s.kernel_h; ++kh) {
    for (std::int64_t i = 0; i < runs; ++i) {
      for (Quad q : dense_quads(run)) {
        q.offset += static_cast<std::int32_t>(kh * s.dilation_h * strip.line_bytes + i * s.dilation_w * strip.pixel_bytes);
        q.depth += static_cast<std::int32_t>((kh * runs + i) * run);
        quads.push_back(q);
      }
    }
  }
  return quads;
}

bool QuadConv::fits(const QuadKernel& kernel, const ConvShape& s) {
  // Sizes are below 2^40 each; strips' are looked at one factor after the other.
  if (s.filter_size() > kMaxQuadDepth || s.kernel_h * s.dilation_h > kMaxStripBytes || s.kernel_w * s.dilation_w > kMaxStripBytes) return false;
  if (s.stride_h > kMaxStripBytes || s.out_w > kMaxStripBytes / s.stride_w || s.in_w > kMaxStripBytes / s.in_c) return false;
  const Strip strip = strip_of(s, 1);
  if (strip.in_rows > kMaxStripBytes / s.in_c || strip.columns > kMaxStripBytes / s.in_c) return false;
  if (strip.in_rows > kMaxStripBytes / strip.line_bytes) return false;
  // Groups of few channels fill neither quads nor vectors.
  const std::int64_t channels = s.out_c / s.groups;
  const std::int64_t packed = divide_up(channels, kernel.lanes) * kernel.lanes * kernel.weight_bytes * static_cast<std::int64_t>(quads_of(s, strip).size());
  return packed <= 4 * kernel.weight_bytes * channels * s.filter_size() || packed * s.groups <= std::int64_t{1} << 20;
}

QuadConv::QuadConv(const QuadKernel& kernel, const ConvShape& shape, const std::int8_t* weights, const std::int32_t* folded_bias,
                   const float* multiplier, std::int32_t zero_point, int threads)
    : shape_(shape), zero_point_(static_cast<std::uint8_t>(zero_point)) {
  threads_ = worthwhile_threads(threads, quad_nanoseconds(kernel, shape.out_pixels() * shape.out_c * shape.filter_size()));
  strip_ = strip_of(shape, shape.batch >= threads_ ? 1 : threads_);
  const auto quads = quads_of(shape, strip_);
  overruns_ = std::ranges::any_of(quads, [](const Quad& q) { return q.count != 4; });
  const std::int64_t channels = shape.out_c / shape.groups;
  std::vector<PackedQuads> groups;
  for (std::int64_t g = 0; g < shape.groups; ++g)
    groups.emplace_back(kernel, weights + g * channels * shape.filter_size(), channels, shape.filter_size(), quads, folded_bias + g * channels,
                        multiplier + g * channels);
  groups_ = std::make_shared<const std::vector<PackedQuads>>(std::move(groups));
  find_pixels();
}

QuadConv QuadConv::pooled() const {
  QuadConv conv = *this;
  conv.side_ = 2;
  static_assert(kPooledRows == 2 * 2);
  conv.strip_ = strip_of(shape_, shape_.batch >= threads_ ? 1 : threads_, conv.side_);
  conv.find_pixels();
  return conv;
}

void QuadConv::find_pixels() {
  pixels_.clear();
  const auto add = [this](std::int64_t oh, std::int64_t ow) {
    pixels_.push_back(static_cast<std::int32_t>(oh * shape_.stride_h * strip_.line_bytes + ow * shape_.stride_w * strip_.pixel_bytes));
  };
  for (std::int64_t oh = 0; oh < strip_.out_rows; oh += side_)
    for (std::int64_t ow = 0; ow < out_columns(); ow += side_)
      for (std::int64_t i = 0; i < side_ * side_; ++i) add(oh + i / side_, ow + i % side_);
}

bool QuadConv::takes_residual() const noexcept { return std::ranges::all_of(*groups_, &PackedQuads::takes_residual); }

std::size_t QuadConv::packed_bytes() const noexcept {
  std::size_t bytes = pixels_.size() * sizeof(std::int32_t);
  for (const PackedQuads& g : *groups_) bytes += g.bytes();
  return bytes;
}

std::size_t QuadConv::scratch_bytes() const noexcept {
  if (!strip_.copied && !overruns_) return 0;
  return static_cast<std::size_t>(threads_ * (strip_.bytes() + kSlack));
}

void QuadConv::run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t strips = divide_up(out_rows(), strip_.out_rows);
  const std::int64_t stored = out_columns() / side_ * s.out_c;  // of a row of windows
  const std::uint8_t* end_of_x = x + s.batch * s.in_h * s.in_w * s.in_c;
  parallel_pieces(threads_, s.batch * strips, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    std::uint8_t* own = static_cast<std::uint8_t*>(scratch) + piece * (strip_.bytes() + kSlack);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % strips * strip_.out_rows;
      const std::uint8_t* image = x + i / strips * s.in_h * s.in_w * s.in_c;
      run_strip(image, first, end_of_x, advanced(output, (i / strips * out_rows() + first) / side_ * stored), own);
    }
  });
}

/// Output rows from `first` on; `output` is where they go.
void QuadConv::run_strip(const std::uint8_t* image, std::int64_t first, const std::uint8_t* end_of_x, const Epilogue& output,
                         std::uint8_t* scratch) const noexcept {
  const std::int64_t pixels = std::min(strip_.out_rows, out_rows() - first) * out_columns();
  Epilogue e = output;
  for (std::size_t g = 0; g < groups_->size(); ++g) {
    const std::uint8_t* from = source(image, first, static_cast<std::int64_t>(g), end_of_x, scratch);
    const PackedQuads& packed = (*groups_)[g];
    packed.run(from, pixels_.data(), pixels, e, shape_.out_c, side_ != 1);
    e = advanced(e, packed.channels());
  }
}

/// Where the first window of a strip starts.
const std::uint8_t* QuadConv::source(const std::uint8_t* image, std::int64_t first, std::int64_t group,
                                     const std::uint8_t* end_of_x, std::uint8_t* scratch) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t top = first * s.stride_h - s.pad_top;
  const std::int64_t in_rows = rows_under(s, std::min(strip_.out_rows, out_rows() - first));
  if (!strip_.copied) {
    const std::uint8_t* from = image + top * strip_.line_bytes;
    if (!overruns_ || end_of_x - from >= in_rows * strip_.line_bytes + kOverrun) return from;
    std::memcpy(scratch, from, static_cast<std::size_t>(in_rows * strip_.line_bytes));
  } else {
    for (std::int64_t i = 0; i < in_rows; ++i) {
      const std::int64_t ih = top + i;
      copy_line(ih < 0 || ih >= s.in_h ? nullptr : image + ih * s.in_w * s.in_c, group, scratch + i * strip_.line_bytes);
    }
  }
  std::memset(scratch + in_rows * strip_.line_bytes, 0, kOverrun);
  return scratch;
}

/// One row of x (null: none) with its padding, and of one group only. What is filled too much is overwritten by what follows.
void QuadConv::copy_line(const std::uint8_t* line, std::int64_t group, std::uint8_t* to) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t depth = strip_.pixel_bytes;
  const std::int64_t left = line == nullptr ? strip_.columns : std::min(s.pad_left, strip_.columns);
  const std::int64_t inside = line == nullptr ? 0 : std::min(s.in_w, strip_.columns - left);
  fill_bytes(to, zero_point_, left * depth);
  to += left * depth;
  if (s.groups == 1) {
    copy_bytes(to, line, inside * depth);
    to += inside * depth;
  } else {
    for (std::int64_t i = 0; i < inside; ++i, to += depth) copy_bytes(to, line + i * s.in_c + group * depth, depth);
  }
  fill_bytes(to, zero_point_, (strip_.columns - left - inside) * depth);
}

}  // namespace octet::kernels
