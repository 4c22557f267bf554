// Sixteen channels of one output pixel at a time.
#include "kernels/depthwise/depthwise.h"
#include "kernels/depthwise/quad_avx2.h"

namespace octet::kernels {

void depthwise_u8s8_avx2(const DepthwisePixel& pixel) noexcept;
void split_columns_avx2(const ColumnSplit& work) noexcept;
void depthwise_bands_avx2(const DepthwiseBands& bands) noexcept;

namespace {

/// Quads are taken apart into s16: bytes 0 and 2, bytes 1 and 3.
struct Avx2Quads : QuadsAvx2 {
  struct Weights {
    const std::int8_t* at;  // read where they are used
  };
  static constexpr int kWeightBytes = 8;

  static Weights weights(const std::int8_t* p) noexcept { return {p}; }
  static Ints dot(Ints acc, Ints x, const Weights& w) noexcept {
    const Ints even = _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(0xFF)), load(w.at));
    const Ints odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), load(w.at + 32));
    return _mm256_add_epi32(acc, _mm256_add_epi32(even, odd));
  }
};

}  // namespace

void split_columns_avx2(const ColumnSplit& work) noexcept { split_columns<Avx2Quads>(work); }
void depthwise_bands_avx2(const DepthwiseBands& bands) noexcept { depthwise_bands<Avx2Quads>(bands); }

void depthwise_u8s8_avx2(const DepthwisePixel& p) noexcept {
  const FinishAvx2 output = make_finish(p.epilogue.out);
  const std::int16_t* w = p.weights;
  for (std::int64_t c = 0; c < p.channels; c += kDepthwiseChannels) {
    const std::int64_t count = p.channels - c < kDepthwiseChannels ? p.channels - c : kDepthwiseChannels;
    __m256i acc0 = _mm256_setzero_si256();
    __m256i acc1 = _mm256_setzero_si256();
    for (std::int64_t t = 0; t < 2 * p.pairs; t += 2, w += 2 * kDepthwiseChannels) {
      const __m128i a = load_bytes(p.taps[t] + c, count);
      const __m128i b = load_bytes(p.taps[t + 1] + c, count);
      const __m256i low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
      const __m256i high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
      acc0 = _mm256_add_epi32(acc0, _mm256_madd_epi16(low, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w))));
      acc1 = _mm256_add_epi32(acc1, _mm256_madd_epi16(high, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 16))));
    }
    store_channels(p.epilogue, output, p.at + c, c, count, acc0, acc1);
  }
}

}  // namespace octet::kernels
