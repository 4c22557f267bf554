#include "converter/given_masks.h"

#include <algorithm>

#include "converter/int8_form.h"

namespace octet {
namespace {

using schema::Operator;

/// Each element is made of one element of each input.
bool is_elementwise(Operator op) noexcept {
  switch (op) {
    case Operator::Add:
    case Operator::Sub:
    case Operator::Mul:
    case Operator::Pointwise:
    case Operator::Binary:
    case Operator::Compare:
    case Operator::Where:
    case Operator::Cast: return true;
    default: return false;
  }
}

class Find {
 public:
  explicit Find(const Graph& graph)
      : graph_(graph), given_(graph.tensors.size()), scores_(graph.tensors.size()), masked_(graph.tensors.size()), found_(graph.nodes.size()) {}

  std::vector<bool> operator()() {
    for (const int i : graph_.inputs) given_[at(i)] = true;
    for (const Node& node : graph_.nodes) follow(node);
    std::vector<bool> wanted(graph_.tensors.size());
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      const Node& node = graph_.nodes[n];
      const bool softmax = node.op() == Operator::Softmax && masked_[at(node.inputs[0])];
      if (!softmax && !wanted[at(node.outputs[0])]) continue;
      found_[n] = true;
      for (const int i : node.inputs)
        if (i != kAbsent && (masked_[at(i)] || (given_[at(i)] && !softmax))) wanted[at(i)] = true;
    }
    return found_;
  }

 private:
  void follow(const Node& node) {
    const std::size_t y = at(node.outputs[0]);
    if (node.op() == Operator::MatMul) scores_[y] = true;
    if (!is_elementwise(node.op()) && !keeps_values(node.op())) return;
    const std::size_t count = keeps_values(node.op()) ? 1 : node.inputs.size();
    const auto any = [&](const std::vector<bool>& what) {
      return std::any_of(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(count), [&](int i) { return what[at(i)]; });
    };
    const bool others = std::any_of(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(count),
                                    [&](int i) { return !given_[at(i)] && !graph_.tensors[at(i)].constant(); });
    given_[y] = any(given_) && !others;
    scores_[y] = any(scores_);
    const bool sum = node.op() == Operator::Add || node.op() == Operator::Sub;
    masked_[y] = any(masked_) || (sum && any(given_) && any(scores_));
  }

  const Graph& graph_;
  std::vector<bool> given_, scores_, masked_;  // of tensors
  std::vector<bool> found_;                    // of nodes
};

}  // namespace

std::vector<bool> find_given_masks(const Graph& graph) { return Find(graph)(); }

}  // namespace octet
