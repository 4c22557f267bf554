// Nodes that together compute a function of one tensor, element by element.
#pragma once

#include <optional>
#include <vector>

#include "engine/graph.h"

namespace octet {

/// What a group of elementwise nodes makes of one tensor's elements, in f64.
class ScalarExpression {
 public:
  /// `nodes` in the graph's order, the last one being the result; everything they read is `leaf`, made by one of them, or a constant
  /// number.
  ScalarExpression(const Graph& graph, const std::vector<int>& nodes, int leaf);

  [[nodiscard]] double operator()(double x) const;

 private:
  struct Operand {
    int step = -1;  ///< of an earlier result; -1: x; -2: the number
    double number = 0;
  };
  struct Step {
    const Node* node;
    Operand a, b;
  };
  [[nodiscard]] static double apply(const Step& step, double a, double b);

  std::vector<Step> steps_;
};

/// Whether a node works element by element: f32, one output, every input of the output's shape or a constant number.
[[nodiscard]] bool is_scalar_function(const Graph& graph, const Node& node);

}  // namespace octet
