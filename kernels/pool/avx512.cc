// No header's inline function may be instantiated here: it would be wide code under a baseline name.
#include "kernels/pool/body.h"
#include "kernels/u8_avx512.h"

namespace octet::kernels {
namespace {

struct PoolAvx512 : Avx512 {
  struct Unpacked {
    using Vector = __m512i;
    static constexpr std::int64_t kCount = 64;

    static Vector zero() noexcept { return _mm512_setzero_si512(); }
    static Vector load(const std::uint8_t* p, std::int64_t count) noexcept {
      return load_bytes(p, count);
    }
    static Vector add16(Vector a, Vector b) noexcept { return _mm512_add_epi16(a, b); }
    static Vector low8(Vector a, Vector b) noexcept { return _mm512_unpacklo_epi8(a, b); }
    static Vector high8(Vector a, Vector b) noexcept { return _mm512_unpackhi_epi8(a, b); }
    static Vector low16(Vector a, Vector b) noexcept { return _mm512_unpacklo_epi16(a, b); }
    static Vector high16(Vector a, Vector b) noexcept { return _mm512_unpackhi_epi16(a, b); }
    /// Of values in the order of unpacking, which packing undoes.
    static void store(std::uint8_t* p, std::int64_t count, const Finish& f, Floats t0, Floats t1, Floats t2, Floats t3) noexcept {
      const Vector bytes = unordered_bytes_of(f, whole(f, t0), whole(f, t1), whole(f, t2), whole(f, t3));
      store_bytes<4>(p, count, bytes);
    }
  };
};

}  // namespace

void max_pool_rows_avx512(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
void average_pool_rows_avx512(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;

void max_pool_rows_avx512(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept { max_pool_rows<PoolAvx512>(pool, begin, end); }
void average_pool_rows_avx512(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept {
  average_pool_rows<PoolAvx512>(pool, begin, end);
}

}  // namespace octet::kernels
