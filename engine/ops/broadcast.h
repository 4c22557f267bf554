// What operators share that take several inputs of one broadcast shape.
#pragma once

#include "engine/ops/common.h"
#include "kernels/elementwise/elementwise.h"

namespace octet {

/// The axes of a broadcast shape, adjacent ones merged where all operands advance alike.
struct BroadcastAxes {
  std::vector<std::int64_t> size;
  std::vector<std::vector<std::int64_t>> stride;  ///< of each operand, in elements; 0 where it repeats
};
[[nodiscard]] BroadcastAxes broadcast_axes(const std::vector<Shape>& operands, const Shape& y);

/// The same of two operands, for kernels.
[[nodiscard]] kernels::Broadcast make_broadcast(const Shape& a, const Shape& b, const Shape& y);

template <class Attributes>
[[nodiscard]] Result<Shape> infer_binary(const NodeView& node) {
  const auto& a = node.as<Attributes>();
  OCTET_CHECK(check_clamp(a.clamp_min, a.clamp_max));
  return broadcast_shape(node.input_shape(0), node.input_shape(1));
}

/// A step that calls run(parameters), after its operands a, b and y have been filled in.
template <class T, class Parameters, class Run>
[[nodiscard]] Step binary_step(const char* name, const NodeView& node, const Parameters& parameters, Run run) {
  return make_step(name, [parameters, run, a = node.input_index(0), b = node.input_index(1),
                          y = node.output_index()](const Buffers& buffers) noexcept -> const char* {
    Parameters p = parameters;
    p.a = buffers.tensor<T>(a);
    p.b = buffers.tensor<T>(b);
    p.y = buffers.tensor<T>(y);
    run(p);
    return nullptr;
  });
}

}  // namespace octet
