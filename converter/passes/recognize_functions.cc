// Exporters spell functions out: Gelu as Div, Erf, Add, Mul and Mul in some order, HardSwish as Add, Clip, Mul and Div. Whatever the
// spelling, the nodes compute a function of one tensor, element by element. Here such groups of nodes are compared with the functions of
// Pointwise at many points; the one that agrees everywhere takes their place.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "converter/passes/edit.h"
#include "converter/passes/passes.h"
#include "converter/passes/scalar_expression.h"
#include "kernels/pointwise/pointwise.h"

namespace octet {
namespace {

using schema::Function;

constexpr std::size_t kMostNodes = 16;
/// Numbers like 1.702 or sqrt(2/pi) are rounded by those who write them down; the two forms of Gelu differ by up to 4.7e-4.
constexpr double kTolerance = 3e-5;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Parameters {
  double a = 0, b = 0;
};

/// A function, and how its parameters follow from values of an expression that may be one; false if it is none.
struct Candidate {
  Function function;
  bool (*fit)(const ScalarExpression& f, Parameters& p);
};

bool no_parameters(const ScalarExpression&, Parameters&) { return true; }

bool fit_clip(const ScalarExpression& f, Parameters& p) {
  p.a = f(-50) == f(-40) ? f(-50) : -kInfinity;
  p.b = f(50) == f(40) ? f(50) : kInfinity;
  return p.a < p.b;
}

bool fit_leaky_relu(const ScalarExpression& f, Parameters& p) {
  p.a = -f(-1);
  return std::isfinite(p.a);
}

bool fit_swish(const ScalarExpression& f, Parameters& p) {
  const double share = f(1);
  p.a = -std::log(1.0 / share - 1.0);
  return share > 0 && share < 1 && p.a != 0;
}

bool fit_hard_sigmoid(const ScalarExpression& f, Parameters& p) {
  p.b = f(0);
  p.a = (f(0.25) - p.b) / 0.25;
  return p.b > 0 && p.b < 1 && p.a != 0;
}

bool fit_elu(const ScalarExpression& f, Parameters& p) {
  p.a = f(-1) / std::expm1(-1.0);
  return std::isfinite(p.a) && p.a != 0;
}

/// The plainest first: what is a Clip is also a LeakyRelu or Elu of slope 0.
constexpr std::array kCandidates = {
    Candidate{Function::Clip, fit_clip},           Candidate{Function::Abs, no_parameters},       Candidate{Function::Sigmoid, no_parameters},
    Candidate{Function::Tanh, no_parameters},      Candidate{Function::Silu, no_parameters},      Candidate{Function::HardSwish, no_parameters},
    Candidate{Function::Gelu, no_parameters},      Candidate{Function::GeluTanh, no_parameters},  Candidate{Function::Mish, no_parameters},
    Candidate{Function::Softplus, no_parameters},  Candidate{Function::Softsign, no_parameters},  Candidate{Function::Erf, no_parameters},
    Candidate{Function::LeakyRelu, fit_leaky_relu}, Candidate{Function::HardSigmoid, fit_hard_sigmoid}, Candidate{Function::Elu, fit_elu},
    Candidate{Function::Swish, fit_swish}};

/// Few points first, which tell nearly everything apart; then many.
bool agrees(const ScalarExpression& f, const Candidate& c, const Parameters& p) {
  const auto close = [&](double x) {
    const double y = kernels::evaluate(static_cast<kernels::Function>(c.function), x, p.a, p.b);
    return std::abs(f(x) - y) <= kTolerance * std::max(1.0, std::abs(x));
  };
  for (const double x : {0.7, -1.3, 2.9, -3.1, 40.0, -40.0})
    if (!close(x)) return false;
  for (int i = -220; i <= 220; ++i)
    if (!close(0.0371 * i)) return false;
  return close(80.0) && close(-80.0);
}

/// Nodes that make the last of them of one tensor.
struct Group {
  std::vector<int> nodes;  ///< ascending
  int leaf = kAbsent;
};

class Recognize {
 public:
  explicit Recognize(Graph& graph) : graph_(graph), uses_(graph), taken_(graph.nodes.size(), false) {}

  void operator()() {
    for (std::size_t n = graph_.nodes.size(); n-- > 0;)
      if (!taken_[n] && is_scalar_function(graph_, graph_.nodes[n])) replace_group_of(static_cast<int>(n));
  }

 private:
  /// Every group that ends in a node, smallest first. The tensor furthest on is taken apart next, so that a group's own leaf is last.
  [[nodiscard]] std::vector<Group> groups_of(int last) const {
    std::vector<Group> groups;
    std::vector<int> nodes = {last};
    std::set<std::pair<int, int>> frontier;  // maker and tensor
    const auto reads = [&](int n) {
      for (const int t : graph_.nodes[at(n)].inputs)
        if (!graph_.tensors[at(t)].constant()) frontier.emplace(uses_.maker(t), t);
    };
    for (reads(last); !frontier.empty();) {
      if (frontier.size() == 1 && nodes.size() > 1) groups.push_back({{nodes.rbegin(), nodes.rend()}, frontier.begin()->second});
      const auto [maker, tensor] = *frontier.rbegin();
      if (maker < 0 || taken_[at(maker)] || nodes.size() == kMostNodes || !is_scalar_function(graph_, graph_.nodes[at(maker)])) break;
      frontier.erase(std::prev(frontier.end()));
      nodes.push_back(maker);
      reads(maker);
    }
    return groups;
  }

  /// Whether a node only scales, shifts or clamps.
  [[nodiscard]] static bool is_affine(const Node& node) {
    const auto op = node.op();
    if (op == schema::Operator::Pointwise) return node.as<schema::PointwiseT>().function == Function::Clip;
    return op == schema::Operator::Add || op == schema::Operator::Sub || op == schema::Operator::Mul;
  }

  /// What comes after a product and only scales, shifts and clamps becomes part of it elsewhere, at no cost.
  [[nodiscard]] bool belongs_to_product(const Group& group) const {
    if (!std::ranges::all_of(group.nodes, [&](int n) { return is_affine(graph_.nodes[at(n)]); })) return false;
    int x = group.leaf;
    for (std::size_t i = 0; i < kMostNodes && uses_.maker(x) >= 0 && uses_.sole_reader(x) >= 0; ++i) {
      const Node& maker = graph_.nodes[at(uses_.maker(x))];
      if (maker.op() == schema::Operator::Conv || maker.op() == schema::Operator::FullyConnected) return true;
      if (!is_affine(maker) || !is_scalar_function(graph_, maker)) return false;
      const bool first = !graph_.tensors[at(maker.inputs[0])].constant();
      x = maker.inputs[first ? 0 : 1];
    }
    return false;
  }

  void replace_group_of(int last) {
    const std::vector<Group> groups = groups_of(last);
    for (std::size_t i = groups.size(); i-- > 0;) {
      if (belongs_to_product(groups[i])) continue;
      const ScalarExpression f(graph_, groups[i].nodes, groups[i].leaf);
      for (const Candidate& c : kCandidates) {
        Parameters p;
        if (!c.fit(f, p) || !agrees(f, c, p)) continue;
        replace(groups[i], c.function, p);
        return;
      }
    }
  }

  /// Whether only nodes of the group read what a node of it writes.
  [[nodiscard]] bool is_inner(int node, const Group& group) const {
    const int y = graph_.nodes[at(node)].outputs[0];
    int reads = 0;
    for (const int n : group.nodes) reads += static_cast<int>(std::ranges::count(graph_.nodes[at(n)].inputs, y));
    return reads == uses_.reads(y);
  }

  void replace(const Group& group, Function function, const Parameters& p) {
    Node& last = graph_.nodes[at(group.nodes.back())];
    std::vector<int> sources;
    std::string name = last.name;
    for (std::size_t i = group.nodes.size(); i-- > 0;) {
      const int n = group.nodes[i];
      if (n != group.nodes.back() && !is_inner(n, group)) continue;  // stays, for others
      taken_[at(n)] = true;
      name = graph_.nodes[at(n)].name;
      std::vector<int> merged = graph_.nodes[at(n)].sources;
      merge_sources(merged, sources);
      sources = std::move(merged);
    }
    schema::PointwiseT op;
    op.function = function;
    op.a = static_cast<float>(p.a);
    op.b = static_cast<float>(p.b);
    last.attributes.Set(std::move(op));
    last.inputs = {group.leaf};
    last.name = std::move(name);
    last.sources = std::move(sources);
  }

  Graph& graph_;
  Uses uses_;
  std::vector<bool> taken_;  // nodes that have become part of a function
};

}  // namespace

Result<void> recognize_functions(Graph& graph) {
  Recognize{graph}();
  return remove_dead(graph);
}

}  // namespace octet
