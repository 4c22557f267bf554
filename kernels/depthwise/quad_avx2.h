// What the depthwise kernels of 256-bit vectors have in common: all but the product itself. Everything here has internal linkage
// (see u8_avx2.h).
#pragma once

#include "kernels/depthwise/quad_body.h"
#include "kernels/epilogue_avx2.h"

namespace octet::kernels {
namespace {

[[gnu::noinline]] void store_wide_chunk_avx2(const Epilogue& e, std::int64_t at, std::int64_t count, const float* multiplier, __m256i a0,
                                             __m256i a1, __m256i a2, __m256i a3) noexcept {
  alignas(32) std::int32_t sums[32];
  auto* to = reinterpret_cast<__m256i*>(sums);
  _mm256_store_si256(to, a0);
  _mm256_store_si256(to + 1, a1);
  _mm256_store_si256(to + 2, a2);
  _mm256_store_si256(to + 3, a3);
  store_wide_chunk(e, at, count, 8, multiplier, sums);
}

struct QuadsAvx2 {
  using Ints = __m256i;
  using Output = FinishAvx2;
  static constexpr int kLanes = 8;
  static constexpr int kMostRows = 2;
  static constexpr int kMostChunks = 2;

  static Ints load(const void* p) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  /// Compilers would read it once for each unpacking, and most rows lie across two cache lines.
  static Ints row(const std::uint8_t* p) noexcept {
    Ints x = load(p);
    asm("" : "+x"(x));
    return x;
  }
  static Ints bytes(const std::uint8_t* p, std::int64_t count) noexcept {
    if (count >= 32) return load(p);
    alignas(32) std::uint8_t some[32] = {};
    __builtin_memcpy(some, p, static_cast<unsigned long>(count));
    return load(some);
  }
  static Ints regroup(Ints x, Ints order) noexcept { return _mm256_permutevar8x32_epi32(x, order); }
  static void store_low(void* p, Ints x) noexcept { _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_castsi256_si128(x)); }
  static void store_high(void* p, Ints x) noexcept { _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_extracti128_si256(x, 1)); }
  static Ints low8(Ints a, Ints b) noexcept { return _mm256_unpacklo_epi8(a, b); }
  static Ints high8(Ints a, Ints b) noexcept { return _mm256_unpackhi_epi8(a, b); }
  static Ints low16(Ints a, Ints b) noexcept { return _mm256_unpacklo_epi16(a, b); }
  static Ints high16(Ints a, Ints b) noexcept { return _mm256_unpackhi_epi16(a, b); }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  [[gnu::always_inline]] static void store_chunk(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t count, const float* multiplier,
                          const Ints (&acc)[4]) noexcept {
    if (e.y == nullptr) {
      store_wide_chunk_avx2(e, at, count, multiplier, acc[0], acc[1], acc[2], acc[3]);
      return;
    }
    const Ints bytes = unordered_bytes_of(o, whole(o, scale(acc[0], multiplier)), whole(o, scale(acc[1], multiplier + 8)),
                                          whole(o, scale(acc[2], multiplier + 16)), whole(o, scale(acc[3], multiplier + 24)));
    if (count >= 32) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(e.y + at), bytes);
      return;
    }
    store_bytes(e.y + at, count, _mm256_castsi256_si128(bytes));
    if (count > 16) store_bytes(e.y + at + 16, count - 16, _mm256_extracti128_si256(bytes, 1));
  }
};

}  // namespace
}  // namespace octet::kernels
