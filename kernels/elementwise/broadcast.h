// The loop over two tensors that are broadcast: what the reference kernels of sums, products and the like are made of.
#pragma once

#include "kernels/elementwise/elementwise.h"
#include "kernels/parallel.h"

namespace octet::kernels {

/// body(index of a, index of b, index of y, count, step of a, step of b) for every run along the innermost axis.
template <class Body>
void for_each_run(const Broadcast& s, int threads, const Body& body) noexcept {
  const int last = s.axes - 1;
  const auto inner = static_cast<std::size_t>(last);
  std::int64_t runs = 1;
  for (int i = 0; i < last; ++i) runs *= s.size[static_cast<std::size_t>(i)];
  parallel_for(threads, runs, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t run = begin; run < end; ++run) {
      std::int64_t a = 0;
      std::int64_t b = 0;
      std::int64_t rest = run;
      for (std::size_t i = inner; i-- > 0;) {
        a += rest % s.size[i] * s.stride_a[i];
        b += rest % s.size[i] * s.stride_b[i];
        rest /= s.size[i];
      }
      body(a, b, run * s.size[inner], s.size[inner], s.stride_a[inner], s.stride_b[inner]);
    }
  });
}

/// The loop over one run, written out for the usual steps so that the compiler can vectorize them.
template <class T, class Y, class F>
void run_of(const T* a, const T* b, Y* y, std::int64_t count, std::int64_t step_a, std::int64_t step_b, const F& f) noexcept {
  if (step_a == 1 && step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], b[i]);
  } else if (step_a == 1 && step_b == 0) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i], b[0]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(a[i * step_a], b[i * step_b]);
  }
}

/// y = f(a, b) for every element of a parameter struct's broadcast shape.
template <class Op, class F>
void for_each_pair(const Op& op, const F& f) noexcept {
  for_each_run(op.shape, op.threads,
               [&](std::int64_t a, std::int64_t b, std::int64_t y, std::int64_t count, std::int64_t step_a, std::int64_t step_b) noexcept {
                 run_of(op.a + a, op.b + b, op.y + y, count, step_a, step_b, f);
               });
}

}  // namespace octet::kernels
