#include <algorithm>
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
      T* to = y + run * s.size[inner];
      if (s.stride[inner] == 1) {
        std::memcpy(to, x + from, static_cast<std::size_t>(s.size[inner]) * sizeof(T));
      } else {
        for (std::int64_t i = 0; i < s.size[inner]; ++i) to[i] = x[from + i * s.stride[inner]];
      }
    }
  });
}

template <class T>
void pad(const PadShape& s, const T* x, T value, T* y, int threads) noexcept {
  const auto inner = static_cast<std::size_t>(s.axes - 1);
  const std::int64_t* map = s.map[inner];
  std::int64_t rows = 1;
  for (std::size_t i = 0; i < inner; ++i) rows *= s.size[i];
  parallel_for(threads, rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t row = begin; row < end; ++row) {
      T* to = y + row * s.size[inner];
      std::int64_t from = 0;
      std::int64_t rest = row;
      bool inside = true;
      for (std::size_t i = inner; i-- > 0;) {
        const std::int64_t at = s.map[i][rest % s.size[i]];
        inside = inside && at >= 0;
        from += at * s.stride[i];
        rest /= s.size[i];
      }
      if (!inside) {
        std::fill(to, to + s.size[inner], value);
        continue;
      }
      const auto one = [&](std::int64_t i) noexcept { to[i] = map[i] < 0 ? value : x[from + map[i]]; };
      for (std::int64_t i = 0; i < s.run_begin; ++i) one(i);
      std::memcpy(to + s.run_begin, x + from + map[s.run_begin], static_cast<std::size_t>(s.run_end - s.run_begin) * sizeof(T));
      for (std::int64_t i = s.run_end; i < s.size[inner]; ++i) one(i);
    }
  });
}

template <class T>
void pad_as(const PadShape& shape, const std::byte* x, const std::byte* value, std::byte* y, int threads) noexcept {
  T v;
  std::memcpy(&v, value, sizeof(T));
  pad(shape, reinterpret_cast<const T*>(x), v, reinterpret_cast<T*>(y), threads);
}

}  // namespace

template <class Index>
bool gather_reference(const GatherShape& s, const std::byte* x, const Index* indices, std::byte* y, int threads) noexcept {
  for (std::int64_t i = 0; i < s.indices; ++i)
    if (indices[i] < -s.size || indices[i] >= s.size) return false;
  parallel_for(threads, s.outer * s.indices, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t index = indices[i % s.indices];
      const std::int64_t row = i / s.indices * s.size + (index < 0 ? index + s.size : index);
      std::memcpy(y + i * s.inner_bytes, x + row * s.inner_bytes, static_cast<std::size_t>(s.inner_bytes));
    }
  });
  return true;
}
template bool gather_reference(const GatherShape&, const std::byte*, const std::int32_t*, std::byte*, int) noexcept;
template bool gather_reference(const GatherShape&, const std::byte*, const std::int64_t*, std::byte*, int) noexcept;

void pad_reference(const PadShape& shape, std::size_t element_bytes, const std::byte* x, const std::byte* value, std::byte* y,
                   int threads) noexcept {
  if (element_bytes == 1) {
    pad_as<std::uint8_t>(shape, x, value, y, threads);
  } else if (element_bytes == 4) {
    pad_as<std::uint32_t>(shape, x, value, y, threads);
  } else {
    pad_as<std::uint64_t>(shape, x, value, y, threads);
  }
}

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
