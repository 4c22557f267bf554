// Everything a row needs is a function of d = max - x, a byte: E for the sum, and the result itself, for which a table of 256
// bytes is made for each row.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/lookup_avx512vbmi.h"
#include "kernels/softmax/softmax.h"

namespace octet::kernels {

void softmax_rows_avx512vbmi(const SoftmaxU8& softmax, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept;

namespace {

__mmask64 first(std::int64_t count) noexcept { return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1; }

/// Which of the elements from i on take part; `mask` may be null.
__mmask64 kept(const std::uint8_t* mask, std::int64_t i, std::int64_t n) noexcept {
  if (mask == nullptr) return first(n - i);
  const __m512i bytes = load_bytes(mask + i, n - i);
  return _mm512_mask_test_epi8_mask(first(n - i), bytes, bytes);
}

bool any_kept(const std::uint8_t* mask, std::int64_t n) noexcept {
  __mmask64 any = 0;
  for (std::int64_t i = 0; i < n; i += 64) any |= kept(mask, i, n);
  return any != 0;
}

std::uint8_t largest(const std::uint8_t* x, const std::uint8_t* mask, std::int64_t n) noexcept {
  __m512i most = _mm512_setzero_si512();
  for (std::int64_t i = 0; i < n; i += 64) most = _mm512_mask_max_epu8(most, kept(mask, i, n), most, load_bytes(x + i, n - i));
  const __m256i half = _mm256_max_epu8(_mm512_castsi512_si256(most), _mm512_extracti64x4_epi64(most, 1));
  const __m128i quarter = _mm_max_epu8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  // phminposuw finds the least of eight words; the complement of the largest byte of each pair is one.
  const __m128i complement = _mm_xor_si128(quarter, _mm_set1_epi8(-1));
  const __m128i words = _mm_min_epu8(complement, _mm_srli_epi16(complement, 8));
  return static_cast<std::uint8_t>(~static_cast<unsigned>(_mm_cvtsi128_si32(_mm_minpos_epu16(words))));
}

/// The sum of E[peak - x], exactly: of its three bytes apart.
std::uint64_t sum_of(const Table (&planes)[3], __m512i peak, const std::uint8_t* x, const std::uint8_t* mask, std::int64_t n) noexcept {
  const __m512i zero = _mm512_setzero_si512();
  __m512i sums[3] = {zero, zero, zero};
  for (std::int64_t i = 0; i < n; i += 64) {
    const __m512i d = _mm512_sub_epi8(peak, load_bytes(x + i, n - i));
    const __mmask64 there = kept(mask, i, n);
#pragma GCC unroll 3
    for (int p = 0; p < 3; ++p)
      sums[p] = _mm512_add_epi64(sums[p], _mm512_sad_epu8(_mm512_maskz_mov_epi8(there, look_up(planes[p], d)), zero));
  }
  const __m512i upper = _mm512_add_epi64(sums[1], _mm512_slli_epi64(sums[2], 8));
  return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(_mm512_add_epi64(sums[0], _mm512_slli_epi64(upper, 8))));
}

/// Four times 16 of a table's results, finish_u8(f32(E[d]) * reciprocal). Entries are below 2^24, so they are exact as s32 and as f32.
__m512i quarter_of(const std::uint32_t* entries, __m512 reciprocal, const FinishAvx512& finish) noexcept {
  __m512i q[4];
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) q[v] = whole(finish, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(entries + 16 * v)), reciprocal));
  return bytes_of(finish, q[0], q[1], q[2], q[3]);
}

/// How many quarters of a table may differ from what 0 becomes. Nothing is larger than in a row whose sum is no more than its largest
/// element's own E[0].
int quarters_of(const SoftmaxU8& s, const FinishAvx512& finish, __m512i zeros) noexcept {
  const __m512 most = _mm512_set1_ps(static_cast<float>(1.0 / (static_cast<double>(s.table[0]) * static_cast<double>(s.scale))));
  int quarters = 4;
  while (quarters > 1 && _mm512_cmpneq_epi8_mask(quarter_of(s.table + 64 * (quarters - 1), most, finish), zeros) == 0) --quarters;
  return quarters;
}

/// The results for every d; of the first `quarters` quarters, the others being zeros.
Table results(const std::uint32_t* entries, int quarters, float reciprocal, const FinishAvx512& finish, __m512i zeros) noexcept {
  const __m512 r = _mm512_set1_ps(reciprocal);
  Table table = {{quarter_of(entries, r, finish), zeros, zeros, zeros}};
  if (quarters > 1) table.quarter[1] = quarter_of(entries + 64, r, finish);
  if (quarters > 2) table.quarter[2] = quarter_of(entries + 128, r, finish);
  if (quarters > 3) table.quarter[3] = quarter_of(entries + 192, r, finish);
  return table;
}

}  // namespace

void softmax_rows_avx512vbmi(const SoftmaxU8& s, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept {
  const Table bytes[3] = {make_table(planes), make_table(planes + 256), make_table(planes + 512)};
  const FinishAvx512 finish = make_finish(s.out);
  const __m512i none = whole(finish, _mm512_setzero_ps());
  const __m512i zeros = bytes_of(finish, none, none, none, none);
  const int quarters = quarters_of(s, finish, zeros);
  for (std::int64_t row = begin; row < end; ++row) {
    const std::uint8_t* x = s.x + row * s.columns;
    std::uint8_t* y = s.y + row * s.columns;
    const std::uint8_t* mask = s.mask.row(row);
    const bool masked_out = mask != nullptr && !any_kept(mask, s.columns);
    if (masked_out && s.mask.masked_row == MaskedRow::zero) {
      for (std::int64_t i = 0; i < s.columns; i += 64) store_bytes<4>(y + i, s.columns - i, zeros);
      continue;
    }
    if (masked_out) mask = nullptr;
    const bool uniform = masked_out && s.mask.masked_row == MaskedRow::uniform;
    const __m512i peak = _mm512_set1_epi8(static_cast<char>(largest(x, mask, s.columns)));
    const auto sum = static_cast<double>(uniform ? static_cast<std::uint64_t>(s.columns) * s.table[0] : sum_of(bytes, peak, x, mask, s.columns));
    const Table table = results(s.table, quarters, static_cast<float>(1.0 / (sum * static_cast<double>(s.scale))), finish, zeros);
    for (std::int64_t i = 0; i < s.columns; i += 64) {
      const __m512i d = uniform ? _mm512_setzero_si512() : _mm512_sub_epi8(peak, load_bytes(x + i, s.columns - i));
      store_bytes<4>(y + i, s.columns - i, _mm512_mask_blend_epi8(kept(mask, i, s.columns), zeros, look_up(table, d)));
    }
  }
}

}  // namespace octet::kernels
