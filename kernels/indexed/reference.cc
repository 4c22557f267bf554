#include <algorithm>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "kernels/indexed/indexed.h"
#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

/// The slice, by number, that a tuple names in x; -1 if it is out of range.
template <class Index>
std::int64_t slice_at(const IndexedShape& s, const Index* tuple) noexcept {
  std::int64_t at = 0;
  for (int k = 0; k < s.axes; ++k) {
    const std::int64_t size = s.size[static_cast<std::size_t>(k)];
    const std::int64_t index = tuple[k];
    if (index < -size || index >= size) return -1;
    at = at * size + (index < 0 ? index + size : index);
  }
  return at;
}

std::int64_t slices(const IndexedShape& s) noexcept {
  std::int64_t count = 1;
  for (int k = 0; k < s.axes; ++k) count *= s.size[static_cast<std::size_t>(k)];
  return count;
}

template <class T>
T combined(Combination combination, T a, T b) noexcept {
  // Integers of less than an int's size are only replaced; unsigned ones wrap around.
  using U = std::conditional_t<std::is_same_v<T, std::int32_t>, std::uint32_t, std::conditional_t<std::is_same_v<T, std::int64_t>, std::uint64_t, T>>;
  switch (combination) {
    case Combination::replace: return b;
    case Combination::add: return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    case Combination::mul: return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    case Combination::min: return std::min(a, b);
    case Combination::max: return std::max(a, b);
  }
  return b;
}

}  // namespace

template <class Index>
bool gather_nd_reference(const IndexedShape& s, std::size_t element_bytes, const std::byte* x, const Index* indices, std::byte* y,
                         int threads) noexcept {
  const std::int64_t count = slices(s);
  const auto bytes = static_cast<std::size_t>(s.inner) * element_bytes;
  std::atomic<bool> ok{true};
  parallel_for(threads, s.batch * s.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t slice = slice_at(s, indices + i * s.axes);
      if (slice < 0) {
        ok.store(false, std::memory_order_relaxed);
        return;
      }
      std::memcpy(y + static_cast<std::size_t>(i) * bytes, x + static_cast<std::size_t>(i / s.rows * count + slice) * bytes, bytes);
    }
  });
  return ok.load();
}

template <class T, class Index>
bool scatter_nd_reference(const IndexedShape& s, Combination combination, const T* x, const Index* indices, const T* updates, T* y,
                          int threads) noexcept {
  const std::int64_t count = slices(s);
  std::atomic<bool> ok{true};
  parallel_for(threads, s.batch, [&](std::int64_t begin, std::int64_t end) noexcept {
    std::memcpy(y + begin * count * s.inner, x + begin * count * s.inner, static_cast<std::size_t>((end - begin) * count * s.inner) * sizeof(T));
    for (std::int64_t i = begin * s.rows; i < end * s.rows; ++i) {
      const std::int64_t slice = slice_at(s, indices + i * s.axes);
      if (slice < 0) {
        ok.store(false, std::memory_order_relaxed);
        return;
      }
      T* to = y + (i / s.rows * count + slice) * s.inner;
      const T* from = updates + i * s.inner;
      for (std::int64_t k = 0; k < s.inner; ++k) to[k] = combined(combination, to[k], from[k]);
    }
  });
  return ok.load();
}

#define OCTET_INDEXED(Index)                                                                                                       \
  template bool gather_nd_reference(const IndexedShape&, std::size_t, const std::byte*, const Index*, std::byte*, int) noexcept;    \
  template bool scatter_nd_reference(const IndexedShape&, Combination, const float*, const Index*, const float*, float*, int) noexcept; \
  template bool scatter_nd_reference(const IndexedShape&, Combination, const std::uint8_t*, const Index*, const std::uint8_t*,      \
                                     std::uint8_t*, int) noexcept;                                                                 \
  template bool scatter_nd_reference(const IndexedShape&, Combination, const std::int32_t*, const Index*, const std::int32_t*,      \
                                     std::int32_t*, int) noexcept;                                                                 \
  template bool scatter_nd_reference(const IndexedShape&, Combination, const std::int64_t*, const Index*, const std::int64_t*,      \
                                     std::int64_t*, int) noexcept;
OCTET_INDEXED(std::int32_t)
OCTET_INDEXED(std::int64_t)
#undef OCTET_INDEXED

}  // namespace octet::kernels
