#include <algorithm>
#include <atomic>
#include <cmath>
#include <type_traits>

#include "kernels/binary/binary.h"
#include "kernels/elementwise/broadcast.h"

namespace octet::kernels {
namespace {

float power(float a, float b) noexcept { return static_cast<float>(std::pow(static_cast<double>(a), static_cast<double>(b))); }

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
    case BinaryFunction::min: for_each_pair(op, [](float a, float b) noexcept { return std::min(a, b); }); break;
    case BinaryFunction::max: for_each_pair(op, [](float a, float b) noexcept { return std::max(a, b); }); break;
    case BinaryFunction::pow: for_each_pair(op, power); break;
    case BinaryFunction::prelu: for_each_pair(op, [](float a, float b) noexcept { return a < 0 ? a * b : a; }); break;
  }
}

bool binary_s32_reference(const Binary<std::int32_t>& op) noexcept { return integers(op); }
bool binary_s64_reference(const Binary<std::int64_t>& op) noexcept { return integers(op); }

}  // namespace octet::kernels
