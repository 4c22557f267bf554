#include "kernels/norm/norm.h"

#include <array>

#include "kernels/choose.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void layer_norm_rows_avx2(const LayerNormU8& norm, std::int64_t begin, std::int64_t end) noexcept;
void layer_norm_rows_avx512(const LayerNormU8& norm, std::int64_t begin, std::int64_t end) noexcept;

namespace {

constexpr std::array kKernels = {LayerNormKernel{"layer_norm_u8_avx2", Isa::avx2, layer_norm_rows_avx2},
                                 LayerNormKernel{"layer_norm_u8_avx512", Isa::avx512, layer_norm_rows_avx512}};

}  // namespace

std::span<const LayerNormKernel> layer_norm_kernels() noexcept { return kKernels; }

const LayerNormKernel* find_layer_norm_kernel(Isa cap) noexcept { return best_of(layer_norm_kernels(), cap); }

void layer_norm_u8(const LayerNormKernel* kernel, const LayerNormU8& norm) noexcept {
  if (kernel == nullptr) {
    layer_norm_u8_reference(norm);
    return;
  }
  constexpr double kPerNanosecond = 5;
  const int threads = worthwhile_threads(norm.threads, static_cast<double>(norm.rows * norm.n) / kPerNanosecond);
  parallel_for(threads, norm.rows, [&](std::int64_t begin, std::int64_t end) noexcept { kernel->rows(norm, begin, end); });
}

}  // namespace octet::kernels
