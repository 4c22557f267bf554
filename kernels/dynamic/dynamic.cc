#include "kernels/dynamic/dynamic.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/parallel.h"

namespace octet::kernels {

bool find_range_f32_reference(const float* x, std::int64_t n, float* lo, float* hi) noexcept;
void quantize_row_reference(const float* x, std::int64_t n, const RowParameters& row, std::uint8_t* q) noexcept;
void finish_row_reference(const RowEpilogue& epilogue, const RowParameters& row, const std::int32_t* sums, std::int64_t pixels,
                          float* y) noexcept;
bool find_range_f32_avx2(const float* x, std::int64_t n, float* lo, float* hi) noexcept;
void quantize_row_avx2(const float* x, std::int64_t n, const RowParameters& row, std::uint8_t* q) noexcept;
void finish_row_avx2(const RowEpilogue& epilogue, const RowParameters& row, const std::int32_t* sums, std::int64_t pixels, float* y) noexcept;

namespace {

constexpr std::array kKernels = {
    RowKernel{"reference", Isa::reference, find_range_f32_reference, quantize_row_reference, finish_row_reference},
    RowKernel{"avx2", Isa::avx2, find_range_f32_avx2, quantize_row_avx2, finish_row_avx2},
};

/// Its padding included: what lies between two lines is written at once.
void quantize_image(const RowKernel& kernel, const PaddedImage& image, const float* x, const RowParameters& row, std::uint8_t* q) noexcept {
  const std::int64_t line = image.w * image.channels;
  const auto pad = [&](std::int64_t n) noexcept {
    if (n != 0) std::memset(q, row.zero_point, static_cast<std::size_t>(n));
    q += n;
  };
  if (image.elements() == image.batch * image.h * line) return kernel.quantize(x, image.h * line, row, q);
  pad((image.top * image.padded_w() + image.left) * image.channels);
  for (std::int64_t h = 0; h < image.h; ++h, q += line) {
    if (h != 0) pad((image.right + image.left) * image.channels);
    kernel.quantize(x + h * line, line, row, q);
  }
  pad((image.right + image.bottom * image.padded_w()) * image.channels);
}

}  // namespace

std::span<const RowKernel> row_kernels() noexcept { return kKernels; }

const RowKernel& find_row_kernel(Isa cap) noexcept {
  const RowKernel* best = kKernels.data();
  for (const RowKernel& k : kKernels)
    if (allows(cap, k.isa) && allows(k.isa, best->isa)) best = &k;
  return *best;
}

RowParameters row_parameters(float lo, float hi) noexcept {
  if (lo == hi) return {1.0F, 0};
  const double wanted = (static_cast<double>(hi) - static_cast<double>(lo)) / 255.0;
  const float scale = std::max(static_cast<float>(wanted), std::numeric_limits<float>::min());
  const double z = std::nearbyint(-static_cast<double>(lo) / static_cast<double>(scale));
  return {scale, static_cast<std::int32_t>(std::min(z, 255.0))};
}

bool quantize_rows(const RowKernel& kernel, const PaddedImage& rows, const float* x, std::uint8_t* q, RowParameters* parameters,
                   int threads) noexcept {
  std::atomic<bool> finite{true};
  const std::int64_t size = rows.h * rows.w * rows.channels;
  const std::int64_t padded = rows.padded_h() * rows.padded_w() * rows.channels;
  parallel_for(threads, rows.batch, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t r = begin; r < end; ++r) {
      float lo = 0;
      float hi = 0;
      if (!kernel.find_range(x + r * size, size, &lo, &hi)) {
        finite.store(false, std::memory_order_relaxed);
        return;
      }
      parameters[r] = row_parameters(lo, hi);
      quantize_image(kernel, rows, x + r * size, parameters[r], q + r * padded);
    }
  });
  return finite.load();
}

void finish_rows(const RowKernel& kernel, const RowEpilogue& e, const std::int32_t* sums, const RowParameters* parameters,
                 std::int64_t rows, std::int64_t pixels, float* y, int threads) noexcept {
  // Kernels go down the pixels of a few channels at a time: a block stays in the first cache.
  const std::int64_t block = std::clamp<std::int64_t>(4096 / e.channels, 1, pixels);
  const std::int64_t blocks = (pixels + block - 1) / block;
  parallel_for(threads, rows * blocks, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % blocks * block;
      const std::int64_t at = (i / blocks * pixels + first) * e.channels;
      kernel.finish(e, parameters[i / blocks], sums + at, std::min(block, pixels - first), y + at);
    }
  });
}

}  // namespace octet::kernels
