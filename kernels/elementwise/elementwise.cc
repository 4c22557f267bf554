#include "kernels/elementwise/elementwise.h"

#include <algorithm>

#include "kernels/choose.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void add_rows_avx2(const AddU8& add, const BinaryRows& rows) noexcept;
void add_rows_avx512(const AddU8& add, const BinaryRows& rows) noexcept;
void mul_rows_avx2(const MulU8& mul, const BinaryRows& rows) noexcept;
void mul_rows_avx512(const MulU8& mul, const BinaryRows& rows) noexcept;

namespace {

constexpr std::array kKernels = {ElementwiseKernel{"add_u8_avx2", "mul_u8_avx2", Isa::avx2, add_rows_avx2, mul_rows_avx2},
                                 ElementwiseKernel{"add_u8_avx512", "mul_u8_avx512", Isa::avx512, add_rows_avx512, mul_rows_avx512}};

/// Elements whose work is done in a nanosecond, about, by any vector kernel.
constexpr double kPerNanosecond = 5;

/// The two innermost axes of an operation, and how many such planes there are.
struct Planes {
  BinaryRows first;
  std::size_t outer_axes = 0;
  std::int64_t count = 1;

  template <class Op>
  explicit Planes(const Op& op) noexcept {
    const Broadcast& s = op.shape;
    const auto last = static_cast<std::size_t>(s.axes - 1);
    first = {op.a, op.b, op.y, 1, s.size[last], 0, 0, s.stride_a[last], s.stride_b[last]};
    if (last == 0) return;
    outer_axes = last - 1;
    first.rows = s.size[outer_axes];
    first.a_row = s.stride_a[outer_axes];
    first.b_row = s.stride_b[outer_axes];
    for (std::size_t i = 0; i < outer_axes; ++i) count *= s.size[i];
  }

  /// `n` rows of a plane, from `row` on.
  [[nodiscard]] BinaryRows rows(const Broadcast& s, std::int64_t plane, std::int64_t row, std::int64_t n) const noexcept {
    BinaryRows r = first;
    r.y += (plane * first.rows + row) * first.count;
    r.a += row * first.a_row;
    r.b += row * first.b_row;
    r.rows = n;
    for (std::size_t i = outer_axes; i-- > 0; plane /= s.size[i]) {
      r.a += plane % s.size[i] * s.stride_a[i];
      r.b += plane % s.size[i] * s.stride_b[i];
    }
    return r;
  }
};

/// run(rows) for pieces that make up the output, split over threads by rows, or by elements where there is one row.
template <class Op, class Run>
void for_each_piece(const Op& op, const Run& run) noexcept {
  const Planes planes(op);
  const std::int64_t rows = planes.count * planes.first.rows;
  const std::int64_t elements = planes.first.count;
  const int threads = worthwhile_threads(op.threads, static_cast<double>(rows * elements) / kPerNanosecond);
  if (rows == 1) {
    parallel_for(threads, elements, [&](std::int64_t begin, std::int64_t end) noexcept {
      BinaryRows piece = planes.first;
      piece.a += begin * piece.a_step;
      piece.b += begin * piece.b_step;
      piece.y += begin;
      piece.count = end - begin;
      run(piece);
    });
    return;
  }
  parallel_for(threads, rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    while (begin < end) {
      const std::int64_t row = begin % planes.first.rows;
      const std::int64_t n = std::min(end - begin, planes.first.rows - row);
      run(planes.rows(op.shape, begin / planes.first.rows, row, n));
      begin += n;
    }
  });
}

}  // namespace

std::span<const ElementwiseKernel> elementwise_kernels() noexcept { return kKernels; }

const ElementwiseKernel* find_elementwise_kernel(Isa cap) noexcept { return best_of(elementwise_kernels(), cap); }

void add_u8(const ElementwiseKernel* kernel, const AddU8& add) noexcept {
  if (kernel == nullptr) {
    add_u8_reference(add);
  } else {
    for_each_piece(add, [&](const BinaryRows& rows) noexcept { kernel->add(add, rows); });
  }
}

void mul_u8(const ElementwiseKernel* kernel, const MulU8& mul) noexcept {
  if (kernel == nullptr) {
    mul_u8_reference(mul);
  } else {
    for_each_piece(mul, [&](const BinaryRows& rows) noexcept { kernel->mul(mul, rows); });
  }
}

}  // namespace octet::kernels
