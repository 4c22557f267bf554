// What the depthwise kernels of 256-bit vectors have in common: all but the product itself. Everything here has internal linkage
// (see u8_avx2.h).
#pragma once

#include "kernels/depthwise/quad_body.h"
#include "kernels/epilogue_avx2.h"

namespace octet::kernels {
namespace {

struct QuadsAvx2 {
  using Ints = __m256i;
  using Output = FinishAvx2;
  static constexpr int kLanes = 8;

  static Ints load(const void* p) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store(void* p, Ints v) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
  static Ints bytes(const std::uint8_t* p, std::int64_t count) noexcept {
    if (count >= 32) return load(p);
    alignas(32) std::uint8_t some[32] = {};
    __builtin_memcpy(some, p, static_cast<unsigned long>(count));
    return load(some);
  }
  /// Lane j is to hold the groups j, j + 2, j + 4, j + 6.
  static Ints order(const std::int32_t* p) noexcept {
    return _mm256_permutevar8x32_epi32(load(p), _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
  }
  static Ints regroup(Ints x, Ints order) noexcept { return _mm256_permutevar8x32_epi32(x, order); }
  static Ints low8(Ints a, Ints b) noexcept { return _mm256_unpacklo_epi8(a, b); }
  static Ints high8(Ints a, Ints b) noexcept { return _mm256_unpackhi_epi8(a, b); }
  static Ints low16(Ints a, Ints b) noexcept { return _mm256_unpacklo_epi16(a, b); }
  static Ints high16(Ints a, Ints b) noexcept { return _mm256_unpackhi_epi16(a, b); }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  [[gnu::always_inline]] static void store_chunk(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t count, const float* multiplier,
                          const Ints (&acc)[4]) noexcept {
    store_sums(e, o, at, count, multiplier, acc[0], acc[1]);
    if (count > 16) store_sums(e, o, at + 16, count - 16, multiplier + 16, acc[2], acc[3]);
  }
};

}  // namespace
}  // namespace octet::kernels
