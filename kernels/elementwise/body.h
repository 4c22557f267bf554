// The kernels of elementwise.h for any V of u8_avx2.h or u8_avx512.h. Everything here has internal linkage.
#pragma once

#include "kernels/elementwise/elementwise.h"

namespace octet::kernels {
namespace {

/// The first `count` of a chunk of one operand, or its one value everywhere.
template <class V>
inline void load_operand(const std::uint8_t* p, std::int64_t step, std::int64_t count, typename V::Ints (&q)[V::kVectors]) noexcept {
  if (step != 0) {
    V::load(p, count, q);
    return;
  }
  const auto value = V::ints(*p);
#pragma GCC unroll 4
  for (int v = 0; v < V::kVectors; ++v) q[v] = value;
}

/// y = finish(f(a, b)), f of one vector of s32 lanes each.
template <class V, class F>
inline void binary_rows(const BinaryRows& rows, const OutputU8& out, const F& f) noexcept {
  constexpr std::int64_t kChunk = V::kVectors * V::kLanes;
  const auto finish = V::finish(out);
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    const std::uint8_t* a = rows.a + r * rows.a_row;
    const std::uint8_t* b = rows.b + r * rows.b_row;
    std::uint8_t* y = rows.y + r * rows.count;
    for (std::int64_t i = 0; i < rows.count; i += kChunk) {
      typename V::Ints qa[V::kVectors];
      typename V::Ints qb[V::kVectors];
      load_operand<V>(a + i * rows.a_step, rows.a_step, rows.count - i, qa);
      load_operand<V>(b + i * rows.b_step, rows.b_step, rows.count - i, qb);
      typename V::Floats t[V::kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < V::kVectors; ++v) t[v] = f(qa[v], qb[v]);
      V::store(y + i, rows.count - i, finish, t);
    }
  }
}

template <class V>
inline void add_rows(const AddU8& op, const BinaryRows& rows) noexcept {
  const auto zero_a = V::ints(op.zero_a);
  const auto zero_b = V::ints(op.zero_b);
  const auto multiplier_a = V::floats(op.multiplier_a);
  const auto multiplier_b = V::floats(op.multiplier_b);
  binary_rows<V>(rows, op.out, [&](typename V::Ints a, typename V::Ints b) noexcept {
    return V::add(V::mul(V::to_floats(V::sub(a, zero_a)), multiplier_a), V::mul(V::to_floats(V::sub(b, zero_b)), multiplier_b));
  });
}

template <class V>
inline void mul_rows(const MulU8& op, const BinaryRows& rows) noexcept {
  const auto zero_a = V::ints(op.zero_a);
  const auto zero_b = V::ints(op.zero_b);
  const auto multiplier = V::floats(op.multiplier);
  binary_rows<V>(rows, op.out, [&](typename V::Ints a, typename V::Ints b) noexcept {
    return V::mul(V::to_floats(V::mul(V::sub(a, zero_a), V::sub(b, zero_b))), multiplier);
  });
}

}  // namespace
}  // namespace octet::kernels
