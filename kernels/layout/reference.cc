#include <cstring>

#include "kernels/copy.h"
#include "kernels/layout/layout.h"
#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

template <class T>
void transpose(const TransposeShape& s, const T* x, T* y, int threads) noexcept {
  const auto inner = static_cast<std::size_t>(s.axes - 1);
  std::int64_t runs = 1;
  for (std::size_t i = 0; i < inner; ++i) runs *= s.size[i];
  parallel_for(threads, runs, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t run = begin; run < end; ++run) {
      std::int64_t from = 0;
      std::int64_t rest = run;
      for (std::size_t i = inner; i-- > 0;) {
        from += rest % s.size[i] * s.stride[i];
        rest /= s.size[i];
      }
      for (std::int64_t i = 0; i < s.size[inner]; ++i) y[run * s.size[inner] + i] = x[from + i * s.stride[inner]];
    }
  });
}

}  // namespace

void transpose_reference(const TransposeShape& shape, std::size_t element_bytes, const std::byte* x, std::byte* y, int threads) noexcept {
  if (element_bytes == 1) {
    transpose(shape, reinterpret_cast<const std::uint8_t*>(x), reinterpret_cast<std::uint8_t*>(y), threads);
  } else if (element_bytes == 4) {
    transpose(shape, reinterpret_cast<const std::uint32_t*>(x), reinterpret_cast<std::uint32_t*>(y), threads);
  } else {
    transpose(shape, reinterpret_cast<const std::uint64_t*>(x), reinterpret_cast<std::uint64_t*>(y), threads);
  }
}

void copy_rows_reference(const std::byte* x, std::int64_t rows, std::size_t row_bytes, std::byte* y, std::size_t stride_bytes) noexcept {
  for (std::int64_t r = 0; r < rows; ++r)
    copy_bytes(reinterpret_cast<std::uint8_t*>(y) + static_cast<std::size_t>(r) * stride_bytes,
               reinterpret_cast<const std::uint8_t*>(x) + static_cast<std::size_t>(r) * row_bytes, static_cast<std::int64_t>(row_bytes));
}

void pad_image_reference(const PaddedImage& p, const std::uint8_t* x, std::uint8_t* y) noexcept {
  const auto row = static_cast<std::size_t>(p.w * p.channels);
  std::memset(y, p.value, static_cast<std::size_t>(p.elements()));
  for (std::int64_t n = 0; n < p.batch; ++n) {
    for (std::int64_t h = 0; h < p.h; ++h) {
      std::uint8_t* to = y + ((n * p.padded_h() + p.top + h) * p.padded_w() + p.left) * p.channels;
      std::memcpy(to, x + (n * p.h + h) * p.w * p.channels, row);
    }
  }
}

}  // namespace octet::kernels
