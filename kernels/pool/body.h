// The kernels of pool.h for any V of u8_avx2.h or u8_avx512.h that has Unpacked, too: vectors of bytes and of what they are unpacked into. Everything here has internal linkage.
#pragma once

#include "kernels/pool/window.h"

namespace octet::kernels {
namespace {

/// The largest of a window's vectors B::load(first of the window + c, count) of channels.
template <class B>
[[gnu::always_inline]] inline typename B::Vector largest(const std::uint8_t* first, std::int64_t rows, std::int64_t row_bytes, std::int64_t columns,
                                  std::int64_t column_bytes, std::int64_t count) noexcept {
  typename B::Vector most = B::load(first, count);
  for (std::int64_t h = 0; h < rows; ++h, first += row_bytes) {
    const std::uint8_t* x = first;
    for (std::int64_t w = 0; w < columns; ++w, x += column_bytes) most = B::max(most, B::load(x, count));
  }
  return most;
}

/// body(window, first value of the window, output of the pixel) for the pixels of some output rows.
template <class Body>
inline void for_each_pixel(const PoolShape& s, const std::uint8_t* x, std::uint8_t* y, std::int64_t begin, std::int64_t end, const Body& body) noexcept {
  for (std::int64_t row = begin; row < end; ++row) {
    const std::uint8_t* image = x + row / s.out_h * s.in_h * s.in_w * s.channels;
    for (std::int64_t ow = 0; ow < s.out_w; ++ow) {
      const Window w = window_at(s, row % s.out_h, ow);
      body(w, image + (w.h0 * s.in_w + w.w0) * s.channels, y + (row * s.out_w + ow) * s.channels);
    }
  }
}

/// All channels of one output pixel: the window's rows * columns vectors from `first` on. Sizes that are constants let loops unroll.
template <class V>
[[gnu::always_inline]] inline void max_pool_pixel(const std::uint8_t* first, std::int64_t rows, std::int64_t row_bytes, std::int64_t columns,
                                                  std::int64_t channels, std::uint8_t* y) noexcept {
  using Wide = typename V::WideBytes;
  using Tail = typename V::TailBytes;
  std::int64_t c = 0;
  for (; c + Wide::kCount <= channels; c += Wide::kCount)
    Wide::store(y + c, Wide::kCount, largest<Wide>(first + c, rows, row_bytes, columns, channels, Wide::kCount));
  for (; c < channels; c += Tail::kCount) {
    const std::int64_t count = least(channels - c, Tail::kCount);
    Tail::store(y + c, count, largest<Tail>(first + c, rows, row_bytes, columns, channels, count));
  }
}

/// Output row `row` of all images where no window leaves x: kernel kRows x kColumns.
template <class V, std::int64_t kRows, std::int64_t kColumns>
inline void max_pool_inner_row(const MaxPoolU8& pool, std::int64_t row) noexcept {
  const PoolShape s = pool.shape;
  const std::int64_t row_bytes = s.in_w * s.channels;
  const std::uint8_t* x = pool.x + (row / s.out_h * s.in_h + row % s.out_h * s.stride_h) * row_bytes;
  std::uint8_t* y = pool.y + row * s.out_w * s.channels;
  for (std::int64_t ow = 0; ow < s.out_w; ++ow, x += s.stride_w * s.channels, y += s.channels)
    max_pool_pixel<V>(x, kRows, row_bytes, kColumns, s.channels, y);
}

template <class V>
inline void max_pool_rows(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept {
  const PoolShape& s = pool.shape;
  if (s.kernel_h == 2 && s.kernel_w == 2 && s.pad_top == 0 && s.pad_left == 0 && s.pad_bottom == 0 && s.pad_right == 0) {
    for (std::int64_t row = begin; row < end; ++row) max_pool_inner_row<V, 2, 2>(pool, row);
    return;
  }
  for_each_pixel(s, pool.x, pool.y, begin, end, [&](const Window& w, const std::uint8_t* first, std::uint8_t* y) noexcept {
    max_pool_pixel<V>(first, w.h1 - w.h0, s.in_w * s.channels, w.w1 - w.w0, s.channels, y);
  });
}

/// Sums of any number of values, s32 from the start.
template <class V>
struct LongSums {
  static constexpr std::int64_t kChunk = V::kVectors * V::kLanes;
  typename V::Ints sum[V::kVectors];

  LongSums() noexcept {
#pragma GCC unroll 4
    for (auto& v : sum) v = V::ints(0);
  }
  /// The first `count` of a chunk.
  void add(const std::uint8_t* x, std::int64_t count) noexcept {
    typename V::Ints q[V::kVectors];
    V::load(x, count, q);
#pragma GCC unroll 4
    for (int v = 0; v < V::kVectors; ++v) sum[v] = V::add(sum[v], q[v]);
  }
  void store(std::uint8_t* y, std::int64_t count, const typename V::Finish& finish, std::int32_t zeros, float multiplier) const noexcept {
    typename V::Floats t[V::kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < V::kVectors; ++v) t[v] = V::mul(V::to_floats(V::sub(sum[v], V::ints(zeros))), V::floats(multiplier));
    V::store(y, count, finish, t);
  }
};

/// Sums of 16 bits, of the chunk's bytes as V unpacks them: half the additions, and loads that widen nothing.
template <class V>
struct ShortSums {
  using Bytes = typename V::Unpacked;
  static constexpr std::int64_t kChunk = Bytes::kCount;
  typename Bytes::Vector low = Bytes::zero(), high = Bytes::zero();

  void add(const std::uint8_t* x, std::int64_t count) noexcept {
    const auto bytes = Bytes::load(x, count);
    low = Bytes::add16(low, Bytes::low8(bytes, Bytes::zero()));
    high = Bytes::add16(high, Bytes::high8(bytes, Bytes::zero()));
  }
  void store(std::uint8_t* y, std::int64_t count, const typename V::Finish& finish, std::int32_t zeros, float multiplier) const noexcept {
    const auto none = Bytes::zero();
    const auto value = [&](typename V::Ints sum) noexcept { return V::mul(V::to_floats(V::sub(sum, V::ints(zeros))), V::floats(multiplier)); };
    Bytes::store(y, count, finish, value(Bytes::low16(low, none)), value(Bytes::high16(low, none)), value(Bytes::low16(high, none)),
                 value(Bytes::high16(high, none)));
  }
};

/// Windows of no more values have sums of 16 bits.
constexpr std::int64_t kShortWindow = 0xFFFF / 0xFF;

/// The mean of the pixel's windows, whose sums ShortSums or LongSums add up, kChunk channels at a time.
template <class Sums, class Finish>
[[gnu::always_inline]] inline void average_pixel(const PoolShape& s, const Window& w, const std::uint8_t* first, std::int32_t zeros, float multiplier,
                                                 const Finish& finish, std::uint8_t* y) noexcept {
  for (std::int64_t c = 0; c < s.channels; c += Sums::kChunk) {
    const std::int64_t count = s.channels - c;
    Sums sums;
    const std::uint8_t* row = first + c;
    for (std::int64_t h = w.h0; h < w.h1; ++h, row += s.in_w * s.channels) {
      const std::uint8_t* x = row;
      for (std::int64_t i = w.w0; i < w.w1; ++i, x += s.channels) sums.add(x, count);
    }
    sums.store(y + c, count, finish, zeros, multiplier);
  }
}

template <class V>
inline void average_pool_rows(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept {
  const PoolShape& s = pool.shape;
  const auto finish = V::finish(pool.out);
  for_each_pixel(s, pool.x, pool.y, begin, end, [&](const Window& w, const std::uint8_t* first, std::uint8_t* y) noexcept {
    const float multiplier = pool.multipliers[s.count_include_pad ? w.extent : w.valid()];
    const std::int32_t zeros = pool.zero_point * static_cast<std::int32_t>(w.valid());
    if (w.valid() <= kShortWindow) {
      average_pixel<ShortSums<V>>(s, w, first, zeros, multiplier, finish, y);
    } else {
      average_pixel<LongSums<V>>(s, w, first, zeros, multiplier, finish, y);
    }
  });
}

}  // namespace
}  // namespace octet::kernels
