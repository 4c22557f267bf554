// Bytes of a data file. Many of them live in a temporary file the system may write out, so that a process that walks over
// its data needs memory for the part it looks at.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace octet::cli {

/// From this size on, bytes live in a file without a name, where one can be made.
inline constexpr std::size_t kSpooledBytes = std::size_t{1} << 20U;

/// Uninitialized memory of `size` bytes; throws std::bad_alloc. deallocate_bytes() takes the same size.
[[nodiscard]] std::byte* allocate_bytes(std::size_t size);
void deallocate_bytes(std::byte* bytes, std::size_t size) noexcept;

/// Elements made without a value have none: growing a vector touches no memory.
template <class T>
struct BytesAllocator {
  static_assert(sizeof(T) == 1);
  using value_type = T;

  BytesAllocator() = default;
  template <class U>
  BytesAllocator(const BytesAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor): what allocators do

  [[nodiscard]] T* allocate(std::size_t n) { return reinterpret_cast<T*>(allocate_bytes(n)); }
  void deallocate(T* p, std::size_t n) noexcept { deallocate_bytes(reinterpret_cast<std::byte*>(p), n); }
  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    if constexpr (sizeof...(Args) > 0) std::construct_at(p, std::forward<Args>(args)...);
  }
  bool operator==(const BytesAllocator&) const = default;
};

using Bytes = std::vector<std::byte, BytesAllocator<std::byte>>;

/// Says that no more of the bytes are needed for now: what lives in a file leaves this process's memory and comes back when it
/// is looked at, from any thread, at any time. (All of them, because the system brings in more around what is looked at.)
void forget(const Bytes& bytes) noexcept;

/// Calls f(span, begin) on pieces of a few hundred KB, each forgotten afterwards, until it returns false.
template <class F>
void for_each_piece(const Bytes& bytes, const F& f) {
  constexpr std::size_t kPiece = std::size_t{256} << 10U;
  for (std::size_t begin = 0; begin < bytes.size(); begin += kPiece) {
    const std::size_t size = std::min(kPiece, bytes.size() - begin);
    const bool more = f(std::span(bytes).subspan(begin, size), begin);
    forget(bytes);
    if (!more) return;
  }
}

}  // namespace octet::cli
