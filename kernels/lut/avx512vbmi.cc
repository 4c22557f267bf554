// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/lookup_avx512vbmi.h"
#include "kernels/lut/lut.h"

namespace octet::kernels {

void lookup_u8_avx512vbmi(const std::uint8_t* table, const std::uint8_t* x, std::int64_t n, std::uint8_t* y) noexcept;

void lookup_u8_avx512vbmi(const std::uint8_t* table, const std::uint8_t* x, std::int64_t n, std::uint8_t* y) noexcept {
  const Table t = make_table(table);
  for (std::int64_t i = 0; i < n; i += 64) store_bytes<4>(y + i, n - i, look_up(t, load_bytes(x + i, n - i)));
}

}  // namespace octet::kernels
