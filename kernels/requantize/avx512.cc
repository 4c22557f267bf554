// 64 channels at a time.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/requantize/requantize.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {

void requantize_rows_avx512(const std::int32_t* acc, std::int64_t begin, std::int64_t end, std::int64_t channels, const Epilogue& epilogue) noexcept;

namespace {

/// f32(acc + bias) * multiplier of the first `count` of sixteen channels; nothing beyond is read.
inline __m512 scaled(const std::int32_t* acc, const std::int32_t* bias, const float* multiplier, std::int64_t count) noexcept {
  const __mmask16 some = Avx512::first(count);
  const __m512i sum = _mm512_add_epi32(_mm512_maskz_loadu_epi32(some, acc), _mm512_maskz_loadu_epi32(some, bias));
  return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_maskz_loadu_ps(some, multiplier));
}

/// Up to 64 channels from c on: their values, times their multipliers.
inline void scaled_chunk(const std::int32_t* acc, std::int64_t c, std::int64_t count, const Epilogue& e, __m512 (&t)[4]) noexcept {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    const std::int64_t at = c + 16 * v;
    t[v] = scaled(acc + at, e.bias + at, e.multiplier + at, count - 16 * v);
  }
}

}  // namespace

void requantize_rows_avx512(const std::int32_t* acc, std::int64_t begin, std::int64_t end, std::int64_t channels, const Epilogue& e) noexcept {
  const FinishAvx512 finish = make_finish(e.out);
  const __m512 lo = _mm512_set1_ps(e.clamp_min);
  const __m512 hi = _mm512_set1_ps(e.clamp_max);
  for (std::int64_t r = begin; r < end; ++r) {
    for (std::int64_t c = 0; c < channels; c += 64) {
      const std::int64_t count = channels - c;
      const std::int64_t at = r * channels + c;
      __m512 t[4];
      scaled_chunk(acc + r * channels, c, count, e, t);
      if (e.y != nullptr) {
        Avx512::store(e.y + at, count, finish, t);
        continue;
      }
      // In this order: where both operands are equal, as 0 and -0 are, the second one is the result, as in std::min, std::max.
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) Avx512::store(e.real + at + 16 * v, count - 16 * v, _mm512_min_ps(hi, _mm512_max_ps(lo, t[v])));
    }
  }
}

}  // namespace octet::kernels
