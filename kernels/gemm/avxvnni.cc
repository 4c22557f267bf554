// 6 x 16: twelve sums in the sixteen registers.
// No header's inline function may be instantiated here: it would be AVX code under a baseline name.
#include "kernels/epilogue_avx2.h"
#include "kernels/gemm/quad_body.h"

namespace octet::kernels {

void quad_tile_u8s8_avxvnni(const QuadTile& tile) noexcept;

namespace {

struct AvxVnni {
  using Ints = __m256i;
  using Output = FinishAvx2;
  using Weights = Ints;
  using Quad = Ints;
  static constexpr int kLanes = 8;
  static constexpr int kWeightBytes = 4;

  static Ints load(const void* p) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static Ints zero() noexcept { return _mm256_setzero_si256(); }
  static Ints ints(const std::int32_t* p) noexcept { return load(p); }
  static Ints weights(const std::int8_t* p) noexcept { return load(p); }
  static Ints add(Ints a, Ints b) noexcept { return _mm256_add_epi32(a, b); }
  static Ints most(Ints a, Ints b) noexcept { return _mm256_max_epi32(a, b); }
  /// GCC 12 copies sums from register to register around its intrinsic.
  static Ints dot(Ints acc, Ints x, Ints w) noexcept {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x), "x"(w));
    return acc;
  }
  static Ints quad(const std::uint8_t* p) noexcept {
    int bytes;
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    return _mm256_set1_epi32(bytes);
  }
  static Output output(const Epilogue& e) noexcept { return make_finish(e.out); }
  template <Ending kEnding, int kRows, int kVectors>
  static void store(const Epilogue& e, const Output& o, std::int64_t at, std::int64_t stride, std::int64_t count, const float* multiplier,
                    const Ints (&acc)[kRows][kVectors]) noexcept {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      if constexpr (kEnding == Ending::added) {
        store_added_sums(e, o, at + r * stride, multiplier, acc[r][0], acc[r][kVectors - 1]);
      } else {
        store_sums(e, o, at + r * stride, count, multiplier, acc[r][0], acc[r][kVectors - 1]);
      }
    }
  }
};

}  // namespace

void quad_tile_u8s8_avxvnni(const QuadTile& tile) noexcept {
  if (tile.vectors == 1) {
    quad_block<AvxVnni, 6, 1>(tile);
  } else {
    quad_block<AvxVnni, 6, 2>(tile);
  }
}

}  // namespace octet::kernels
