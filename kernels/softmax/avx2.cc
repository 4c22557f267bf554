// u8: entries are looked up one by one, which is all that AVX2 does for tables of 32 bits; the rest is vectors.
// f32: eight values at a time. Functions that call xsimd's are "flatten", which inlines those.
// No header's inline function may be instantiated here: it would be AVX2 code under a baseline name.
#include <xsimd/xsimd.hpp>

#include "kernels/softmax/softmax.h"
#include "kernels/u8_avx2.h"

namespace octet::kernels {

void softmax_f32_avx2(const SoftmaxF32& softmax, std::int64_t begin, std::int64_t end) noexcept;
void softmax_rows_avx2(const SoftmaxU8& softmax, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept;

namespace {

/// Columns whose entries are kept until the sum is known; longer rows look them up twice.
constexpr std::int64_t kBlock = 1024;

inline std::int64_t least(std::int64_t a, std::int64_t b) noexcept { return a < b ? a : b; }

/// Those of the 16 elements from i on that take part; the others are 0. `mask` may be null.
inline __m128i kept(const std::uint8_t* x, const std::uint8_t* mask, std::int64_t i, std::int64_t n) noexcept {
  const __m128i bytes = load_bytes(x + i, n - i);
  if (mask == nullptr) return bytes;
  return _mm_andnot_si128(_mm_cmpeq_epi8(load_bytes(mask + i, n - i), _mm_setzero_si128()), bytes);
}

/// 0 where no element takes part.
std::uint8_t largest(const std::uint8_t* x, const std::uint8_t* mask, std::int64_t n) noexcept {
  __m128i most = _mm_setzero_si128();
  for (std::int64_t i = 0; i < n; i += 16) most = _mm_max_epu8(most, kept(x, mask, i, n));
  // phminposuw finds the least of eight words; the complement of the largest byte of each pair is one.
  const __m128i complement = _mm_xor_si128(most, _mm_set1_epi8(-1));
  const __m128i words = _mm_min_epu8(complement, _mm_srli_epi16(complement, 8));
  return static_cast<std::uint8_t>(~static_cast<unsigned>(_mm_cvtsi128_si32(_mm_minpos_epu16(words))));
}

/// The entries of up to kBlock elements, filled up with zeros to sixteen, and their sum.
std::uint64_t look_up(const std::uint32_t* table, std::uint8_t peak, const std::uint8_t* x, const std::uint8_t* mask, std::int64_t n,
                      std::uint32_t* entries) noexcept {
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint32_t e = table[static_cast<std::uint8_t>(peak - x[i])];
    entries[i] = mask == nullptr || mask[i] != 0 ? e : 0;
    sum += entries[i];
  }
  for (std::int64_t i = n; i % 16 != 0; ++i) entries[i] = 0;
  return sum;
}

/// finish_u8(f32(entry) * reciprocal). Entries are below 2^24, so they are exact as s32 and as f32.
void store_results(const std::uint32_t* entries, std::int64_t n, float reciprocal, const FinishAvx2& finish, std::uint8_t* y) noexcept {
  const __m256 r = _mm256_set1_ps(reciprocal);
  const auto* from = reinterpret_cast<const __m256i*>(entries);
  for (std::int64_t i = 0; i < n; i += 16, from += 2) {
    const __m256i q0 = whole(finish, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_load_si256(from)), r));
    const __m256i q1 = whole(finish, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_load_si256(from + 1)), r));
    store_bytes(y + i, n - i, bytes_of(finish, q0, q1));
  }
}

bool any_kept(const std::uint8_t* mask, std::int64_t n) noexcept {
  __m128i any = _mm_setzero_si128();
  for (std::int64_t i = 0; i < n; i += 16) any = _mm_or_si128(any, load_bytes(mask + i, n - i));
  return _mm_testz_si128(any, any) == 0;
}

using Floats = xsimd::batch<float, xsimd::avx2>;
constexpr std::int64_t kLanes = 8;

/// f(first value, count) for a row's values, eight at a time and then one by one in a vector of their own.
template <class F>
[[gnu::always_inline]] inline void for_vectors(float* y, std::int64_t n, const F& f) noexcept {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(Floats::load_unaligned(y + i), kLanes).store_unaligned(y + i);
  if (i == n) return;
  alignas(32) float rest[kLanes] = {};
  const auto bytes = static_cast<unsigned long>(n - i) * sizeof(float);
  __builtin_memcpy(rest, y + i, bytes);
  f(Floats::load_aligned(rest), n - i).store_aligned(rest);
  __builtin_memcpy(y + i, rest, bytes);
}

/// Sums in f32 of so many vectors are added up in f64.
constexpr std::int64_t kSumVectors = 64;

/// In place. A NaN or an infinity makes all NaN, as in f64.
[[gnu::flatten]] void softmax_in_place(float* y, std::int64_t n, float peak) noexcept {
  const Floats most(peak);
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += kSumVectors * kLanes) {
    Floats part(0.0F);
    for_vectors(y + i, least(n - i, kSumVectors * kLanes), [&](Floats x, std::int64_t count) noexcept {
      Floats e = xsimd::exp(x - most);
      if (count < kLanes) e = Floats(_mm256_and_ps(e, _mm256_castsi256_ps(Avx2::first(count))));
      part += e;
      return e;
    });
    alignas(32) float parts[kLanes];
    part.store_aligned(parts);
    for (const float p : parts) sum += static_cast<double>(p);
  }
  const Floats divisor(static_cast<float>(sum));
  for_vectors(y, n, [&](Floats e, std::int64_t) noexcept { return e / divisor; });
}

}  // namespace

void softmax_rows_avx2(const SoftmaxU8& s, const std::uint8_t*, std::int64_t begin, std::int64_t end) noexcept {
  const FinishAvx2 finish = make_finish(s.out);
  const std::int64_t n = s.columns;
  alignas(32) std::uint32_t entries[kBlock];
  for (std::int64_t row = begin; row < end; ++row) {
    const std::uint8_t* x = s.x + row * n;
    std::uint8_t* y = s.y + row * n;
    const std::uint8_t* mask = s.mask.row(row);
    if (mask != nullptr && !any_kept(mask, n)) {
      if (s.mask.masked_row != MaskedRow::unmasked) {
        // All entries are 0, or the same.
        const bool uniform = s.mask.masked_row == MaskedRow::uniform;
        for (std::uint32_t& e : entries) e = uniform ? s.table[0] : 0;
        const auto reciprocal = static_cast<float>(1.0 / (static_cast<double>(static_cast<std::uint64_t>(n) * s.table[0]) * static_cast<double>(s.scale)));
        for (std::int64_t i = 0; i < n; i += kBlock) store_results(entries, least(kBlock, n - i), reciprocal, finish, y + i);
        continue;
      }
      mask = nullptr;
    }
    const auto entries_from = [&](std::int64_t i, std::uint8_t peak) noexcept {
      return look_up(s.table, peak, x + i, mask == nullptr ? nullptr : mask + i, least(kBlock, n - i), entries);
    };
    const std::uint8_t peak = largest(x, mask, n);
    std::uint64_t sum = 0;
    for (std::int64_t i = 0; i < n; i += kBlock) sum += entries_from(i, peak);
    const auto reciprocal = static_cast<float>(1.0 / (static_cast<double>(sum) * static_cast<double>(s.scale)));
    for (std::int64_t i = 0; i < n; i += kBlock) {
      if (n > kBlock) entries_from(i, peak);
      store_results(entries, least(kBlock, n - i), reciprocal, finish, y + i);
    }
  }
}

void softmax_f32_avx2(const SoftmaxF32& s, std::int64_t begin, std::int64_t end) noexcept {
  const std::int64_t n = s.columns;
  for (std::int64_t row = begin; row < end; ++row) {
    const float* x = s.x + row * n;
    float* y = s.y + row * n;
    const std::uint8_t* mask = s.mask.row(row);
    constexpr float kLeast = -__builtin_inff();
    float peak = kLeast;
    for (std::int64_t c = 0; c < n; ++c) {
      y[c] = mask == nullptr || mask[c] != 0 ? x[c] : s.mask_replaces ? s.mask_value : x[c] + s.mask_value;
      peak = y[c] > peak ? y[c] : peak;
    }
    bool none = mask != nullptr && peak == kLeast;
    for (std::int64_t c = 0; none && c < n; ++c) none = y[c] == kLeast;  // a NaN is none, but no peak
    if (none) {
      __builtin_memset(y, 0, static_cast<unsigned long>(n) * sizeof(float));
      continue;
    }
    softmax_in_place(y, n, peak);
  }
}

}  // namespace octet::kernels
