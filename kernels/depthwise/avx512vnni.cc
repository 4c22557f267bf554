// Chunks of 64 elements.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/depthwise/quad_body.h"
#include "kernels/epilogue_avx512.h"

namespace octet::kernels {

void interleave_avx512vnni(const QuadInterleave& work) noexcept;
void depthwise_row_avx512vnni(const DepthwiseRow& row) noexcept;

namespace {

struct Avx512Vnni {
  using Ints = __m512i;
  using Output = FinishAvx512;
  static constexpr int kLanes = 16;
  using Weights = Ints;
  static constexpr int kWeightBytes = 4;
  static constexpr int kDepthwiseChunks = 4;

  static Weights weights(const void* p) noexcept { return _mm512_loadu_si512(p); }
  static Ints load(const void* p) noexcept { return _mm512_loadu_si512(p); }
  static void store(void* p, Ints v) noexcept { _mm512_storeu_si512(p, v); }
  /// GCC 12 copies and spills sums around its intrinsic.
  static Ints dot(Ints acc, Ints x, Ints w) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
  }
  static Ints bytes(const std::uint8_t* p, std::int64_t count) noexcept { return load_bytes(p, count); }
  /// Lane j is to hold the groups j, j + 4, j + 8, j + 12.
  static Ints order(const std::int32_t* p) noexcept {
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), load(p));
  }
  static Ints regroup(Ints x, Ints order) noexcept { return _mm512_permutexvar_epi32(order, x); }
  static Ints low8(Ints a, Ints b) noexcept { return _mm512_unpacklo_epi8(a, b); }
  static Ints high8(Ints a, Ints b) noexcept { return _mm512_unpackhi_epi8(a, b); }
  static Ints low16(Ints a, Ints b) noexcept { return _mm512_unpacklo_epi16(a, b); }
  static Ints high16(Ints a, Ints b) noexcept { return _mm512_unpackhi_epi16(a, b); }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  [[gnu::always_inline]] static void store_chunk(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t count, const float* multiplier,
                          const Ints (&acc)[4]) noexcept {
    const Ints pixel[1][4] = {{acc[0], acc[1], acc[2], acc[3]}};
    store_tile(e, o, at, 0, count, multiplier, pixel);
  }
};

}  // namespace

void interleave_avx512vnni(const QuadInterleave& work) noexcept { interleave<Avx512Vnni>(work); }

void depthwise_row_avx512vnni(const DepthwiseRow& row) noexcept {
  if (row.tap_count == 3) {
    row_of_three<Avx512Vnni>(row);
  } else {
    row_of_any<Avx512Vnni>(row);
  }
}

}  // namespace octet::kernels
