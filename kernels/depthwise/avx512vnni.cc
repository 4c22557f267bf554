// Chunks of 64 elements.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/depthwise/quad_body.h"
#include "kernels/epilogue_avx512.h"

namespace octet::kernels {

void split_columns_avx512vnni(const ColumnSplit& work) noexcept;
void depthwise_bands_avx512vnni(const DepthwiseBands& bands) noexcept;

namespace {

[[gnu::noinline]] void store_wide_chunk_avx512(const Epilogue& e, std::int64_t at, std::int64_t count, const float* multiplier, __m512i a0,
                                               __m512i a1, __m512i a2, __m512i a3) noexcept {
  if (e.y != nullptr) {  // multipliers may be large
    const FinishAvx512 o = make_finish(e.out);
    store_bytes<4>(e.y + at, count,
                   unordered_bytes_of(o, whole(o, scale(a0, multiplier)), whole(o, scale(a1, multiplier + 16)),
                                      whole(o, scale(a2, multiplier + 32)), whole(o, scale(a3, multiplier + 48))));
    return;
  }
  alignas(64) std::int32_t sums[64];
  _mm512_store_si512(sums, a0);
  _mm512_store_si512(sums + 16, a1);
  _mm512_store_si512(sums + 32, a2);
  _mm512_store_si512(sums + 48, a3);
  store_wide_chunk(e, at, count, 16, multiplier, sums);
}

inline __m512i rounded(__m512i acc, const float* multiplier) noexcept { return _mm512_cvtps_epi32(scale(acc, multiplier)); }

struct Avx512Vnni {
  using Ints = __m512i;
  using Output = FinishAvx512;
  static constexpr int kLanes = 16;
  using Weights = Ints;
  static constexpr int kWeightBytes = 4;
  static constexpr int kMostRows = 4;
  static constexpr int kMostChunks = 4;

  static Weights weights(const void* p) noexcept { return _mm512_loadu_si512(p); }
  static Ints load(const void* p) noexcept { return _mm512_loadu_si512(p); }
  /// Compilers would read it once for each unpacking, and most rows lie across two cache lines.
  static Ints row(const std::uint8_t* p) noexcept {
    Ints x = load(p);
    asm("" : "+v"(x));
    return x;
  }
  /// GCC 12 copies and spills sums around its intrinsic.
  static Ints dot(Ints acc, Ints x, Ints w) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
  }
  static Ints bytes(const std::uint8_t* p, std::int64_t count) noexcept { return load_bytes(p, count); }
  static Ints regroup(Ints x, Ints order) noexcept { return _mm512_permutexvar_epi32(order, x); }
  static void store_low(void* p, Ints x) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_castsi512_si256(x)); }
  static void store_high(void* p, Ints x) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_extracti64x4_epi64(x, 1)); }
  static Ints low8(Ints a, Ints b) noexcept { return _mm512_unpacklo_epi8(a, b); }
  static Ints high8(Ints a, Ints b) noexcept { return _mm512_unpackhi_epi8(a, b); }
  static Ints low16(Ints a, Ints b) noexcept { return _mm512_unpacklo_epi16(a, b); }
  static Ints high16(Ints a, Ints b) noexcept { return _mm512_unpackhi_epi16(a, b); }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  [[gnu::always_inline]] static void store_chunk(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t count, const float* multiplier,
                          const Ints (&acc)[4]) noexcept {
    if (e.y == nullptr || !e.below_one) {
      store_wide_chunk_avx512(e, at, count, multiplier, acc[0], acc[1], acc[2], acc[3]);
      return;
    }
    store_bytes<4>(e.y + at, count,
                   unordered_bytes_within(o, rounded(acc[0], multiplier), rounded(acc[1], multiplier + 16), rounded(acc[2], multiplier + 32),
                                          rounded(acc[3], multiplier + 48)));
  }
};

}  // namespace

void split_columns_avx512vnni(const ColumnSplit& work) noexcept { split_columns<Avx512Vnni>(work); }
void depthwise_bands_avx512vnni(const DepthwiseBands& bands) noexcept { depthwise_bands<Avx512Vnni>(bands); }

}  // namespace octet::kernels
