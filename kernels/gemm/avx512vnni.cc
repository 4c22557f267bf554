// 6 x 64, 8 x 48, 8 x 32 or 8 x 16: up to 24 sums in the 32 registers.
// No header's inline function may be instantiated here: it would be AVX-512 code under a baseline name.
#include "kernels/epilogue_avx512.h"
#include "kernels/gemm/quad_body.h"

namespace octet::kernels {

void quad_tile_u8s8_avx512vnni(const QuadTile& tile) noexcept;

namespace {

struct Avx512Vnni {
  using Ints = __m512i;
  using Output = FinishAvx512;
  using Weights = Ints;
  using Quad = Ints;
  static constexpr int kLanes = 16;
  static constexpr int kWeightBytes = 4;

  static Ints zero() noexcept { return _mm512_setzero_si512(); }
  static Ints ints(const std::int32_t* p) noexcept { return _mm512_loadu_si512(p); }
  static Ints weights(const std::int8_t* p) noexcept { return _mm512_loadu_si512(p); }
  static Ints add(Ints a, Ints b) noexcept { return _mm512_add_epi32(a, b); }
  static Ints most(Ints a, Ints b) noexcept { return _mm512_max_epi32(a, b); }
  /// GCC 12 copies and spills sums around its intrinsic.
  static Ints dot(Ints acc, Ints x, Ints w) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
  }
  static Ints quad(const std::uint8_t* p) noexcept {
    int bytes;
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    return _mm512_set1_epi32(bytes);
  }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  template <Ending kEnding, int kRows, int kVectors>
  static void store(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t stride, std::int64_t count, const float* multiplier,
                    const Ints (&acc)[kRows][kVectors]) noexcept {
    if constexpr (kEnding == Ending::added) {
      store_pixels(e, o, at, stride, count, Added{{multiplier}, make_residual(*e.residual), e.other + at, stride}, acc);
    } else {
      store_tile(e, o, at, stride, count, multiplier, acc);
    }
  }
};

}  // namespace

void quad_tile_u8s8_avx512vnni(const QuadTile& tile) noexcept {
  switch (tile.vectors) {
    case 1: quad_block<Avx512Vnni, 8, 1>(tile); break;
    case 2: quad_block<Avx512Vnni, 8, 2>(tile); break;
    case 3: quad_block<Avx512Vnni, 8, 3>(tile); break;
    default: quad_block<Avx512Vnni, 6, 4>(tile); break;
  }
}

}  // namespace octet::kernels
