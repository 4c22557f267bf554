#include <limits>
#include <type_traits>

#include "kernels/binary/compare.h"
#include "kernels/elementwise/broadcast.h"

namespace octet::kernels {
namespace {

template <class T>
void compare(const Compare<T>& op) noexcept {
  switch (op.function) {
    case Comparison::equal: for_each_pair(op, [](T a, T b) noexcept -> std::uint8_t { return a == b; }); break;
    case Comparison::less: for_each_pair(op, [](T a, T b) noexcept -> std::uint8_t { return a < b; }); break;
    case Comparison::less_or_equal: for_each_pair(op, [](T a, T b) noexcept -> std::uint8_t { return a <= b; }); break;
    case Comparison::greater: for_each_pair(op, [](T a, T b) noexcept -> std::uint8_t { return a > b; }); break;
    case Comparison::greater_or_equal: for_each_pair(op, [](T a, T b) noexcept -> std::uint8_t { return a >= b; }); break;
    case Comparison::logical_and:
    case Comparison::logical_or:
    case Comparison::logical_xor: break;
  }
}

template <class T>
void where(const Where& op) noexcept {
  const auto inner = static_cast<std::size_t>(op.axes - 1);
  std::int64_t runs = 1;
  for (std::size_t i = 0; i < inner; ++i) runs *= op.size[i];
  const std::int64_t count = op.size[inner];
  parallel_for(op.threads, runs, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t run = begin; run < end; ++run) {
      std::int64_t c = 0, a = 0, b = 0, rest = run;
      for (std::size_t i = inner; i-- > 0; rest /= op.size[i]) {
        const std::int64_t k = rest % op.size[i];
        c += k * op.stride_condition[i];
        a += k * op.stride_a[i];
        b += k * op.stride_b[i];
      }
      const std::uint8_t* condition = op.condition + c;
      const T* from_a = reinterpret_cast<const T*>(op.a) + a;
      const T* from_b = reinterpret_cast<const T*>(op.b) + b;
      T* y = reinterpret_cast<T*>(op.y) + run * count;
      for (std::int64_t i = 0; i < count; ++i)
        y[i] = condition[i * op.stride_condition[inner]] != 0 ? from_a[i * op.stride_a[inner]] : from_b[i * op.stride_b[inner]];
    }
  });
}

/// A real number as the integer it is cut to; at the ends of the type, beyond them.
template <class To>
To truncated(float x) noexcept {
  constexpr double kEnd = static_cast<double>(std::numeric_limits<To>::max() / 2 + 1) * 2;  // a power of two, exact
  if (x >= static_cast<float>(kEnd)) return std::numeric_limits<To>::max();
  if (x < static_cast<float>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  return x == x ? static_cast<To>(x) : To{0};
}

template <class To, class From>
auto converted(From x) noexcept {
  if constexpr (std::is_same_v<To, bool>)
    return static_cast<std::uint8_t>(x != 0);
  else if constexpr (std::is_same_v<From, float> && std::is_integral_v<To>)
    return truncated<To>(x);
  else
    return static_cast<To>(x);
}

/// Bools are stored as bytes.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

}  // namespace

void compare_f32_reference(const Compare<float>& op) noexcept { compare(op); }
void compare_s32_reference(const Compare<std::int32_t>& op) noexcept { compare(op); }
void compare_s64_reference(const Compare<std::int64_t>& op) noexcept { compare(op); }

void compare_bool_reference(const Compare<std::uint8_t>& op) noexcept {
  using Byte = std::uint8_t;
  switch (op.function) {
    case Comparison::equal: for_each_pair(op, [](Byte a, Byte b) noexcept -> Byte { return (a != 0) == (b != 0); }); break;
    case Comparison::logical_and: for_each_pair(op, [](Byte a, Byte b) noexcept -> Byte { return a != 0 && b != 0; }); break;
    case Comparison::logical_or: for_each_pair(op, [](Byte a, Byte b) noexcept -> Byte { return a != 0 || b != 0; }); break;
    case Comparison::logical_xor: for_each_pair(op, [](Byte a, Byte b) noexcept -> Byte { return (a != 0) != (b != 0); }); break;
    case Comparison::less:
    case Comparison::less_or_equal:
    case Comparison::greater:
    case Comparison::greater_or_equal: break;
  }
}

void where_reference(const Where& op) noexcept {
  switch (op.element_bytes) {
    case 1: where<std::uint8_t>(op); break;
    case 4: where<std::uint32_t>(op); break;
    default: where<std::uint64_t>(op); break;
  }
}

template <class From, class To>
void cast_reference(const void* x, std::int64_t n, void* y, int threads) noexcept {
  const auto* from = static_cast<const Stored<From>*>(x);
  auto* to = static_cast<Stored<To>*>(y);
  parallel_for(threads, n, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      if constexpr (std::is_same_v<From, bool>)
        to[i] = static_cast<Stored<To>>(from[i] != 0);
      else
        to[i] = converted<To>(from[i]);
    }
  });
}

#define OCTET_CAST(From, To) template void cast_reference<From, To>(const void*, std::int64_t, void*, int) noexcept;
#define OCTET_CASTS(From) OCTET_CAST(From, float) OCTET_CAST(From, std::int32_t) OCTET_CAST(From, std::int64_t) OCTET_CAST(From, std::uint8_t) \
  OCTET_CAST(From, std::int8_t) OCTET_CAST(From, bool)
OCTET_CASTS(float)
OCTET_CASTS(std::int32_t)
OCTET_CASTS(std::int64_t)
OCTET_CASTS(std::uint8_t)
OCTET_CASTS(std::int8_t)
OCTET_CASTS(bool)
#undef OCTET_CASTS
#undef OCTET_CAST

}  // namespace octet::kernels
