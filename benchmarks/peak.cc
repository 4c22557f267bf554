// Every loop here is one dot-product instruction, or loads alone.
#include "benchmarks/peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace octet_benchmarks {
namespace {

using octet::kernels::Isa;

/// Independent sums, more than latency times throughput of any of these instructions.
constexpr int kChains = 12;
constexpr std::int64_t kRounds = 20'000;
constexpr std::int64_t kL2Bytes = 512 << 10;

/// The chains live in registers only if every loop over them is unrolled; the empty assembly keeps the compiler from
/// joining or dropping steps.
#define OCTET_PEAK_LOOP(Vector, zero, constraint, step)                     \
  Vector acc[kChains];                                                      \
  _Pragma("GCC unroll 12") for (int c = 0; c < kChains; ++c) acc[c] = zero; \
  Vector x = zero;                                                          \
  asm volatile("" : constraint(x)); /* not known to be 0 */                 \
  for (std::int64_t i = 0; i < kRounds; ++i) {                              \
    _Pragma("GCC unroll 12") for (int c = 0; c < kChains; ++c) {            \
      acc[c] = step;                                                        \
      asm volatile("" : constraint(acc[c]), constraint(x));                 \
    }                                                                       \
  }

__attribute__((target("avx2"))) void madd_avx2() noexcept {
  OCTET_PEAK_LOOP(__m256i, _mm256_setzero_si256(), "+x", _mm256_add_epi32(acc[c], _mm256_madd_epi16(x, x)))
}

__attribute__((target("avxvnni"))) void dot_avxvnni() noexcept {
  OCTET_PEAK_LOOP(__m256i, _mm256_setzero_si256(), "+x", _mm256_dpbusd_avx_epi32(acc[c], x, x))
}

__attribute__((target("avx512f,avx512vnni"))) void dot_avx512vnni() noexcept {
  OCTET_PEAK_LOOP(__m512i, _mm512_setzero_si512(), "+v", _mm512_dpbusd_epi32(acc[c], x, x))
}

#undef OCTET_PEAK_LOOP

__attribute__((target("avx2"))) void read_l2(const std::uint8_t* bytes) noexcept {
  for (std::int64_t i = 0; i < kL2Bytes; i += 256) _Pragma("GCC unroll 8") for (int k = 0; k < 8; ++k) {
      const __m256i v = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes + i + 32 * k));
      asm volatile("" : : "x"(v));
    }
}

/// Units of `work` a nanosecond, the best of many tries.
template <class F>
double best_rate(double work, const F& f) {
  using Clock = std::chrono::steady_clock;
  double best = 1e300;
  for (int i = 0; i < 200; ++i) {
    const auto start = Clock::now();
    f();
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  return work / best;
}

constexpr double kSteps = static_cast<double>(kChains * kRounds);

constexpr Dot kDots[] = {{Isa::avx2, "avx2_gmacs", madd_avx2, 16 * kSteps},
                         {Isa::avxvnni, "avxvnni_gmacs", dot_avxvnni, 32 * kSteps},
                         {Isa::avx512vnni, "avx512vnni_gmacs", dot_avx512vnni, 64 * kSteps}};

}  // namespace

std::span<const Dot> dots() noexcept { return kDots; }

double gmacs(const Dot& dot) { return best_rate(dot.macs, dot.run); }

double l2_gigabytes() {
  auto* bytes = static_cast<std::uint8_t*>(::operator new (kL2Bytes, std::align_val_t{64}));
  std::fill_n(bytes, kL2Bytes, std::uint8_t{1});
  const double rate = best_rate(static_cast<double>(kL2Bytes), [&] { read_l2(bytes); });
  ::operator delete (bytes, std::align_val_t{64});
  return rate;
}

}  // namespace octet_benchmarks
