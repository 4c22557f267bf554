#include "kernels/lut/lut.h"

#include <array>
#include <atomic>

#include "kernels/choose.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void lookup_u8_avx512vbmi(const std::uint8_t* table, const std::uint8_t* x, std::int64_t n, std::uint8_t* y) noexcept;
bool quantize_f32_avx2(const QuantizeF32& quantize) noexcept;
bool quantize_f32_avx512(const QuantizeF32& quantize) noexcept;
void dequantize_u8_avx2(const DequantizeU8& dequantize) noexcept;
void dequantize_u8_avx512(const DequantizeU8& dequantize) noexcept;

namespace {

void lookup_run_reference(const std::uint8_t* table, const std::uint8_t* x, std::int64_t n, std::uint8_t* y) noexcept {
  lookup_u8_reference({1, 1, n, x, table, y, 1});
}

constexpr std::array kLookups = {LookupKernel{"lookup_u8_reference", Isa::reference, false, lookup_run_reference},
                                 LookupKernel{"lookup_u8_avx512vbmi", Isa::avx512, true, lookup_u8_avx512vbmi}};
constexpr std::array kQuantizers = {QuantizeKernel{"quantize_f32_reference", Isa::reference, quantize_f32_reference},
                                    QuantizeKernel{"quantize_f32_avx2", Isa::avx2, quantize_f32_avx2},
                                    QuantizeKernel{"quantize_f32_avx512", Isa::avx512, quantize_f32_avx512}};
constexpr std::array kDequantizers = {DequantizeKernel{"dequantize_u8_reference", Isa::reference, dequantize_u8_reference},
                                      DequantizeKernel{"dequantize_u8_avx2", Isa::avx2, dequantize_u8_avx2},
                                      DequantizeKernel{"dequantize_u8_avx512", Isa::avx512, dequantize_u8_avx512}};

/// Elements whose work is done in a nanosecond, about, by any vector kernel.
constexpr double kPerNanosecond = 5;

int threads_for(int threads, std::int64_t n) noexcept { return worthwhile_threads(threads, static_cast<double>(n) / kPerNanosecond); }

}  // namespace

std::span<const LookupKernel> lookup_kernels() noexcept { return kLookups; }
std::span<const QuantizeKernel> quantize_kernels() noexcept { return kQuantizers; }
std::span<const DequantizeKernel> dequantize_kernels() noexcept { return kDequantizers; }

const LookupKernel& find_lookup_kernel(Isa cap) noexcept {
  return allows(cap, Isa::avx512) && cpu_has_vbmi() ? kLookups.back() : kLookups.front();
}
const QuantizeKernel& find_quantize_kernel(Isa cap) noexcept { return *best_of(quantize_kernels(), cap); }
const DequantizeKernel& find_dequantize_kernel(Isa cap) noexcept { return *best_of(dequantize_kernels(), cap); }

void lookup_u8(const LookupKernel& kernel, const LookupU8& l) noexcept {
  if (l.channels == 1) {
    const std::int64_t n = l.outer * l.inner;
    parallel_for(threads_for(l.threads, n), n, [&](std::int64_t begin, std::int64_t end) noexcept {
      kernel.run(l.tables, l.x + begin, end - begin, l.y + begin);
    });
    return;
  }
  if (l.inner == 1) {
    lookup_u8_reference(l);  // another table for each element
    return;
  }
  const std::int64_t runs = l.outer * l.channels;
  parallel_for(threads_for(l.threads, runs * l.inner), runs, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t run = begin; run < end; ++run)
      kernel.run(l.tables + 256 * (run % l.channels), l.x + run * l.inner, l.inner, l.y + run * l.inner);
  });
}

bool quantize_f32(const QuantizeKernel& kernel, const QuantizeF32& q) noexcept {
  std::atomic<bool> numbers{true};
  parallel_for(threads_for(q.threads, q.n), q.n, [&](std::int64_t begin, std::int64_t end) noexcept {
    if (!kernel.run({end - begin, q.x + begin, q.scale, q.out, q.y + begin, 1})) numbers.store(false, std::memory_order_relaxed);
  });
  return numbers.load();
}

void dequantize_u8(const DequantizeKernel& kernel, const DequantizeU8& d) noexcept {
  parallel_for(threads_for(d.threads, d.n), d.n, [&](std::int64_t begin, std::int64_t end) noexcept {
    kernel.run({end - begin, d.x + begin, d.scale, d.zero_point, d.y + begin, 1});
  });
}

}  // namespace octet::kernels
