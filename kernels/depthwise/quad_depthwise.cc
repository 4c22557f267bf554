#include "kernels/depthwise/quad_depthwise.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "kernels/choose.h"
#include "kernels/copy.h"
#include "kernels/gemm/quad.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void split_columns_avx2(const ColumnSplit& work) noexcept;
void split_columns_avxvnni(const ColumnSplit& work) noexcept;
void split_columns_avx512vnni(const ColumnSplit& work) noexcept;
void depthwise_bands_avx2(const DepthwiseBands& bands) noexcept;
void depthwise_bands_avxvnni(const DepthwiseBands& bands) noexcept;
void depthwise_bands_avx512vnni(const DepthwiseBands& bands) noexcept;

namespace {

constexpr std::array kKernels = {
    QuadDepthwiseKernel{"depthwise_quads_u8s8_avx2", Isa::avx2, 32, 8, 2, split_columns_avx2, depthwise_bands_avx2},
    QuadDepthwiseKernel{"depthwise_u8s8_avxvnni", Isa::avxvnni, 32, 4, 2, split_columns_avxvnni, depthwise_bands_avxvnni},
    QuadDepthwiseKernel{"depthwise_u8s8_avx512vnni", Isa::avx512vnni, 64, 4, 4, split_columns_avx512vnni, depthwise_bands_avx512vnni}};

/// Lines of a segment are to stay in L1, with room for weights and outputs.
constexpr std::int64_t kSegmentBytes = 32 * 1024;
/// Weights that are used together, those of one chunk: they are read once a strip.
constexpr std::int64_t kWeightBytes = 12 * 1024;

/// Rows of x under a band and under a strip, at most: pointers to them are kept on the stack.
constexpr std::int64_t kMostRowQuads = 16;
constexpr std::int64_t kMostLines = 256;

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
  p.period = s.in_c / std::gcd(s.in_c, kernel.chunk);
  // Output row r of a band reads rows r stride_h to r stride_h + kernel_h - 1 of its 4 row_quads rows.
  p.out_rows = s.dilation_h == 1 ? std::min({s.out_h, kernel.most_rows, (4 * p.row_quads - s.kernel_h) / s.stride_h + 1}) : 1;
  // Each of them has weights of its own.
  const std::int64_t row_weights = p.taps(s) * kernel.chunk * kernel.weight_bytes;
  p.out_rows = std::clamp(std::min(kWeightBytes, kMostPackedBytes / p.period) / row_weights, std::int64_t{1}, p.out_rows);
  const auto lines = [&](std::int64_t bands) { return (bands * p.out_rows - 1) * s.stride_h + s.kernel_h; };
  const std::int64_t bytes = columns_under(s, s.out_w) * s.in_c * lines(1);
  const std::int64_t segments = std::clamp(divide_up(bytes, kSegmentBytes), std::int64_t{1}, s.out_w);
  p.out_columns = divide_up(s.out_w, segments);
  p.columns = columns_under(s, p.out_columns);
  p.phase_columns = divide_up(p.columns, s.stride_w);
  p.phase_bytes = divide_up(p.phase_columns * s.in_c + kernel.chunk, kernel.chunk) * kernel.chunk;
  p.line_bytes = s.stride_w * p.phase_bytes;
  const std::int64_t bands = s.dilation_h == 1 ? divide_up(s.out_h, p.out_rows) : 1;
  while (p.strip_bands < bands && lines(p.strip_bands + 1) * p.line_bytes <= kSegmentBytes &&
         lines(p.strip_bands + 1) + 4 * p.row_quads <= kMostLines)
    ++p.strip_bands;
  p.lines = lines(p.strip_bands);
  return p;
}

bool QuadDepthwise::fits(const QuadDepthwiseKernel& kernel, const ConvShape& s) {
  if (s.groups != s.in_c || s.in_c != s.out_c) return false;
  for (const std::int64_t size : {s.in_c, s.in_h, s.in_w, s.out_h, s.out_w, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.dilation_h,
                                  s.dilation_w, s.pad_top, s.pad_left})
    if (size > kMost) return false;
  if (divide_up(s.kernel_h, 4) > kMostRowQuads || columns_under(s, 1) > kMost / (s.in_c * 4 * kMostRowQuads)) return false;
  const Plan p = plan_of(kernel, s);
  if (p.lines * p.line_bytes > 4 * kMost) return false;
  return p.out_rows * p.period * p.taps(s) * kernel.chunk * kernel.weight_bytes <= kMostPackedBytes;
}

QuadDepthwise::QuadDepthwise(const QuadDepthwiseKernel& kernel, const ConvShape& shape, const std::int8_t* weights,
                             const std::int32_t* folded_bias, const float* multiplier, std::int32_t zero_point, int threads)
    : kernel_(&kernel), shape_(shape), plan_(plan_of(kernel, shape)), zero_point_(static_cast<std::uint8_t>(zero_point)) {
  constexpr double kOutputsPerNanosecond = 15;
  threads_ = worthwhile_threads(threads, static_cast<double>(shape.out_pixels() * shape.out_c) / kOutputsPerNanosecond);
  padding_.assign(static_cast<std::size_t>(plan_.line_bytes), zero_point_);
  below_one_ = below_one(multiplier, shape.out_c);
  pack(weights, folded_bias, multiplier);
  find_order();
}

void QuadDepthwise::pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier) {
  const ConvShape& s = shape_;
  const std::int64_t chunk = kernel_->chunk;
  const std::int64_t lanes = chunk / 4;
  const auto elements = static_cast<std::size_t>(plan_.period * chunk);
  for (std::int64_t kw = 0; kw < s.kernel_w; ++kw) {
    const std::int64_t x = kw * s.dilation_w;
    columns_.push_back(static_cast<std::int32_t>(x % s.stride_w * plan_.phase_bytes + x / s.stride_w * s.in_c));
  }
  weights_.assign(static_cast<std::size_t>(plan_.out_rows * plan_.taps(s) * kernel_->weight_bytes) * elements, 0);
  bias_.resize(elements);
  multiplier_.resize(elements);
  std::int8_t* to = weights_.data();
  for (std::int64_t p = 0; p < plan_.period; ++p) {
    for (std::int64_t e = 0; e < chunk; ++e) {
      const std::int64_t c = (p * chunk + e) % s.in_c;
      const auto at = static_cast<std::size_t>(p * chunk + place_of(e, lanes));
      bias_[at] = folded_bias[c];
      multiplier_[at] = multiplier[c];
    }
    for (std::int64_t t = 0; t < plan_.taps(s); ++t) {
      for (std::int64_t r = 0; r < plan_.out_rows; ++r, to += chunk * kernel_->weight_bytes) {
        for (std::int64_t e = 0; e < chunk; ++e) {
          const std::int64_t c = (p * chunk + e) % s.in_c;
          std::array<std::int8_t, 4> quad{};
          for (std::size_t i = 0; i < quad.size(); ++i) {
            const std::int64_t kh = t / s.kernel_w * 4 + static_cast<std::int64_t>(i) - r * s.stride_h;
            if (kh >= 0 && kh < s.kernel_h) quad[i] = weights[(c * s.kernel_h + kh) * s.kernel_w + t % s.kernel_w];
          }
          const std::int64_t place = place_of(e, lanes);
          store_quad_weights(quad.data(), 4, place % lanes, lanes, kernel_->weight_bytes, to + place / lanes * lanes * kernel_->weight_bytes);
        }
      }
    }
  }
}

void QuadDepthwise::find_order() {
  if (shape_.stride_w != 2 || shape_.in_c % 4 != 0 || kernel_->chunk % (2 * shape_.in_c) != 0) return;
  const auto groups = static_cast<std::int32_t>(kernel_->chunk / 4);
  const auto column = static_cast<std::int32_t>(shape_.in_c / 4);
  for (std::int32_t half = 0; half < 2; ++half)
    for (std::int32_t i = 0; i < groups / 2; ++i) even_first_.push_back((2 * (i / column) + half) * column + i % column);
}

std::size_t QuadDepthwise::packed_bytes() const noexcept {
  return weights_.size() + (bias_.size() + multiplier_.size() + columns_.size()) * 4 + padding_.size();
}

std::size_t QuadDepthwise::own_scratch_bytes() const noexcept { return static_cast<std::size_t>(plan_.lines * plan_.line_bytes); }

std::size_t QuadDepthwise::scratch_bytes() const noexcept { return static_cast<std::size_t>(threads_) * own_scratch_bytes(); }

void QuadDepthwise::run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t bands = divide_up(s.out_h, plan_.out_rows);
  parallel_pieces(threads_, s.batch * bands, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    std::uint8_t* lines = static_cast<std::uint8_t*>(scratch) + static_cast<std::size_t>(piece) * own_scratch_bytes();
    for (std::int64_t i = begin; i < end;) {
      const std::int64_t n = i / bands;
      const std::int64_t first = i - n * bands;
      const std::int64_t last = std::min(bands, first + end - i);
      for (std::int64_t ow = 0; ow < s.out_w; ow += plan_.out_columns)
        run_segment(x + n * s.in_h * s.in_w * s.in_c, first, last, ow, advanced(output, n * s.out_h * s.out_w * s.out_c), lines);
      i += last - first;
    }
  });
}

/// Some bands of a segment that starts at output column `first_column`; `output` is the image's.
void QuadDepthwise::run_segment(const std::uint8_t* image, std::int64_t first_band, std::int64_t last_band, std::int64_t first_column,
                                const Epilogue& output, std::uint8_t* lines) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t left = first_column * s.stride_w - s.pad_left;
  const std::int64_t band_lines = plan_.out_rows * s.stride_h;  // from one band's first line to the next one's
  std::array<const std::uint8_t*, kMostLines> rows;
  std::int64_t copied = 0;  // of the lines of this strip, those that the one before it has left
  std::int64_t slot = 0;    // lines take turns in the scratch
  for (std::int64_t first = first_band; first < last_band; first += plan_.strip_bands) {
    const std::int64_t bands = std::min(plan_.strip_bands, last_band - first);
    const std::int64_t top = first * band_lines - s.pad_top;
    const std::int64_t needed = (bands * plan_.out_rows - 1) * s.stride_h + s.kernel_h;
    slot = (slot + plan_.lines - copied) % plan_.lines;
    for (std::int64_t i = 0; i < needed; ++i) {
      std::uint8_t* line = lines + slot * plan_.line_bytes;
      slot = slot + 1 == plan_.lines ? 0 : slot + 1;
      const std::int64_t ih = top + i * s.dilation_h;
      const bool inside = ih >= 0 && ih < s.in_h;
      rows[static_cast<std::size_t>(i)] = inside ? line : padding_.data();
      if (inside && i >= copied) copy_line(image + ih * s.in_w * s.in_c, left, line);
    }
    // What a band's last quads hold beyond its own lines has weight 0.
    std::fill_n(rows.begin() + needed, 4 * plan_.row_quads, padding_.data());
    const std::int64_t whole = std::min(bands, s.out_h / plan_.out_rows - first);  // bands of all their rows
    run_bands(whole, first * plan_.out_rows, rows.data(), first_column, output);
    if (whole < bands) run_bands(1, (first + whole) * plan_.out_rows, rows.data() + whole * band_lines, first_column, output);
    // Lines of a dilated kernel are apart: strips have none in common.
    copied = s.dilation_h == 1 ? std::max<std::int64_t>(s.kernel_h - s.stride_h, 0) : 0;
  }
}

/// Output rows from `first_row` on, whose lines are `rows`.
void QuadDepthwise::run_bands(std::int64_t bands, std::int64_t first_row, const std::uint8_t* const* rows, std::int64_t first_column,
                              const Epilogue& output) const noexcept {
  const ConvShape& s = shape_;
  DepthwiseBands band;
  band.rows = rows;
  band.bands = bands;
  band.row_step = plan_.out_rows * s.stride_h;
  band.columns = columns_.data();
  band.row_quads = plan_.row_quads;
  band.kernel_w = s.kernel_w;
  band.weights = weights_.data();
  band.packed_rows = plan_.out_rows;
  band.period = plan_.period;
  band.out_rows = std::min(plan_.out_rows, s.out_h - first_row);
  band.count = std::min(plan_.out_columns, s.out_w - first_column) * s.out_c;
  band.out_stride = s.out_w * s.out_c;
  band.epilogue = advanced(output, (first_row * s.out_w + first_column) * s.out_c);
  band.epilogue.bias = bias_.data();
  band.epilogue.multiplier = multiplier_.data();
  band.epilogue.below_one = below_one_;
  kernel_->bands(band);
}

/// One row of x from column `left` on, which may lie outside, with zero-points where it does.
void QuadDepthwise::copy_line(const std::uint8_t* row, std::int64_t left, std::uint8_t* to) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, plan_.columns);  // columns [begin, end) are inside
  const std::int64_t end = std::clamp(s.in_w - left, begin, plan_.columns);
  if (s.stride_w != 1) {
    copy_phases(begin == end ? row : row + (left + begin) * s.in_c, begin, end, to);
    return;
  }
  fill_bytes(to, zero_point_, begin * s.in_c);
  if (begin != end) copy_bytes(to + begin * s.in_c, row + (left + begin) * s.in_c, (end - begin) * s.in_c);
  fill_bytes(to + end * s.in_c, zero_point_, (plan_.columns - end) * s.in_c);
}

/// The same where columns are strided, phase after phase. `first` is column `begin`.
void QuadDepthwise::copy_phases(const std::uint8_t* first, std::int64_t begin, std::int64_t end, std::uint8_t* to) const noexcept {
  const ConvShape& s = shape_;
  // Columns below `column` of a phase: `column` is any column of the line.
  const auto columns_below = [&](std::int64_t column, std::int64_t phase) { return column <= phase ? 0 : divide_up(column - phase, s.stride_w); };
  for (std::int64_t phase = 0; phase < s.stride_w; ++phase)
    fill_bytes(to + phase * plan_.phase_bytes, zero_point_, columns_below(begin, phase) * s.in_c);
  if (!even_first_.empty()) {
    const auto place = [&](std::int64_t column) { return to + column % 2 * plan_.phase_bytes + column / 2 * s.in_c; };
    kernel_->split({first, (end - begin) * s.in_c, even_first_.data(), place(begin), place(begin + 1)});
  }
  for (std::int64_t phase = 0; phase < s.stride_w; ++phase) {
    std::uint8_t* phase_to = to + phase * plan_.phase_bytes;
    const std::int64_t inside_end = columns_below(end, phase);
    if (even_first_.empty()) {
      for (std::int64_t i = columns_below(begin, phase); i < inside_end; ++i)
        copy_bytes(phase_to + i * s.in_c, first + (i * s.stride_w + phase - begin) * s.in_c, s.in_c);
    }
    fill_bytes(phase_to + inside_end * s.in_c, zero_point_, (plan_.phase_columns - inside_end) * s.in_c);
  }
}

}  // namespace octet::kernels
