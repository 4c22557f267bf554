// No header's inline function may be instantiated here: it would be wide code under a baseline name.
#include "kernels/pool/body.h"
#include "kernels/u8_avx2.h"

namespace octet::kernels {
namespace {

struct PoolAvx2 : Avx2 {
  struct Unpacked {
    using Vector = __m256i;
    static constexpr std::int64_t kCount = 32;

    static Vector zero() noexcept { return _mm256_setzero_si256(); }
    static Vector load(const std::uint8_t* p, std::int64_t count) noexcept {
      if (count >= kCount) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
      const __m128i low = load_bytes(p, count);
      return count <= 16 ? _mm256_zextsi128_si256(low) : _mm256_inserti128_si256(_mm256_castsi128_si256(low), load_bytes(p + 16, count - 16), 1);
    }
    static Vector add16(Vector a, Vector b) noexcept { return _mm256_add_epi16(a, b); }
    static Vector low8(Vector a, Vector b) noexcept { return _mm256_unpacklo_epi8(a, b); }
    static Vector high8(Vector a, Vector b) noexcept { return _mm256_unpackhi_epi8(a, b); }
    static Vector low16(Vector a, Vector b) noexcept { return _mm256_unpacklo_epi16(a, b); }
    static Vector high16(Vector a, Vector b) noexcept { return _mm256_unpackhi_epi16(a, b); }
    /// Of values in the order of unpacking, which packing undoes.
    static void store(std::uint8_t* p, std::int64_t count, const Finish& f, Floats t0, Floats t1, Floats t2, Floats t3) noexcept {
      const Vector bytes = unordered_bytes_of(f, whole(f, t0), whole(f, t1), whole(f, t2), whole(f, t3));
      store_bytes(p, count, _mm256_castsi256_si128(bytes));
      if (count > 16) store_bytes(p + 16, count - 16, _mm256_extracti128_si256(bytes, 1));
    }
  };
};

}  // namespace

void max_pool_rows_avx2(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
void average_pool_rows_avx2(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;

void max_pool_rows_avx2(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept { max_pool_rows<PoolAvx2>(pool, begin, end); }
void average_pool_rows_avx2(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept {
  average_pool_rows<PoolAvx2>(pool, begin, end);
}

}  // namespace octet::kernels
