// Moving elements without looking at them. Sizes are in bytes of one element.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace octet::kernels {

inline constexpr int kMaxTransposeAxes = 16;

/// Output sizes, outermost first, and the input stride (in elements) each output axis walks with: 0 repeats, a negative one
/// walks backwards.
struct TransposeShape {
  int axes = 1;
  std::array<std::int64_t, kMaxTransposeAxes> size{1};
  std::array<std::int64_t, kMaxTransposeAxes> stride{1};
};

/// y, dense, of elements of x: axes permuted, repeated, or taken in steps. element_bytes is 1, 4 or 8.
void transpose_reference(const TransposeShape& shape, std::size_t element_bytes, const std::byte* x, std::byte* y, int threads) noexcept;

/// Copies rows of row_bytes from x (dense) to y, `stride_bytes` apart: one operand of a concatenation.
void copy_rows_reference(const std::byte* x, std::int64_t rows, std::size_t row_bytes, std::byte* y, std::size_t stride_bytes) noexcept;

/// y [outer, indices, inner] = x [outer, size, inner] at the indices, each in [-size, size). False, and y unspecified, if one
/// is not. Index is std::int32_t or std::int64_t; inner is in bytes.
struct GatherShape {
  std::int64_t outer = 1, size = 1, indices = 1, inner_bytes = 1;
};
template <class Index>
[[nodiscard]] bool gather_reference(const GatherShape& shape, const std::byte* x, const Index* indices, std::byte* y, int threads) noexcept;

/// y of `axes` axes: element i along axis k is element map[k][i] of x along it, or `value` where that is -1 on any axis.
/// The last axis maps [0, run_begin) and [run_end, size) one by one; between them x and y advance together.
struct PadShape {
  int axes = 1;
  std::array<std::int64_t, kMaxTransposeAxes> size{1};    ///< of y
  std::array<std::int64_t, kMaxTransposeAxes> stride{1};  ///< of x, in elements
  std::array<const std::int64_t*, kMaxTransposeAxes> map{};
  std::int64_t run_begin = 0, run_end = 1;
};
void pad_reference(const PadShape& shape, std::size_t element_bytes, const std::byte* x, const std::byte* value, std::byte* y,
                   int threads) noexcept;

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
