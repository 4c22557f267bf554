#include "kernels/gemm/quad_gemm.h"

#include <algorithm>
#include <cstring>

#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

/// About how many rows go through one block of weights before the next block's turn: enough to make little of the weights' way from
/// L2, few enough to stay in L1 themselves.
constexpr std::int64_t kStripRows = 48;

/// Threads share out rows where each has at least so many, two tiles; else channels.
constexpr std::int64_t kLeastRows = 12;

/// Bytes of a quad beyond those that exist, at most.
constexpr std::int64_t kOverrun = 3;

std::int64_t strips_of(std::int64_t rows, int threads) noexcept {
  const std::int64_t strips = std::max<std::int64_t>((rows + kStripRows / 2) / kStripRows, 1);
  return rows < threads * kLeastRows ? strips : (strips + threads - 1) / threads * threads;
}

}  // namespace

QuadGemm::QuadGemm(const QuadKernel& kernel, const std::int8_t* weights, std::int64_t row_count, std::int64_t channels, std::int64_t depth,
                   const std::int32_t* folded_bias, const float* multiplier, int threads)
    : packed_(kernel, weights, channels, depth, dense_quads(depth), folded_bias, multiplier),
      rows_(row_count),
      depth_(depth),
      last_rows_(depth % 4 == 0 ? 0 : std::min(row_count, (kOverrun + depth - 1) / depth)),
      strips_(0),
      threads_(worthwhile_threads(threads, quad_nanoseconds(kernel, row_count * channels * depth))) {
  const std::int64_t inside = rows_ - last_rows_;
  strips_ = strips_of(inside, threads_);
  for (std::int64_t r = 0; r < std::max((inside + strips_ - 1) / strips_, last_rows_); ++r) offsets_.push_back(static_cast<std::int32_t>(r * depth));
}

std::size_t QuadGemm::scratch_bytes() const noexcept {
  return last_rows_ == 0 ? 0 : static_cast<std::size_t>(last_rows_ * depth_ + kOverrun);
}

void QuadGemm::run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept {
  const std::int64_t inside = rows_ - last_rows_;
  const std::int64_t blocks = packed_.block_count();
  if (strips_ >= threads_) {
    parallel_for(threads_, strips_, [&](std::int64_t begin, std::int64_t end) noexcept {
      for (std::int64_t strip = begin; strip < end; ++strip) run_strip(strip, 0, blocks, x, output);
    });
  } else {
    parallel_for(threads_, blocks, [&](std::int64_t begin, std::int64_t end) noexcept {
      for (std::int64_t strip = 0; strip < strips_; ++strip) run_strip(strip, begin, end, x, output);
    });
  }
  if (last_rows_ == 0) return;
  auto* last = static_cast<std::uint8_t*>(scratch);
  std::memcpy(last, x + inside * depth_, static_cast<std::size_t>(last_rows_ * depth_));
  std::memset(last + last_rows_ * depth_, 0, kOverrun);
  packed_.run(last, offsets_.data(), last_rows_, advanced(output, inside * packed_.channels()), packed_.channels());
}

void QuadGemm::run_strip(std::int64_t strip, std::int64_t begin, std::int64_t end, const std::uint8_t* x, const Epilogue& output) const noexcept {
  const std::int64_t inside = rows_ - last_rows_;
  const std::int64_t channels = packed_.channels();
  const std::int64_t first = inside * strip / strips_;
  const std::int64_t count = inside * (strip + 1) / strips_ - first;
  packed_.run_blocks(begin, end, x + first * depth_, offsets_.data(), count, advanced(output, first * channels), channels);
}

}  // namespace octet::kernels
