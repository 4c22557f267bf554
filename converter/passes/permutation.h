// Permutations of axes, as in the schema's Transpose: axis i of the result is axis p[i] of the input.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "engine/graph.h"

namespace octet {

using Permutation = std::vector<int>;

[[nodiscard]] inline Permutation identity_permutation(std::size_t rank) {
  Permutation p(rank);
  for (std::size_t i = 0; i < rank; ++i) p[i] = static_cast<int>(i);
  return p;
}

[[nodiscard]] inline bool is_identity(const Permutation& p) { return std::ranges::is_sorted(p); }

[[nodiscard]] inline Permutation inverse(const Permutation& p) {
  Permutation q(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) q[static_cast<std::size_t>(p[i])] = static_cast<int>(i);
  return q;
}

/// First p, then q.
[[nodiscard]] inline Permutation compose(const Permutation& p, const Permutation& q) {
  Permutation r(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) r[i] = p[static_cast<std::size_t>(q[i])];
  return r;
}

/// The shape of Transpose(x, p), x of this shape.
[[nodiscard]] inline Shape permuted(const Shape& shape, const Permutation& p) {
  Shape s(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) s[i] = shape[static_cast<std::size_t>(p[i])];
  return s;
}

/// Whether Transpose(x, p) has other bytes than x: only axes of size 1 may move freely, and never the one that follows the
/// batch (-1: none does).
[[nodiscard]] inline bool moves_data(const Shape& shape, int batch_axis, const Permutation& p) {
  int last = -1;
  for (const int axis : p) {
    if (shape[static_cast<std::size_t>(axis)] == 1 && axis != batch_axis) continue;
    if (axis < last) return true;
    last = axis;
  }
  return false;
}

/// Where an axis of x is in Transpose(x, p); -1 stays -1.
[[nodiscard]] inline int moved_axis(int axis, const Permutation& p) {
  return axis < 0 ? -1 : inverse(p)[static_cast<std::size_t>(axis)];
}

/// "0231"; ranks are below 10.
[[nodiscard]] inline std::string to_string(const Permutation& p) {
  std::string text;
  for (const int axis : p) text += std::to_string(axis);
  return text;
}

}  // namespace octet
