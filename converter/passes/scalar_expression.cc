#include "converter/passes/scalar_expression.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/pointwise/pointwise.h"

namespace octet {
namespace {

double clamped(double v, float least, float most) noexcept {
  return std::min(std::max(v, static_cast<double>(least)), static_cast<double>(most));
}

double binary(schema::BinaryFunction f, double a, double b) noexcept {
  switch (f) {
    case schema::BinaryFunction::Add: return a + b;
    case schema::BinaryFunction::Sub: return a - b;
    case schema::BinaryFunction::Mul: return a * b;
    case schema::BinaryFunction::Div: return a / b;
    case schema::BinaryFunction::Min: return std::min(a, b);
    case schema::BinaryFunction::Max: return std::max(a, b);
    case schema::BinaryFunction::Pow: return std::pow(a, b);
    case schema::BinaryFunction::PRelu: return a < 0 ? a * b : a;
    case schema::BinaryFunction::Remainder: return std::fmod(a, b);
    case schema::BinaryFunction::Mod:  // the others are of integers
    case schema::BinaryFunction::ShiftLeft:
    case schema::BinaryFunction::ShiftRight: break;
  }
  return a;
}

}  // namespace

bool is_scalar_function(const Graph& graph, const Node& node) {
  switch (node.op()) {
    case schema::Operator::Pointwise:
    case schema::Operator::Add:
    case schema::Operator::Sub:
    case schema::Operator::Mul:
    case schema::Operator::Binary: break;
    default: return false;
  }
  const Tensor& y = graph.tensors[at(node.outputs[0])];
  return y.type == Type::f32 && std::ranges::all_of(node.inputs, [&](int i) {
    const Tensor& x = graph.tensors[at(i)];
    return x.type == Type::f32 && (x.constant() ? element_count(x.shape) == 1 : x.shape == y.shape);
  });
}

ScalarExpression::ScalarExpression(const Graph& graph, const std::vector<int>& nodes, int leaf) {
  std::map<int, int> step_of;  // by tensor
  const auto operand = [&](int tensor) -> Operand {
    if (tensor == leaf) return {-1, 0};
    if (const auto step = step_of.find(tensor); step != step_of.end()) return {step->second, 0};
    return {-2, static_cast<double>(graph.tensors[at(tensor)].data.as<float>()[0])};
  };
  for (const int n : nodes) {
    const Node& node = graph.nodes[at(n)];
    Step step{&node, operand(node.inputs[0]), {}};
    if (node.inputs.size() > 1) step.b = operand(node.inputs[1]);
    step_of[node.outputs[0]] = static_cast<int>(steps_.size());
    steps_.push_back(step);
  }
}

double ScalarExpression::apply(const Step& step, double a, double b) {
  const Node& node = *step.node;
  switch (node.op()) {
    case schema::Operator::Add: return clamped(a + b, node.as<schema::AddT>().clamp_min, node.as<schema::AddT>().clamp_max);
    case schema::Operator::Sub: return clamped(a - b, node.as<schema::SubT>().clamp_min, node.as<schema::SubT>().clamp_max);
    case schema::Operator::Mul: return clamped(a * b, node.as<schema::MulT>().clamp_min, node.as<schema::MulT>().clamp_max);
    case schema::Operator::Binary: return binary(node.as<schema::BinaryT>().function, a, b);
    default: {
      const auto& p = node.as<schema::PointwiseT>();
      return kernels::evaluate(static_cast<kernels::Function>(p.function), a, static_cast<double>(p.a), static_cast<double>(p.b));
    }
  }
}

double ScalarExpression::operator()(double x) const {
  std::vector<double> results;
  results.reserve(steps_.size());
  const auto value = [&](const Operand& o) { return o.step >= 0 ? results[at(o.step)] : o.step == -1 ? x : o.number; };
  for (const Step& step : steps_) results.push_back(apply(step, value(step.a), value(step.b)));
  return results.back();
}

}  // namespace octet
