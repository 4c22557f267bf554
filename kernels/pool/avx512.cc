// No header's inline function may be instantiated here: it would be wide code under a baseline name.
#include "kernels/pool/body.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {

void max_pool_rows_avx512(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
void average_pool_rows_avx512(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;

void max_pool_rows_avx512(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept { max_pool_rows<Avx512>(pool, begin, end); }
void average_pool_rows_avx512(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept {
  average_pool_rows<Avx512>(pool, begin, end);
}

}  // namespace octet::kernels
