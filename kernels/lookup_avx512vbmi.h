// Tables of 256 bytes in AVX-512 VBMI registers. Everything here has internal linkage (u8_avx512.h).
#pragma once

#include "kernels/u8_avx512.h"

namespace octet::kernels {
namespace {

struct Table {
  __m512i quarter[4];
};

inline Table make_table(const std::uint8_t* bytes) noexcept {
  return {{_mm512_loadu_si512(bytes), _mm512_loadu_si512(bytes + 64), _mm512_loadu_si512(bytes + 128), _mm512_loadu_si512(bytes + 192)}};
}

/// table[x] of 64 bytes. vpermi2b looks at seven bits of an index; the eighth says which half of the table is meant.
inline __m512i look_up(const Table& t, __m512i x) noexcept {
  const __m512i low = _mm512_permutex2var_epi8(t.quarter[0], x, t.quarter[1]);
  const __m512i high = _mm512_permutex2var_epi8(t.quarter[2], x, t.quarter[3]);
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
}

}  // namespace
}  // namespace octet::kernels
