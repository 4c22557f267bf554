// One value out of many: sums, means, extremes over any axes, and where the extremes are.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/quant_math.h"

namespace octet::kernels {

inline constexpr int kMaxReduceAxes = 8;

/// The kept axes of x, outermost first, then those that are reduced, each with its stride in x, in elements. y is dense.
struct ReduceShape {
  int kept = 0, reduced = 0;
  std::array<std::int64_t, kMaxReduceAxes> kept_size{}, kept_stride{};
  std::array<std::int64_t, kMaxReduceAxes> size{}, stride{};

  /// Elements of y, and of x for each of them.
  [[nodiscard]] std::int64_t outputs() const noexcept;
  [[nodiscard]] std::int64_t count() const noexcept;
};

/// Same order as the schema's. All in f64 from f32, rounded once.
enum class Reduction : std::uint8_t { mean, sum, max, min, prod, l1, l2, sum_square, log_sum, log_sum_exp };
inline constexpr int kReductionCount = 10;

void reduce_f32_reference(const ReduceShape& shape, Reduction reduction, const float* x, float* y, int threads) noexcept;

/// Whether there is an integer form: mean, sum, max, min, prod, l1, sum_square.
[[nodiscard]] bool reduces_integers(Reduction reduction) noexcept;
/// One of those, wrapping as two's complement does; a mean is the (wrapped) sum divided towards zero. T is std::int32_t or std::int64_t.
template <class T>
void reduce_integer_reference(const ReduceShape& shape, Reduction reduction, const T* x, T* y, int threads) noexcept;

/// q = finish_u8(f32(sum(q - z_in)) * multiplier, out): a sum, or with another multiplier a mean. count() <= 2^31 / 256.
struct ReduceSumU8 {
  ReduceShape shape;
  const std::uint8_t* x = nullptr;
  std::int32_t zero_point = 0;
  float multiplier = 1;
  OutputU8 out;
  std::uint8_t* y = nullptr;
  int threads = 1;
};
void reduce_sum_u8_reference(const ReduceSumU8& sum) noexcept;

void reduce_extreme_u8_reference(const ReduceShape& shape, bool largest, const std::uint8_t* x, std::uint8_t* y, int threads) noexcept;

/// Where the largest (or smallest) of x [outer, n, inner] lies along n: the first one, or the last one. NaN counts as larger
/// than everything (and as smaller, where the smallest is wanted). T is float, std::uint8_t, std::int32_t or std::int64_t.
template <class T>
void arg_extreme_reference(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, bool largest, bool last, std::int64_t* y,
                           int threads) noexcept;

/// The k largest (or smallest) of x [outer, n, inner] along n, in order; of equal ones the first. NaN as above. `order` has
/// room for threads * n.
struct TopK {
  std::int64_t outer = 1, n = 1, inner = 1, k = 1;
  bool largest = true;
  int threads = 1;
};
template <class T>
void top_k_reference(const TopK& top, const T* x, T* values, std::int64_t* indices, std::int64_t* order) noexcept;

}  // namespace octet::kernels
