// Copies and fills of a few bytes, without the call that std::memcpy and std::memset of unknown sizes are. For baseline code only:
// not to be included by files for one instruction set.
#pragma once

#include <emmintrin.h>

#include <cstdint>
#include <cstring>

namespace octet::kernels {

/// to[i] = from[i], i < n; they do not overlap.
inline void copy_bytes(std::uint8_t* to, const std::uint8_t* from, std::int64_t n) noexcept {
  constexpr std::int64_t kCall = 256;  // from here on a call does not matter
  const auto move = [&]<class Word>(Word word, std::int64_t at) noexcept {
    std::memcpy(&word, from + at, sizeof(word));
    std::memcpy(to + at, &word, sizeof(word));
  };
  if (n >= kCall) {
    std::memcpy(to, from, static_cast<std::size_t>(n));
  } else if (n >= 16) {
    for (std::int64_t i = 0; i < n - 16; i += 16) move(__m128i{}, i);
    move(__m128i{}, n - 16);  // the last bytes, some of them for the second time
  } else if (n >= 8) {
    move(std::uint64_t{}, 0);
    move(std::uint64_t{}, n - 8);
  } else if (n >= 4) {
    move(std::uint32_t{}, 0);
    move(std::uint32_t{}, n - 4);
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

/// What fill_bytes may write beyond what it is asked to.
inline constexpr std::int64_t kFillSurplus = 15;

/// to[i] = value for i < n, and for up to kFillSurplus bytes more.
inline void fill_bytes(std::uint8_t* to, std::uint8_t value, std::int64_t n) noexcept {
  const __m128i values = _mm_set1_epi8(static_cast<char>(value));
  for (std::int64_t i = 0; i < n; i += 16) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), values);
}

}  // namespace octet::kernels
