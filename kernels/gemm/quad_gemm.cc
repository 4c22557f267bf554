#include "kernels/gemm/quad_gemm.h"

#include <algorithm>
#include <cstring>

#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

/// Rows that go through one block of weights before the next block's turn: a multiple of every tile's rows, enough to make
/// little of the weights' way from L2, few enough to stay in L1 themselves.
constexpr std::int64_t kStripRows = 48;

/// Bytes of a quad beyond those that exist, at most.
constexpr std::int64_t kOverrun = 3;

}  // namespace

QuadGemm::QuadGemm(const QuadKernel& kernel, const std::int8_t* weights, std::int64_t row_count, std::int64_t channels, std::int64_t depth,
                   const std::int32_t* folded_bias, const float* multiplier, int threads)
    : packed_(kernel, weights, channels, depth, dense_quads(depth), folded_bias, multiplier),
      rows_(row_count),
      depth_(depth),
      last_rows_(depth % 4 == 0 ? 0 : std::min(row_count, (kOverrun + depth - 1) / depth)),
      threads_(worthwhile_threads(threads, quad_nanoseconds(kernel, row_count * channels * depth))) {
  for (std::int64_t r = 0; r < std::min(rows_, kStripRows); ++r) offsets_.push_back(static_cast<std::int32_t>(r * depth));
}

std::size_t QuadGemm::scratch_bytes() const noexcept {
  return last_rows_ == 0 ? 0 : static_cast<std::size_t>(last_rows_ * depth_ + kOverrun);
}

void QuadGemm::run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept {
  const std::int64_t channels = packed_.channels();
  const auto rows = [&](const std::uint8_t* from, std::int64_t first, std::int64_t count) noexcept {
    packed_.run(from, offsets_.data(), count, advanced(output, first * channels), channels);
  };
  const std::int64_t inside = rows_ - last_rows_;
  const std::int64_t strips = (inside + kStripRows - 1) / kStripRows;
  parallel_for(threads_, strips, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t strip = begin; strip < end; ++strip) {
      const std::int64_t first = strip * kStripRows;
      rows(x + first * depth_, first, std::min(kStripRows, inside - first));
    }
  });
  if (last_rows_ == 0) return;
  auto* last = static_cast<std::uint8_t*>(scratch);
  std::memcpy(last, x + inside * depth_, static_cast<std::size_t>(last_rows_ * depth_));
  std::memset(last + last_rows_ * depth_, 0, kOverrun);
  rows(last, inside, last_rows_);
}

}  // namespace octet::kernels
