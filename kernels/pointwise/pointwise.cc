#include "kernels/pointwise/pointwise.h"

#include "kernels/parallel.h"

namespace octet::kernels {

/// The AVX2 kernel of a function, or nullptr where there is none.
void (*pointwise_f32_avx2(Function function) noexcept)(const PointwiseF32&) noexcept;

PointwiseKernel find_pointwise_kernel(Isa cap, Function function) noexcept {
  if (allows(cap, Isa::avx2))
    if (const auto run = pointwise_f32_avx2(function)) return {"pointwise_f32_avx2", Isa::avx2, run};
  return {"pointwise_f32_reference", Isa::reference, pointwise_f32_reference};
}

void pointwise_f32(const PointwiseKernel& kernel, const PointwiseF32& pointwise, int threads) noexcept {
  parallel_for(threads, pointwise.n, [&](std::int64_t begin, std::int64_t end) noexcept {
    PointwiseF32 piece = pointwise;
    piece.x += begin;
    piece.y += begin;
    piece.n = end - begin;
    kernel.run(piece);
  });
}

}  // namespace octet::kernels
