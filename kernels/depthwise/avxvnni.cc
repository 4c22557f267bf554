// Chunks of 32 elements.
// No header's inline function may be instantiated here: it would be AVX code under a baseline name.
#include "kernels/depthwise/quad_avx2.h"

namespace octet::kernels {

void split_columns_avxvnni(const ColumnSplit& work) noexcept;
void depthwise_bands_avxvnni(const DepthwiseBands& bands) noexcept;

namespace {

struct AvxVnni : QuadsAvx2 {
  using Weights = Ints;
  static constexpr int kWeightBytes = 4;

  static Weights weights(const void* p) noexcept { return load(p); }
  /// GCC 12 copies sums from register to register around its intrinsic.
  static Ints dot(Ints acc, Ints x, Ints w) noexcept {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x), "xm"(w));
    return acc;
  }
};

}  // namespace

void split_columns_avxvnni(const ColumnSplit& work) noexcept { split_columns<AvxVnni>(work); }
void depthwise_bands_avxvnni(const DepthwiseBands& bands) noexcept { depthwise_bands<AvxVnni>(bands); }

}  // namespace octet::kernels
