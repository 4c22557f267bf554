#include "kernels/softmax/softmax.h"

#include <array>

#include "kernels/parallel.h"

namespace octet::kernels {

void softmax_f32_avx2(const SoftmaxF32& softmax, std::int64_t begin, std::int64_t end) noexcept;
void softmax_rows_avx2(const SoftmaxU8& softmax, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept;
void softmax_rows_avx512vbmi(const SoftmaxU8& softmax, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept;

namespace {

constexpr std::array kKernels = {SoftmaxKernel{"softmax_u8_avx2", Isa::avx2, false, 70, 0.7, softmax_rows_avx2},
                                 SoftmaxKernel{"softmax_u8_avx512vbmi", Isa::avx512, true, 15, 0.15, softmax_rows_avx512vbmi}};

}  // namespace

const std::uint8_t* SoftmaxMask::row(std::int64_t index) const noexcept {
  if (data == nullptr) return nullptr;
  std::int64_t offset = 0;
  for (int i = 0; i < axes; ++i) {
    const auto k = static_cast<std::size_t>(i);
    offset += index % size[k] * stride[k];
    index /= size[k];
  }
  return data + offset;
}

bool split_softmax_table(std::span<const std::uint32_t> table, SoftmaxPlanes& planes) noexcept {
  for (std::size_t d = 0; d < table.size(); ++d) {
    if (table[d] >= 1U << 24U) return false;
    for (std::size_t i = 0; i < planes.size(); ++i) planes[i][d] = static_cast<std::uint8_t>(table[d] >> (8 * i));
  }
  return true;
}

std::span<const SoftmaxKernel> softmax_kernels() noexcept { return kKernels; }

const SoftmaxKernel* find_softmax_kernel(Isa cap) noexcept {
  const SoftmaxKernel* best = nullptr;
  for (const SoftmaxKernel& k : kKernels)
    if (allows(cap, k.isa) && (!k.vbmi || cpu_has_vbmi())) best = &k;
  return best;
}

void softmax_u8(const SoftmaxKernel& kernel, const SoftmaxU8& softmax, const SoftmaxPlanes& planes) noexcept {
  const double work = static_cast<double>(softmax.rows) * (kernel.row_nanoseconds + kernel.nanoseconds * static_cast<double>(softmax.columns));
  parallel_for(worthwhile_threads(softmax.threads, work), softmax.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    kernel.run(softmax, planes[0].data(), begin, end);
  });
}

void softmax_rows_f32_avx2(const SoftmaxF32& softmax) noexcept {
  parallel_for(softmax.threads, softmax.rows, [&](std::int64_t begin, std::int64_t end) noexcept { softmax_f32_avx2(softmax, begin, end); });
}

}  // namespace octet::kernels
