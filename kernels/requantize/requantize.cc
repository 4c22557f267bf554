#include "kernels/requantize/requantize.h"

#include <array>

#include "kernels/choose.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void requantize_rows_xsimd(const std::int32_t* acc, std::int64_t begin, std::int64_t end, std::int64_t channels, const Epilogue& epilogue) noexcept;
void requantize_rows_avx512(const std::int32_t* acc, std::int64_t begin, std::int64_t end, std::int64_t channels, const Epilogue& epilogue) noexcept;

namespace {

constexpr std::array kKernels = {RequantizeKernel{"requantize_xsimd", Isa::reference, requantize_rows_xsimd},
                                 RequantizeKernel{"requantize_avx512", Isa::avx512, requantize_rows_avx512}};

}  // namespace

std::span<const RequantizeKernel> requantize_kernels() noexcept { return kKernels; }

const RequantizeKernel& find_requantize_kernel(Isa cap) noexcept { return *best_of(requantize_kernels(), cap); }

void requantize(const RequantizeKernel& kernel, const std::int32_t* acc, std::int64_t rows, std::int64_t channels, const Epilogue& e,
                int threads) noexcept {
  parallel_for(threads, rows, [&](std::int64_t begin, std::int64_t end) noexcept { kernel.rows(acc, begin, end, channels, e); });
}

}  // namespace octet::kernels
