#include <algorithm>
#include <atomic>
#include <cmath>
#include <type_traits>

#include "kernels/binary/binary.h"
#include "kernels/elementwise/broadcast.h"

namespace octet::kernels {
namespace {

float power(float a, float b) noexcept { return static_cast<float>(std::pow(static_cast<double>(a), static_cast<double>(b))); }

/// A NaN is neither, and stays.
float least(float a, float b) noexcept { return a < b || std::isnan(a) ? a : b; }
float greatest(float a, float b) noexcept { return a > b || std::isnan(a) ? a : b; }

/// a^b, b >= 0, wrapping around.
template <class T>
T whole_power(T a, T b) noexcept {
  using U = std::make_unsigned_t<T>;
  U result = 1;
  auto square = static_cast<U>(a);
  for (auto rest = static_cast<U>(b); rest != 0; rest >>= 1U, square *= square)
    if ((rest & 1U) != 0) result *= square;
  return static_cast<T>(result);
}

/// 1 / a^b, b > 0, a not 0, rounded toward 0; -b need not exist, its lowest bit does.
template <class T>
T inverse_power(T a, T b) noexcept {
  if (a == 1) return 1;
  if (a == -1) return (static_cast<std::make_unsigned_t<T>>(b) & 1U) != 0 ? T{-1} : T{1};
  return 0;
}

/// The sign is b's; b is neither 0 nor -1, by which the least integer cannot be divided.
template <class T>
T modulo(T a, T b) noexcept {
  const auto r = static_cast<T>(a % b);
  return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
}

template <class T>
bool shiftable(T b) noexcept {
  return b >= 0 && b < static_cast<T>(8 * sizeof(T));
}

template <class T>
bool integers(const Binary<T>& op) noexcept {
  using U = std::make_unsigned_t<T>;  // whose overflow is defined
  const auto wrapped = [&](const auto& f) {
    for_each_pair(op, [&](T a, T b) noexcept { return static_cast<T>(f(static_cast<U>(a), static_cast<U>(b))); });
  };
  std::atomic<bool> ok{true};
  switch (op.function) {
    case BinaryFunction::add: wrapped([](U a, U b) noexcept { return a + b; }); break;
    case BinaryFunction::sub: wrapped([](U a, U b) noexcept { return a - b; }); break;
    case BinaryFunction::mul: wrapped([](U a, U b) noexcept { return a * b; }); break;
    case BinaryFunction::min: for_each_pair(op, [](T a, T b) noexcept { return std::min(a, b); }); break;
    case BinaryFunction::max: for_each_pair(op, [](T a, T b) noexcept { return std::max(a, b); }); break;
    case BinaryFunction::div:
      for_each_pair(op, [&](T a, T b) noexcept {
        if (b == 0) ok.store(false, std::memory_order_relaxed);
        if (b == 0 || b == -1) return static_cast<T>(U{0} - static_cast<U>(a));  // the least integer has no negative
        return static_cast<T>(a / b);
      });
      break;
    case BinaryFunction::pow:
      for_each_pair(op, [&](T a, T b) noexcept {
        if (a == 0 && b < 0) ok.store(false, std::memory_order_relaxed);
        return b >= 0 ? whole_power(a, b) : inverse_power(a, b);
      });
      break;
    case BinaryFunction::mod:
    case BinaryFunction::remainder:
      for_each_pair(op, [&, floored = op.function == BinaryFunction::mod](T a, T b) noexcept {
        if (b == 0) ok.store(false, std::memory_order_relaxed);
        if (b == 0 || b == -1) return T{0};
        return floored ? modulo(a, b) : static_cast<T>(a % b);
      });
      break;
    case BinaryFunction::shift_left:
      for_each_pair(op, [](T a, T b) noexcept { return shiftable(b) ? static_cast<T>(static_cast<U>(a) << static_cast<U>(b)) : T{0}; });
      break;
    case BinaryFunction::shift_right:
      for_each_pair(op, [](T a, T b) noexcept { return shiftable(b) ? static_cast<T>(a >> b) : T{0}; });
      break;
    case BinaryFunction::prelu: break;
  }
  return ok.load();
}

}  // namespace

void binary_f32_reference(const Binary<float>& op) noexcept {
  switch (op.function) {
    case BinaryFunction::add: for_each_pair(op, [](float a, float b) noexcept { return a + b; }); break;
    case BinaryFunction::sub: for_each_pair(op, [](float a, float b) noexcept { return a - b; }); break;
    case BinaryFunction::mul: for_each_pair(op, [](float a, float b) noexcept { return a * b; }); break;
    case BinaryFunction::div: for_each_pair(op, [](float a, float b) noexcept { return a / b; }); break;
    case BinaryFunction::min: for_each_pair(op, [](float a, float b) noexcept { return least(a, b); }); break;
    case BinaryFunction::max: for_each_pair(op, [](float a, float b) noexcept { return greatest(a, b); }); break;
    case BinaryFunction::pow: for_each_pair(op, power); break;
    case BinaryFunction::prelu: for_each_pair(op, [](float a, float b) noexcept { return a < 0 ? a * b : a; }); break;
    case BinaryFunction::remainder: for_each_pair(op, [](float a, float b) noexcept { return std::fmod(a, b); }); break;
    case BinaryFunction::mod:
    case BinaryFunction::shift_left:
    case BinaryFunction::shift_right: break;
  }
}

bool binary_s32_reference(const Binary<std::int32_t>& op) noexcept { return integers(op); }
bool binary_s64_reference(const Binary<std::int64_t>& op) noexcept { return integers(op); }

}  // namespace octet::kernels
