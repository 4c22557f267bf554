#include "kernels/pool/pool.h"

#include <array>

#include "kernels/choose.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void max_pool_rows_avx2(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
void max_pool_rows_avx512(const MaxPoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
void average_pool_rows_avx2(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;
void average_pool_rows_avx512(const AveragePoolU8& pool, std::int64_t begin, std::int64_t end) noexcept;

namespace {

constexpr std::array kKernels = {
    PoolKernel{"max_pool_u8_avx2", "average_pool_u8_avx2", Isa::avx2, max_pool_rows_avx2, average_pool_rows_avx2},
    PoolKernel{"max_pool_u8_avx512", "average_pool_u8_avx512", Isa::avx512, max_pool_rows_avx512, average_pool_rows_avx512}};

/// body(begin, end) over the output rows, on as many threads as that pays for when one handles so many values a nanosecond.
template <class Body>
void for_rows(const PoolShape& s, int threads, double per_nanosecond, const Body& body) noexcept {
  const auto values = static_cast<double>(s.batch * s.out_h * s.out_w * s.channels) * static_cast<double>(s.kernel_h * s.kernel_w);
  parallel_for(worthwhile_threads(threads, values / per_nanosecond), s.batch * s.out_h, body);
}

}  // namespace

std::span<const PoolKernel> pool_kernels() noexcept { return kKernels; }

const PoolKernel* find_pool_kernel(Isa cap) noexcept { return best_of(pool_kernels(), cap); }

void max_pool_u8(const PoolKernel* kernel, const MaxPoolU8& pool) noexcept {
  if (kernel == nullptr) {
    max_pool_u8_reference(pool);
  } else {
    for_rows(pool.shape, pool.threads, 60, [&](std::int64_t begin, std::int64_t end) noexcept { kernel->max(pool, begin, end); });
  }
}

void average_pool_u8(const PoolKernel* kernel, const AveragePoolU8& pool) noexcept {
  if (kernel == nullptr) {
    average_pool_u8_reference(pool);
  } else {
    for_rows(pool.shape, pool.threads, 60, [&](std::int64_t begin, std::int64_t end) noexcept { kernel->average(pool, begin, end); });
  }
}

}  // namespace octet::kernels
