// Comparisons and what is chosen by them. Bools are bytes: 0 is false, everything else is true; results are 0 or 1.
#pragma once

#include <cstddef>

#include "kernels/elementwise/elementwise.h"

namespace octet::kernels {

/// As schema/octet.fbs defines them; same order. Of bools: equal, and the last three, which are of bools only.
enum class Comparison : std::uint8_t { equal, less, less_or_equal, greater, greater_or_equal, logical_and, logical_or, logical_xor };
inline constexpr int kComparisonCount = 8;

template <class T>
struct Compare {
  Comparison function = Comparison::equal;
  Broadcast shape;
  const T* a = nullptr;
  const T* b = nullptr;
  std::uint8_t* y = nullptr;
  int threads = 1;
};

void compare_f32_reference(const Compare<float>& compare) noexcept;
void compare_s32_reference(const Compare<std::int32_t>& compare) noexcept;
void compare_s64_reference(const Compare<std::int64_t>& compare) noexcept;
void compare_bool_reference(const Compare<std::uint8_t>& compare) noexcept;

/// y = condition ? a : b, elements of element_bytes: 1, 4 or 8. Axes as in Broadcast.
struct Where {
  int axes = 1;
  std::array<std::int64_t, kMaxBroadcastAxes> size{1};
  std::array<std::int64_t, kMaxBroadcastAxes> stride_condition{}, stride_a{}, stride_b{};
  std::size_t element_bytes = 1;
  const std::uint8_t* condition = nullptr;
  const std::byte* a = nullptr;
  const std::byte* b = nullptr;
  std::byte* y = nullptr;
  int threads = 1;
};
void where_reference(const Where& where) noexcept;

/// The value in another type, as schema/octet.fbs says. Both are float, std::int32_t, std::int64_t, std::uint8_t, std::int8_t or
/// bool (stored as bytes).
template <class From, class To>
void cast_reference(const void* x, std::int64_t n, void* y, int threads) noexcept;

}  // namespace octet::kernels
