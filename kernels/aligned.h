// Vectors whose memory starts at a cache line, so that no aligned part of them is read from two.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace octet::kernels {

template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  LineAllocator() noexcept = default;
  template <class U>
  explicit(false) LineAllocator(const LineAllocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t n) {
    // Kernel files are compiled without exceptions, so it is left to operator new to refuse what no size holds.
    constexpr std::size_t kMost = static_cast<std::size_t>(-1) / 2;
    return static_cast<T*>(::operator new (n > kMost / sizeof(T) ? kMost : n * sizeof(T), kLine));
  }
  void deallocate(T* p, std::size_t) noexcept { ::operator delete (p, kLine); }

  bool operator==(const LineAllocator&) const noexcept { return true; }
};

template <class T>
using LineVector = std::vector<T, LineAllocator<T>>;

}  // namespace octet::kernels
