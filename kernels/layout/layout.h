// Moving elements without looking at them. Sizes are in bytes of one element.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace octet::kernels {

inline constexpr int kMaxTransposeAxes = 8;

/// Output sizes, outermost first, and the input stride (in elements) each output axis walks with.
struct TransposeShape {
  int axes = 1;
  std::array<std::int64_t, kMaxTransposeAxes> size{1};
  std::array<std::int64_t, kMaxTransposeAxes> stride{1};
};

/// y = x with its axes permuted. element_bytes is 1, 4 or 8.
void transpose_reference(const TransposeShape& shape, std::size_t element_bytes, const std::byte* x, std::byte* y, int threads) noexcept;

/// Copies rows of row_bytes from x (dense) to y, `stride_bytes` apart: one operand of a concatenation.
void copy_rows_reference(const std::byte* x, std::int64_t rows, std::size_t row_bytes, std::byte* y, std::size_t stride_bytes) noexcept;

/// Images [batch, h, w, channels] surrounded by padding of one value.
struct PaddedImage {
  std::int64_t batch = 1, h = 1, w = 1, channels = 1;
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  std::uint8_t value = 0;

  [[nodiscard]] std::int64_t padded_h() const noexcept { return top + h + bottom; }
  [[nodiscard]] std::int64_t padded_w() const noexcept { return left + w + right; }
  [[nodiscard]] std::int64_t elements() const noexcept { return batch * padded_h() * padded_w() * channels; }
};

/// y [batch, padded_h, padded_w, channels].
void pad_image_reference(const PaddedImage& image, const std::uint8_t* x, std::uint8_t* y) noexcept;

}  // namespace octet::kernels
