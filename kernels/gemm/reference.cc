#include <algorithm>

#include "kernels/gemm/gemm.h"
#include "kernels/parallel.h"

namespace octet::kernels {
namespace {

/// body(r, o) for every output, split over threads.
template <class Body>
void for_each_output(std::int64_t rows, std::int64_t out, int threads, const Body& body) noexcept {
  parallel_for(threads, rows * out, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) body(i / out, i % out);
  });
}

}  // namespace

void gemm_u8s8_reference(const GemmU8& g) noexcept {
  for_each_output(g.rows, g.out, g.threads, [&](std::int64_t r, std::int64_t o) noexcept {
    std::int32_t acc = 0;
    for (std::int64_t k = 0; k < g.depth; ++k) acc += (g.x[r * g.depth + k] - g.zero_point) * g.weights[o * g.depth + k];
    store(g.epilogue, r * g.out + o, o, acc);
  });
}

void gemm_f32_reference(const GemmF32& g) noexcept {
  for_each_output(g.rows, g.out, g.threads, [&](std::int64_t r, std::int64_t o) noexcept {
    double sum = g.bias != nullptr ? static_cast<double>(g.bias[o]) : 0.0;
    for (std::int64_t k = 0; k < g.depth; ++k)
      sum += static_cast<double>(g.x[r * g.depth + k]) * static_cast<double>(g.weights[o * g.depth + k]);
    g.y[r * g.out + o] = std::min(std::max(static_cast<float>(sum), g.clamp_min), g.clamp_max);
  });
}

}  // namespace octet::kernels
