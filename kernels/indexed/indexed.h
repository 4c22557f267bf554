// Slices of a tensor that tuples of indices name: read, written, or combined with others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace octet::kernels {

inline constexpr int kMaxIndexedAxes = 8;

/// x [batch, sizes, inner] and indices [batch, rows, axes]: row r names the slice of x at its indices along the `axes` axes
/// of these sizes. An index of an axis of size n lies in [-n, n); negative ones count from the end.
struct IndexedShape {
  std::int64_t batch = 1, rows = 1, inner = 1;
  int axes = 1;
  std::array<std::int64_t, kMaxIndexedAxes> size{1};
};

/// y [batch, rows, inner] of those slices. False, and y unspecified, if an index is out of range. Index is std::int32_t or std::int64_t.
template <class Index>
[[nodiscard]] bool gather_nd_reference(const IndexedShape& shape, std::size_t element_bytes, const std::byte* x, const Index* indices,
                                       std::byte* y, int threads) noexcept;

/// As schema/octet.fbs defines them; same order.
enum class Combination : std::uint8_t { replace, add, mul, min, max };
inline constexpr int kCombinationCount = 5;

/// y = x but for the slices named: those are combined with updates [batch, rows, inner], row after row. Integers wrap around.
/// T is float, std::int32_t or std::int64_t or, to replace, any type of that size. False as above.
template <class T, class Index>
[[nodiscard]] bool scatter_nd_reference(const IndexedShape& shape, Combination combination, const T* x, const Index* indices,
                                        const T* updates, T* y, int threads) noexcept;

}  // namespace octet::kernels
