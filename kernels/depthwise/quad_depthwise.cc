#include "kernels/depthwise/quad_depthwise.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "kernels/choose.h"
#include "kernels/gemm/quad.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void interleave_avx2(const QuadInterleave& work) noexcept;
void interleave_avxvnni(const QuadInterleave& work) noexcept;
void interleave_avx512vnni(const QuadInterleave& work) noexcept;
void depthwise_row_avx2(const DepthwiseRow& row) noexcept;
void depthwise_row_avxvnni(const DepthwiseRow& row) noexcept;
void depthwise_row_avx512vnni(const DepthwiseRow& row) noexcept;

namespace {

constexpr std::array kKernels = {
    QuadDepthwiseKernel{"depthwise_quads_u8s8_avx2", Isa::avx2, 32, 8, interleave_avx2, depthwise_row_avx2},
    QuadDepthwiseKernel{"depthwise_u8s8_avxvnni", Isa::avxvnni, 32, 4, interleave_avxvnni, depthwise_row_avxvnni},
    QuadDepthwiseKernel{"depthwise_u8s8_avx512vnni", Isa::avx512vnni, 64, 4, interleave_avx512vnni, depthwise_row_avx512vnni}};

/// Quads of a segment are to stay in L1, with room for weights and outputs.
constexpr std::int64_t kSegmentBytes = 20 * 1024;
constexpr std::int64_t kWeightBytes = 24 * 1024;

constexpr std::int64_t kMost = std::int64_t{1} << 24;
constexpr std::int64_t kMostPackedBytes = std::int64_t{1} << 20;

std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

std::int64_t columns_under(const ConvShape& s, std::int64_t out_columns) noexcept {
  return (out_columns - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1;
}

}  // namespace

std::span<const QuadDepthwiseKernel> quad_depthwise_kernels() noexcept { return kKernels; }

const QuadDepthwiseKernel* find_quad_depthwise_kernel(Isa cap) noexcept { return best_of(quad_depthwise_kernels(), cap); }

QuadDepthwise::Plan QuadDepthwise::plan_of(const QuadDepthwiseKernel& kernel, const ConvShape& s) {
  Plan p;
  p.row_quads = divide_up(s.kernel_h, 4);
  // Output row r of a band reads rows r stride_h to r stride_h + kernel_h - 1 of its 4 row_quads rows.
  p.out_rows = s.dilation_h == 1 ? std::min(s.out_h, (4 * p.row_quads - s.kernel_h) / s.stride_h + 1) : 1;
  p.period = s.in_c / std::gcd(s.in_c, kernel.chunk);
  // Each of them has weights of its own.
  p.out_rows = std::clamp(kWeightBytes / (p.period * p.taps(s) * kernel.chunk * kernel.weight_bytes), std::int64_t{1}, p.out_rows);
  const auto bytes = [&](std::int64_t out_columns) { return columns_under(s, out_columns) * s.in_c * 4 * p.row_quads; };
  const std::int64_t segments = std::clamp(divide_up(bytes(s.out_w), kSegmentBytes), std::int64_t{1}, s.out_w);
  p.out_columns = divide_up(s.out_w, segments);
  p.columns = columns_under(s, p.out_columns);
  p.phase_columns = divide_up(p.columns, s.stride_w);
  p.phase_bytes = divide_up(p.phase_columns * s.in_c + kernel.chunk, 16) * 64;
  p.group_bytes = s.stride_w * p.phase_bytes;
  return p;
}

bool QuadDepthwise::fits(const QuadDepthwiseKernel& kernel, const ConvShape& s) {
  if (s.groups != s.in_c || s.in_c != s.out_c) return false;
  for (const std::int64_t size : {s.in_c, s.in_h, s.in_w, s.out_h, s.out_w, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.dilation_h,
                                  s.dilation_w, s.pad_top, s.pad_left})
    if (size > kMost) return false;
  if (columns_under(s, 1) > kMost / (4 * s.in_c * divide_up(s.kernel_h, 4))) return false;
  const Plan p = plan_of(kernel, s);
  if (p.row_quads * p.group_bytes > 4 * kMost) return false;
  return p.out_rows * p.period * p.taps(s) * kernel.chunk * kernel.weight_bytes <= kMostPackedBytes;
}

QuadDepthwise::QuadDepthwise(const QuadDepthwiseKernel& kernel, const ConvShape& shape, const std::int8_t* weights,
                             const std::int32_t* folded_bias, const float* multiplier, std::int32_t zero_point, int threads)
    : kernel_(&kernel), shape_(shape), plan_(plan_of(kernel, shape)) {
  constexpr double kOutputsPerNanosecond = 10;
  threads_ = worthwhile_threads(threads, static_cast<double>(shape.out_pixels() * shape.out_c) / kOutputsPerNanosecond);
  padding_.assign(static_cast<std::size_t>(plan_.columns * shape.in_c), static_cast<std::uint8_t>(zero_point));
  pack(weights, folded_bias, multiplier);
  find_orders();
}

void QuadDepthwise::pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier) {
  const ConvShape& s = shape_;
  const std::int64_t chunk = kernel_->chunk;
  const std::int64_t elements = plan_.period * chunk;
  const std::int64_t lanes = chunk / 4;
  weights_.assign(static_cast<std::size_t>(plan_.out_rows * elements * plan_.taps(s) * kernel_->weight_bytes), 0);
  for (std::int64_t g = 0; g < plan_.row_quads; ++g) {
    for (std::int64_t kw = 0; kw < s.kernel_w; ++kw) {
      const std::int64_t x = kw * s.dilation_w;
      taps_.push_back(static_cast<std::int32_t>(g * plan_.group_bytes + x % s.stride_w * plan_.phase_bytes + x / s.stride_w * s.in_c * 4));
    }
  }
  std::int8_t* to = weights_.data();
  for (std::int64_t r = 0; r < plan_.out_rows; ++r) {
    for (std::int64_t p = 0; p < plan_.period; ++p) {
      for (std::int64_t t = 0; t < plan_.taps(s); ++t) {
        for (std::int64_t e = 0; e < chunk; ++e) {
          const std::int64_t c = (p * chunk + e) % s.in_c;
          std::array<std::int8_t, 4> quad{};
          for (std::size_t i = 0; i < quad.size(); ++i) {
            const std::int64_t kh = t / s.kernel_w * 4 + static_cast<std::int64_t>(i) - r * s.stride_h;
            if (kh >= 0 && kh < s.kernel_h) quad[i] = weights[(c * s.kernel_h + kh) * s.kernel_w + t % s.kernel_w];
          }
          store_quad_weights(quad.data(), 4, e % lanes, lanes, kernel_->weight_bytes, to + e / lanes * lanes * kernel_->weight_bytes);
        }
        to += chunk * kernel_->weight_bytes;
      }
    }
  }
  for (std::int64_t e = 0; e < elements; ++e) {
    bias_.push_back(folded_bias[e % s.in_c]);
    multiplier_.push_back(multiplier[e % s.in_c]);
  }
}

void QuadDepthwise::find_orders() {
  const auto groups = static_cast<std::int32_t>(kernel_->chunk / 4);
  order_.resize(static_cast<std::size_t>(groups));
  std::iota(order_.begin(), order_.end(), 0);
  if (shape_.stride_w != 2 || shape_.in_c % 4 != 0 || kernel_->chunk % (2 * shape_.in_c) != 0) return;
  const auto column = static_cast<std::int32_t>(shape_.in_c / 4);
  for (std::int32_t half = 0; half < 2; ++half)
    for (std::int32_t i = 0; i < groups / 2; ++i) even_first_.push_back((2 * (i / column) + half) * column + i % column);
}

std::size_t QuadDepthwise::packed_bytes() const noexcept {
  return weights_.size() + (bias_.size() + multiplier_.size() + taps_.size()) * 4 + padding_.size();
}

std::size_t QuadDepthwise::scratch_bytes() const noexcept {
  return static_cast<std::size_t>(threads_ * plan_.row_quads * plan_.group_bytes);
}

void QuadDepthwise::run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t bands = divide_up(s.out_h, plan_.out_rows);
  const std::size_t own = scratch_bytes() / static_cast<std::size_t>(threads_);
  parallel_pieces(threads_, s.batch * bands, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t n = i / bands;
      const std::int64_t first = i % bands * plan_.out_rows;
      run_band(x + n * s.in_h * s.in_w * s.in_c, first, advanced(output, (n * s.out_h + first) * s.out_w * s.out_c),
               static_cast<std::uint8_t*>(scratch) + static_cast<std::size_t>(piece) * own);
    }
  });
}

/// Output rows from `first` on; `output` is where they go.
void QuadDepthwise::run_band(const std::uint8_t* image, std::int64_t first, const Epilogue& output, std::uint8_t* scratch) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t out_rows = std::min(plan_.out_rows, s.out_h - first);
  const std::int64_t row_weights = plan_.period * plan_.taps(s) * kernel_->chunk * kernel_->weight_bytes;
  for (std::int64_t ow = 0; ow < s.out_w; ow += plan_.out_columns) {
    interleave(image, first * s.stride_h - s.pad_top, ow * s.stride_w - s.pad_left, scratch);
    for (std::int64_t r = 0; r < out_rows; ++r) {
      DepthwiseRow row{scratch, taps_.data(), plan_.taps(s), weights_.data() + r * row_weights, plan_.period,
                       std::min(plan_.out_columns, s.out_w - ow) * s.out_c, advanced(output, (r * s.out_w + ow) * s.out_c)};
      row.epilogue.bias = bias_.data();
      row.epilogue.multiplier = multiplier_.data();
      kernel_->row(row);
    }
  }
}

/// Rows of x from `top` on and columns from `left` on, each possibly outside.
void QuadDepthwise::interleave(const std::uint8_t* image, std::int64_t top, std::int64_t left, std::uint8_t* scratch) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t begin = std::min(std::max<std::int64_t>(-left, 0), plan_.columns);  // columns [begin, end) are inside
  const std::int64_t end = std::clamp(s.in_w - left, begin, plan_.columns);
  for (std::int64_t g = 0; g < plan_.row_quads; ++g) {
    QuadInterleave work;
    work.order = order_.data();
    for (std::size_t i = 0; i < 4; ++i) {
      const std::int64_t row = 4 * g + static_cast<std::int64_t>(i);
      const std::int64_t ih = top + row * s.dilation_h;
      const bool inside = ih >= 0 && ih < s.in_h && begin < end;
      work.rows[i] = inside ? image + (ih * s.in_w + left + begin) * s.in_c : padding_.data();
    }
    std::uint8_t* to = scratch + g * plan_.group_bytes;
    if (s.stride_w != 1) {
      interleave_phases(work, begin, end, to);
      continue;
    }
    fill(0, begin, to);
    work.count = (end - begin) * s.in_c;
    work.first = to + begin * s.in_c * 4;
    work.second = work.first + 2 * kernel_->chunk;
    work.chunk_step = 4 * kernel_->chunk;
    kernel_->interleave(work);
    fill(end, plan_.columns, to);
  }
}

/// The same where columns are strided, phase after phase. The rows of `work` start at column `begin`.
void QuadDepthwise::interleave_phases(QuadInterleave work, std::int64_t begin, std::int64_t end, std::uint8_t* to) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t phase_bytes = plan_.phase_bytes;
  const std::int64_t column_bytes = s.in_c * 4;
  const bool pairs = !even_first_.empty();
  if (pairs) {
    // Both phases at once.
    work.order = even_first_.data();
    work.count = (end - begin) * s.in_c;
    work.first = to + begin % 2 * phase_bytes + begin / 2 * column_bytes;
    work.second = to + (begin + 1) % 2 * phase_bytes + (begin + 1) / 2 * column_bytes;
    work.chunk_step = 2 * kernel_->chunk;
    kernel_->interleave(work);
  }
  const std::array rows = {work.rows[0], work.rows[1], work.rows[2], work.rows[3]};
  for (std::int64_t phase = 0; phase < s.stride_w; ++phase) {
    std::uint8_t* phase_to = to + phase * phase_bytes;
    // Columns of this phase that are inside: [first, last).
    const std::int64_t first = std::min(divide_up(begin - std::min(begin, phase), s.stride_w), plan_.phase_columns);
    const std::int64_t last = std::clamp(divide_up(std::max(end, phase) - phase, s.stride_w), first, plan_.phase_columns);
    fill(0, first, phase_to);
    if (!pairs && first != last) {
      for (std::size_t i = 0; i < 4; ++i) work.rows[i] = rows[i] + (first * s.stride_w + phase - begin) * s.in_c;
      work.runs = last - first;
      work.count = s.in_c;
      work.in_step = s.stride_w * s.in_c;
      work.out_step = column_bytes;
      work.first = phase_to + first * column_bytes;
      work.second = work.first + 2 * kernel_->chunk;
      work.chunk_step = 4 * kernel_->chunk;
      kernel_->interleave(work);
    }
    fill(last, plan_.phase_columns, phase_to);
  }
}

/// Zero-points for the columns [begin, end).
void QuadDepthwise::fill(std::int64_t begin, std::int64_t end, std::uint8_t* to) const noexcept {
  std::memset(to + begin * shape_.in_c * 4, padding_[0], static_cast<std::size_t>((end - begin) * shape_.in_c * 4));
}

}  // namespace octet::kernels
