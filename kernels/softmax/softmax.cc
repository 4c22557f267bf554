#include "kernels/softmax/softmax.h"

#include "kernels/parallel.h"

namespace octet::kernels {

void softmax_rows_avx512vbmi(const SoftmaxU8& softmax, const std::uint8_t* planes, std::int64_t begin, std::int64_t end) noexcept;

namespace {

constexpr SoftmaxKernel kKernel = {"softmax_u8_avx512vbmi", Isa::avx512, true, softmax_rows_avx512vbmi};

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

const SoftmaxKernel* find_softmax_kernel(Isa cap) noexcept { return allows(cap, kKernel.isa) && cpu_has_vbmi() ? &kKernel : nullptr; }

void softmax_u8(const SoftmaxKernel& kernel, const SoftmaxU8& softmax, const SoftmaxPlanes& planes) noexcept {
  constexpr double kRowNanoseconds = 15;
  constexpr double kNanoseconds = 0.15;  // a value
  const double work = static_cast<double>(softmax.rows) * (kRowNanoseconds + kNanoseconds * static_cast<double>(softmax.columns));
  parallel_for(worthwhile_threads(softmax.threads, work), softmax.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    kernel.run(softmax, planes[0].data(), begin, end);
  });
}

}  // namespace octet::kernels
