#include <cmath>

#include "converter/passes/edit.h"
#include "converter/passes/passes.h"

namespace octet {
namespace {

using schema::Function;

/// x times this function of x is the function returned in `gated`.
bool gate_of(const schema::PointwiseT& gate, Function& gated) {
  constexpr float kTolerance = 1e-6F;  // exporters round 1/6 each in their own way
  if (gate.function == Function::Sigmoid) {
    gated = Function::Silu;
    return true;
  }
  gated = Function::HardSwish;
  return gate.function == Function::HardSigmoid && std::abs(gate.a - 1.0F / 6.0F) <= kTolerance &&
         std::abs(gate.b - 0.5F) <= kTolerance;
}

bool clamps(const schema::MulT& mul) { return std::isfinite(mul.clamp_min) || std::isfinite(mul.clamp_max); }

/// If operand `gate_input` of the Mul is a gate of its other operand, the gate becomes the gated function.
bool fuse(Graph& graph, const Uses& uses, Node& mul, std::size_t gate_input) {
  const int gate_output = mul.inputs[gate_input];
  const int maker = uses.maker(gate_output);
  if (maker < 0 || uses.sole_reader(gate_output) < 0) return false;
  Node& gate = graph.nodes[static_cast<std::size_t>(maker)];
  Function gated{};
  if (gate.op() != schema::Operator::Pointwise || gate.inputs[0] != mul.inputs[1 - gate_input]) return false;
  if (!gate_of(gate.as<schema::PointwiseT>(), gated)) return false;
  auto& op = gate.as<schema::PointwiseT>();
  op.function = gated;
  op.a = op.b = 0.0F;
  absorb(gate, mul);
  return true;
}

}  // namespace

Result<void> fuse_gated_activation(Graph& graph) {
  const Uses uses(graph);
  for (Node& node : graph.nodes) {
    if (node.op() != schema::Operator::Mul || clamps(node.as<schema::MulT>())) continue;
    if (!fuse(graph, uses, node, 0)) (void)fuse(graph, uses, node, 1);
  }
  erase_removed(graph);
  return {};
}

}  // namespace octet
