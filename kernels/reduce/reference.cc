#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/parallel.h"
#include "kernels/reduce/reduce.h"

namespace octet::kernels {
namespace {

std::int64_t product(const std::array<std::int64_t, kMaxReduceAxes>& sizes, int axes) noexcept {
  std::int64_t n = 1;
  for (int i = 0; i < axes; ++i) n *= sizes[static_cast<std::size_t>(i)];
  return n;
}

/// Where index number `i` over the first `axes` axes lies.
std::int64_t offset_of(std::int64_t i, const std::array<std::int64_t, kMaxReduceAxes>& size, const std::array<std::int64_t, kMaxReduceAxes>& stride,
                       int axes) noexcept {
  std::int64_t at = 0;
  for (auto k = static_cast<std::size_t>(axes); k-- > 0; i /= size[k]) at += i % size[k] * stride[k];
  return at;
}

/// f(element) for everything that becomes one output.
template <class T, class F>
void for_each_reduced(const ReduceShape& s, const T* x, const F& f) noexcept {
  if (s.reduced == 0) {
    f(*x);
    return;
  }
  const auto last = static_cast<std::size_t>(s.reduced - 1);
  const std::int64_t runs = product(s.size, s.reduced - 1);
  for (std::int64_t run = 0; run < runs; ++run) {
    const T* from = x + offset_of(run, s.size, s.stride, s.reduced - 1);
    for (std::int64_t i = 0; i < s.size[last]; ++i) f(from[i * s.stride[last]]);
  }
}

/// body(y index, first element) for every output.
template <class T, class Body>
void for_each_output(const ReduceShape& s, const T* x, int threads, const Body& body) noexcept {
  parallel_for(threads, s.outputs(), [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) body(i, x + offset_of(i, s.kept_size, s.kept_stride, s.kept));
  });
}

double fold(const ReduceShape& s, const float* x, double first, double (*step)(double, double)) noexcept {
  double value = first;
  for_each_reduced(s, x, [&](float v) noexcept { value = step(value, static_cast<double>(v)); });
  return value;
}

double sum_of(const ReduceShape& s, const float* x) noexcept { return fold(s, x, 0, [](double a, double v) { return a + v; }); }
double max_of(const ReduceShape& s, const float* x) noexcept {
  return fold(s, x, -std::numeric_limits<double>::infinity(), [](double a, double v) { return std::isnan(v) || v > a ? v : a; });
}
double min_of(const ReduceShape& s, const float* x) noexcept {
  return fold(s, x, std::numeric_limits<double>::infinity(), [](double a, double v) { return std::isnan(v) || v < a ? v : a; });
}
double squares_of(const ReduceShape& s, const float* x) noexcept { return fold(s, x, 0, [](double a, double v) { return a + v * v; }); }

/// log(sum(exp(x))), shifted by the largest so that nothing overflows.
double log_sum_exp_of(const ReduceShape& s, const float* x) noexcept {
  const double peak = max_of(s, x);
  if (!std::isfinite(peak)) return peak;
  double sum = 0;
  for_each_reduced(s, x, [&](float v) noexcept { sum += std::exp(static_cast<double>(v) - peak); });
  return peak + std::log(sum);
}

using Function = double (*)(const ReduceShape&, const float*) noexcept;
constexpr Function kFunctions[kReductionCount] = {
    [](const ReduceShape& s, const float* x) noexcept { return sum_of(s, x) / static_cast<double>(s.count()); },
    sum_of,
    max_of,
    min_of,
    [](const ReduceShape& s, const float* x) noexcept { return fold(s, x, 1, [](double a, double v) { return a * v; }); },
    [](const ReduceShape& s, const float* x) noexcept { return fold(s, x, 0, [](double a, double v) { return a + std::abs(v); }); },
    [](const ReduceShape& s, const float* x) noexcept { return std::sqrt(squares_of(s, x)); },
    squares_of,
    [](const ReduceShape& s, const float* x) noexcept { return std::log(sum_of(s, x)); },
    log_sum_exp_of,
};

/// y = step(... step(first, x0) ..., xn), modulo 2^32 or 2^64.
template <class T, class Step>
void wrap(const ReduceShape& s, const T* x, T* y, int threads, T first, const Step& step) noexcept {
  for_each_output(s, x, threads, [&](std::int64_t i, const T* from) noexcept {
    auto value = static_cast<std::make_unsigned_t<T>>(first);
    for_each_reduced(s, from, [&](T v) noexcept { value = step(value, static_cast<std::make_unsigned_t<T>>(v)); });
    y[i] = static_cast<T>(value);
  });
}

template <class T>
void extreme(const ReduceShape& s, bool largest, const T* x, T* y, int threads) noexcept {
  for_each_output(s, x, threads, [&](std::int64_t i, const T* from) noexcept {
    T best = *from;
    for_each_reduced(s, from, [&](T v) noexcept { best = largest ? std::max(best, v) : std::min(best, v); });
    y[i] = best;
  });
}

/// Whether a is to come before b.
template <class T>
bool beats(T a, T b, bool largest) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(b)) return false;
    if (std::isnan(a)) return true;
  }
  return largest ? a > b : a < b;
}

}  // namespace

std::int64_t ReduceShape::outputs() const noexcept { return product(kept_size, kept); }
std::int64_t ReduceShape::count() const noexcept { return product(size, reduced); }

void reduce_f32_reference(const ReduceShape& shape, Reduction reduction, const float* x, float* y, int threads) noexcept {
  const Function f = kFunctions[static_cast<std::size_t>(reduction)];
  for_each_output(shape, x, threads, [&](std::int64_t i, const float* from) noexcept { y[i] = static_cast<float>(f(shape, from)); });
}

void reduce_sum_u8_reference(const ReduceSumU8& p) noexcept {
  const std::int64_t offset = p.shape.count() * p.zero_point;
  for_each_output(p.shape, p.x, p.threads, [&](std::int64_t i, const std::uint8_t* from) noexcept {
    std::int64_t sum = -offset;
    for_each_reduced(p.shape, from, [&](std::uint8_t v) noexcept { sum += v; });
    p.y[i] = requantize(static_cast<std::int32_t>(sum), p.multiplier, p.out);
  });
}

void reduce_extreme_u8_reference(const ReduceShape& shape, bool largest, const std::uint8_t* x, std::uint8_t* y, int threads) noexcept {
  extreme(shape, largest, x, y, threads);
}

bool reduces_integers(Reduction reduction) noexcept {
  switch (reduction) {
    case Reduction::l2:
    case Reduction::log_sum:
    case Reduction::log_sum_exp: return false;
    default: return true;
  }
}

template <class T>
void reduce_integer_reference(const ReduceShape& shape, Reduction reduction, const T* x, T* y, int threads) noexcept {
  using U = std::make_unsigned_t<T>;
  switch (reduction) {
    case Reduction::max:
    case Reduction::min: extreme(shape, reduction == Reduction::max, x, y, threads); break;
    case Reduction::prod: wrap<T>(shape, x, y, threads, 1, [](U a, U v) noexcept { return a * v; }); break;
    case Reduction::l1: wrap<T>(shape, x, y, threads, 0, [](U a, U v) noexcept { return static_cast<T>(v) < 0 ? a - v : a + v; }); break;
    case Reduction::sum_square: wrap<T>(shape, x, y, threads, 0, [](U a, U v) noexcept { return a + v * v; }); break;
    default: wrap<T>(shape, x, y, threads, 0, [](U a, U v) noexcept { return a + v; }); break;
  }
  if (reduction != Reduction::mean) return;
  for (std::int64_t i = 0; i < shape.outputs(); ++i) y[i] = static_cast<T>(y[i] / shape.count());
}
template void reduce_integer_reference(const ReduceShape&, Reduction, const std::int32_t*, std::int32_t*, int) noexcept;
template void reduce_integer_reference(const ReduceShape&, Reduction, const std::int64_t*, std::int64_t*, int) noexcept;

template <class T>
void arg_extreme_reference(const T* x, std::int64_t outer, std::int64_t n, std::int64_t inner, bool largest, bool last, std::int64_t* y,
                           int threads) noexcept {
  parallel_for(threads, outer * inner, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* from = x + i / inner * n * inner + i % inner;
      std::int64_t best = 0;
      for (std::int64_t k = 1; k < n; ++k) {
        const T value = from[k * inner];
        const T held = from[best * inner];
        if (beats(value, held, largest) || (last && !beats(held, value, largest))) best = k;
      }
      y[i] = best;
    }
  });
}
template void arg_extreme_reference(const float*, std::int64_t, std::int64_t, std::int64_t, bool, bool, std::int64_t*, int) noexcept;
template void arg_extreme_reference(const std::uint8_t*, std::int64_t, std::int64_t, std::int64_t, bool, bool, std::int64_t*, int) noexcept;
template void arg_extreme_reference(const std::int32_t*, std::int64_t, std::int64_t, std::int64_t, bool, bool, std::int64_t*, int) noexcept;
template void arg_extreme_reference(const std::int64_t*, std::int64_t, std::int64_t, std::int64_t, bool, bool, std::int64_t*, int) noexcept;

template <class T>
void top_k_reference(const TopK& p, const T* x, T* values, std::int64_t* indices, std::int64_t* orders) noexcept {
  parallel_pieces(p.threads, p.outer * p.inner, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    std::int64_t* order = orders + piece * p.n;
    for (std::int64_t i = begin; i < end; ++i) {
      const T* from = x + i / p.inner * p.n * p.inner + i % p.inner;
      const std::int64_t to = i / p.inner * p.k * p.inner + i % p.inner;
      for (std::int64_t k = 0; k < p.n; ++k) order[k] = k;
      std::partial_sort(order, order + p.k, order + p.n, [&](std::int64_t a, std::int64_t b) noexcept {
        const T va = from[a * p.inner];
        const T vb = from[b * p.inner];
        return beats(va, vb, p.largest) || (!beats(vb, va, p.largest) && a < b);
      });
      for (std::int64_t k = 0; k < p.k; ++k) {
        values[to + k * p.inner] = from[order[k] * p.inner];
        indices[to + k * p.inner] = order[k];
      }
    }
  });
}
template void top_k_reference(const TopK&, const float*, float*, std::int64_t*, std::int64_t*) noexcept;
template void top_k_reference(const TopK&, const std::uint8_t*, std::uint8_t*, std::int64_t*, std::int64_t*) noexcept;
template void top_k_reference(const TopK&, const std::int32_t*, std::int32_t*, std::int64_t*, std::int64_t*) noexcept;
template void top_k_reference(const TopK&, const std::int64_t*, std::int64_t*, std::int64_t*, std::int64_t*) noexcept;

}  // namespace octet::kernels
