// Sums of all that comes before, along an axis.
#pragma once

#include <cstdint>

namespace octet::kernels {

/// x and y [outer, size, inner].
struct CumSumShape {
  std::int64_t outer = 1, size = 1, inner = 1;
  bool exclusive = false;  ///< without the element itself
  bool reverse = false;    ///< of what comes after
};

/// T is float (summed in f64), std::int32_t or std::int64_t (which wrap around).
template <class T>
void cum_sum_reference(const CumSumShape& shape, const T* x, T* y, int threads) noexcept;

}  // namespace octet::kernels
