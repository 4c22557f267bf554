// Chunks of 32 elements.
// No header's inline function may be instantiated here: it would be AVX code under a baseline name.
#include "kernels/depthwise/quad_avx2.h"

namespace octet::kernels {

void interleave_avxvnni(const QuadInterleave& work) noexcept;
void depthwise_row_avxvnni(const DepthwiseRow& row) noexcept;

namespace {

struct AvxVnni : QuadsAvx2 {
  using Weights = Ints;
  static constexpr int kWeightBytes = 4;
  static constexpr int kDepthwiseChunks = 2;

  static Weights weights(const void* p) noexcept { return load(p); }
  /// GCC 12 copies sums from register to register around its intrinsic.
  static Ints dot(Ints acc, Ints x, Ints w) noexcept {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x), "xm"(w));
    return acc;
  }
};

}  // namespace

void interleave_avxvnni(const QuadInterleave& work) noexcept { interleave<AvxVnni>(work); }

/// Sixteen registers do not hold the weights of three taps.
void depthwise_row_avxvnni(const DepthwiseRow& row) noexcept { row_of_any<AvxVnni>(row); }

}  // namespace octet::kernels
