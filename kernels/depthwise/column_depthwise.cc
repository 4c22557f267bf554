#include "kernels/depthwise/column_depthwise.h"

#include <algorithm>
#include <array>
#include <span>

#include "kernels/choose.h"
#include "kernels/depthwise/quad_depthwise.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void depthwise_columns_avx512vnni(const DepthwiseColumns& columns) noexcept;

namespace {

constexpr std::array kKernels = {ColumnDepthwiseKernel{"depthwise_columns_u8s8_avx512vnni", Isa::avx512vnni, depthwise_columns_avx512vnni}};

constexpr std::int64_t kChunk = 64;  ///< channels
constexpr std::int64_t kHalf = 32;
constexpr std::int64_t kStripRows = 2;
constexpr std::size_t kChunkWeights = 3 * 4 * kChunk;
constexpr std::int64_t kMostSize = std::int64_t{1} << 24;
constexpr std::int64_t kMostChannels = std::int64_t{1} << 16;

/// Constants that stay in L1 beside the rows of a strip. Beyond that, each chunk has its turn in all strips before the next one.
constexpr std::size_t kWeightBytes = 16 * 1024;

std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

}  // namespace

const ColumnDepthwiseKernel* find_column_depthwise_kernel(Isa cap) noexcept {
  return best_of(std::span<const ColumnDepthwiseKernel>(kKernels), cap);
}

bool ColumnDepthwise::fits(const ConvShape& s) {
  for (const std::int64_t size : {s.in_h, s.in_w, s.out_h, s.out_w, s.pad_top, s.pad_left})
    if (size > kMostSize) return false;
  return s.groups == s.in_c && s.in_c == s.out_c && s.in_c >= kHalf && s.in_c <= kMostChannels && s.in_w <= kMostSize / s.in_c && s.kernel_h == 3 &&
         s.kernel_w == 3 && s.stride_h == s.stride_w && s.stride_h <= 2 && s.dilation_h == 1 && s.dilation_w == 1;
}

bool ColumnDepthwise::pays(const ConvShape& s) noexcept {
  // Measured on a Zen 5: what a row takes beside its columns is more than unpacking them thrice where there are few, unless weights
  // for two output rows each, which the other kernel has, leave L1.
  constexpr std::int64_t kColumns = 14;
  constexpr std::int64_t kManyChannels = 768;
  return s.stride_w == 2 || s.out_w >= kColumns || s.in_c >= kManyChannels;
}

ColumnDepthwise::ColumnDepthwise(const ColumnDepthwiseKernel& kernel, const ConvShape& shape, const std::int8_t* weights,
                                 const std::int32_t* folded_bias, const float* multiplier, std::int32_t zero_point, int threads)
    : kernel_(&kernel),
      shape_(shape),
      padding_(static_cast<std::size_t>(shape.in_w * shape.in_c), static_cast<std::uint8_t>(zero_point)),
      below_one_(below_one(multiplier, shape.out_c)),
      zero_point_(static_cast<std::uint8_t>(zero_point)) {
  constexpr double kOutputsPerNanosecond = 18;
  threads_ = worthwhile_threads(threads, static_cast<double>(shape.out_pixels() * shape.out_c) / kOutputsPerNanosecond);
  std::int64_t first = 0;
  for (; first + kChunk <= shape.in_c; first += kChunk) chunks_.push_back({first, false});
  for (; first < shape.in_c; first += kHalf) chunks_.push_back({std::min(first, shape.in_c - kHalf), true});
  pack(weights, folded_bias, multiplier);
}

void ColumnDepthwise::pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier) {
  weights_.assign(chunks_.size() * kChunkWeights, 0);
  std::int8_t* to = weights_.data();
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    const auto channel = [&](std::int64_t element) { return chunks_[i].first + (chunks_[i].halves ? element % kHalf : element); };
    bias_.resize((i + 1) * kChunk);
    multiplier_.resize((i + 1) * kChunk);
    for (std::int64_t e = 0; e < kChunk; ++e) {
      const auto at = i * kChunk + static_cast<std::size_t>(place_of(e, kChunk / 4));
      bias_[at] = folded_bias[channel(e)];
      multiplier_[at] = multiplier[channel(e)];
    }
    for (std::int64_t kw = 0; kw < 3; ++kw, to += 4 * kChunk)
      for (std::int64_t e = 0; e < kChunk; ++e)
        for (std::int64_t kh = 0; kh < 3; ++kh) to[4 * place_of(e, kChunk / 4) + kh] = weights[(channel(e) * 3 + kh) * 3 + kw];
  }
}

std::size_t ColumnDepthwise::packed_bytes() const noexcept { return weights_.size() + 4 * (bias_.size() + multiplier_.size()) + padding_.size(); }

void ColumnDepthwise::run(const std::uint8_t* x, const Epilogue& output, void*) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t strips = divide_up(s.out_h, kStripRows);
  const bool chunks_first = weights_.size() <= kWeightBytes;
  parallel_for(threads_, s.batch * strips, [&](std::int64_t begin, std::int64_t end) noexcept {
    const auto strip = [&](std::int64_t i, std::size_t chunk) noexcept {
      const std::int64_t n = i / strips;
      run_strip(x + n * s.in_h * s.in_w * s.in_c, (i - n * strips) * kStripRows, chunk, advanced(output, n * s.out_h * s.out_w * s.out_c));
    };
    if (chunks_first) {
      for (std::int64_t i = begin; i < end; ++i)
        for (std::size_t chunk = 0; chunk < chunks_.size(); ++chunk) strip(i, chunk);
    } else {
      for (std::size_t chunk = 0; chunk < chunks_.size(); ++chunk)
        for (std::int64_t i = begin; i < end; ++i) strip(i, chunk);
    }
  });
}

/// Output rows from `first_row` on; `output` is the image's.
void ColumnDepthwise::run_strip(const std::uint8_t* image, std::int64_t first_row, std::size_t chunk, const Epilogue& output) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t channel = chunks_[chunk].first;
  DepthwiseColumns c;
  c.stride = s.stride_h;
  c.halves = chunks_[chunk].halves;
  c.out_rows = std::min(kStripRows, s.out_h - first_row);
  for (std::int64_t r = 0; r < DepthwiseColumns::kMostRows; ++r) {
    const std::int64_t ih = first_row * s.stride_h - s.pad_top + r;
    c.rows[r] = (ih < 0 || ih >= s.in_h ? padding_.data() : image + ih * s.in_w * s.in_c) + channel;
  }
  c.in_columns = s.in_w, c.out_columns = s.out_w, c.pad_left = s.pad_left;
  c.channels = s.in_c;
  c.zero_point = zero_point_;
  c.weights = weights_.data() + chunk * kChunkWeights;
  c.epilogue = advanced(output, first_row * s.out_w * s.out_c + channel);
  c.epilogue.bias = bias_.data() + chunk * kChunk;
  c.epilogue.multiplier = multiplier_.data() + chunk * kChunk;
  c.epilogue.below_one = below_one_;
  c.out_stride = s.out_w * s.out_c;
  kernel_->run(c);
}

}  // namespace octet::kernels
