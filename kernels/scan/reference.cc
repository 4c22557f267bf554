#include "kernels/parallel.h"
#include "kernels/scan/scan.h"

namespace octet::kernels {
namespace {

template <class T>
struct Sum;
template <>
struct Sum<float> {
  using Type = double;
};
template <>
struct Sum<std::int32_t> {
  using Type = std::uint32_t;
};
template <>
struct Sum<std::int64_t> {
  using Type = std::uint64_t;
};

}  // namespace

template <class T>
void cum_sum_reference(const CumSumShape& s, const T* x, T* y, int threads) noexcept {
  using Wide = typename Sum<T>::Type;
  parallel_for(threads, s.outer * s.inner, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t first = line / s.inner * s.size * s.inner + line % s.inner;
      Wide sum = 0;
      for (std::int64_t i = 0; i < s.size; ++i) {
        const std::int64_t at = first + (s.reverse ? s.size - 1 - i : i) * s.inner;
        if (s.exclusive) y[at] = static_cast<T>(sum);
        sum += static_cast<Wide>(x[at]);
        if (!s.exclusive) y[at] = static_cast<T>(sum);
      }
    }
  });
}

template void cum_sum_reference(const CumSumShape&, const float*, float*, int) noexcept;
template void cum_sum_reference(const CumSumShape&, const std::int32_t*, std::int32_t*, int) noexcept;
template void cum_sum_reference(const CumSumShape&, const std::int64_t*, std::int64_t*, int) noexcept;

}  // namespace octet::kernels
