#include "converter/quantize/plan.h"

#include <algorithm>
#include <numeric>

#include "converter/given_masks.h"
#include "converter/imported_quantization.h"
#include "converter/int8_form.h"
#include "converter/passes/edit.h"
#include "converter/quantize_math.h"

namespace octet {
namespace {

using schema::Operator;

/// The fewer elements a mask keeps, the larger their shares: calibration may not have seen the fewest.
void widen_masked_shares(const Graph& g, const std::vector<bool>& given_masks, std::vector<Range>& ranges) {
  for (std::size_t n = 0; n < g.nodes.size(); ++n) {
    const Node& node = g.nodes[n];
    if (node.op() == Operator::Softmax && (node.inputs.size() > 1 || given_masks[n])) ranges[at(node.outputs[0])] = {0, 1, true};
  }
}

/// What only a Min with constants reads needs the range that is left after it: what is larger has no place in the result, whichever
/// its channel. Then the look-up changes no scale.
void clip_to_bounds(const Graph& g, std::vector<Range>& ranges) {
  const Uses uses(g);
  for (const Node& n : g.nodes)
    if (is_bounding(g, n) && uses.sole_reader(n.inputs[0]) >= 0 && uses.maker(n.inputs[0]) >= 0) ranges[at(n.inputs[0])] = ranges[at(n.outputs[0])];
}

void merge_kept(const Graph& g, std::vector<Range>& ranges) {
  std::vector<int> root(g.tensors.size());
  std::iota(root.begin(), root.end(), 0);
  for (const Node& n : g.nodes)
    if (keeps_scale(n)) root[at(n.outputs[0])] = root[at(n.inputs[0])];
  std::vector<Range> merged = ranges;
  for (std::size_t i = 0; i < root.size(); ++i) {
    Range& r = merged[at(root[i])];
    r = {std::min(r.min, ranges[i].min), std::max(r.max, ranges[i].max), true};
  }
  for (std::size_t i = 0; i < root.size(); ++i) ranges[i] = merged[at(root[i])];
}

/// Outputs of the graph, scores before a mask in float and the gates of recurrent layers are wanted in f32, seen through what moves
/// values only; those a product makes are.
std::vector<bool> find_real(const Graph& g, const std::vector<bool>& given_masks) {
  std::vector<int> readers(g.tensors.size(), 0);
  for (const Node& n : g.nodes)
    for (const int i : n.inputs)
      if (i != kAbsent) ++readers[at(i)];
  const auto sole_use = [&](int i) { return readers[at(i)] == 1 && std::ranges::find(g.outputs, i) == g.outputs.end(); };
  std::vector<bool> wanted(g.tensors.size(), false);
  for (const int i : g.outputs) wanted[at(i)] = readers[at(i)] == 0;
  for (std::size_t n = 0; n < g.nodes.size(); ++n)
    if (given_masks[n])
      for (const int i : g.nodes[n].inputs)
        if (i != kAbsent) wanted[at(i)] = sole_use(i);
  for (const Node& n : g.nodes)
    if (is_recurrent(n.op())) wanted[at(n.inputs[0])] = sole_use(n.inputs[0]);
  for (std::size_t n = g.nodes.size(); n-- > 0;) {
    const Node& node = g.nodes[n];
    if (keeps_values(node.op()) && wanted[at(node.outputs[0])] && sole_use(node.inputs[0])) wanted[at(node.inputs[0])] = true;
  }
  std::vector<bool> real(g.tensors.size(), false);
  for (const Node& node : g.nodes) {
    const std::size_t out = at(node.outputs[0]);
    real[out] = wanted[out] && (is_product(node.op()) || is_recurrent(node.op()) || (keeps_values(node.op()) && real[at(node.inputs[0])]));
  }
  return real;
}

}  // namespace

QuantizationPlan plan_quantization(const Graph& graph, std::vector<Range> ranges, bool symmetric_activations) {
  QuantizationPlan plan;
  plan.given_masks = find_given_masks(graph);
  widen_masked_shares(graph, plan.given_masks, ranges);
  clip_to_bounds(graph, ranges);
  merge_kept(graph, ranges);
  for (const Range& r : ranges) plan.parameters.push_back(activation_parameters(r, symmetric_activations));
  plan.stays_real = find_real(graph, plan.given_masks);
  return plan;
}

QuantizationPlan plan_imported(const Graph& graph) {
  QuantizationPlan plan;
  plan.parameters = find_imported(graph);
  plan.given_masks.assign(graph.nodes.size(), false);
  plan.stays_real.assign(graph.tensors.size(), false);
  for (const Node& node : graph.nodes)
    if (is_product(node.op())) plan.stays_real[at(node.outputs[0])] = !plan.parameters[at(node.outputs[0])].present();
  plan.imported = true;
  return plan;
}

}  // namespace octet
