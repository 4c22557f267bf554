// The quantized graph while it is being written: what has become of each tensor of the float graph.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "converter/quantize/plan.h"
#include "engine/graph.h"

namespace octet {

/// A float tensor has an f32 form, a u8 form or both; the one its maker does not write is made by a step between the two when first
/// asked for. `from`, its tensors and its nodes, are of the float graph, `made` are tensors of this one.
class QuantizedGraph {
 public:
  QuantizedGraph(const Graph& from, QuantizationPlan plan, bool symmetric_constants);

  [[nodiscard]] const Graph& from() const noexcept { return from_; }
  [[nodiscard]] const QuantizationPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const Tensor& tensor(int made) const { return graph_.tensors[static_cast<std::size_t>(made)]; }

  /// The u8 form of a float tensor.
  int quantized_of(int from);
  /// The f32 form; of what was never f32, the tensor itself.
  int real_of(int from);
  /// Whether the u8 form is there; constants get theirs when asked for it.
  [[nodiscard]] bool is_quantized(int from) const { return quantized_[static_cast<std::size_t>(from)] != kAbsent; }
  /// Scale and zero-point of the u8 form, whether it is there or not.
  [[nodiscard]] Quantization parameters_of(int from) const;
  /// A node's inputs: those that were f32 in u8, others as they are.
  [[nodiscard]] std::vector<int> quantized_inputs(const Node& node);
  /// A node's inputs as they were.
  [[nodiscard]] std::vector<int> real_inputs(const Node& node);
  /// `made` at another scale and zero-point; itself if it has them already.
  int rescaled(int made, const Quantization& q);

  /// The u8 form of a computed tensor, not yet in the graph. Inputs and outputs keep their name for their f32 form.
  [[nodiscard]] Tensor quantized_tensor(int from);
  int add_tensor(Tensor t);
  void add_input(int made, std::shared_ptr<const Preprocessing> preprocessing);
  /// A node, and its output.
  int append(std::string name, schema::OperatorUnion op, std::vector<int> inputs, Tensor output, std::vector<int> sources = {});
  /// What is made of a node. Its output is u8: `output`, or by the plan.
  void append_quantized(const Node& node, schema::OperatorUnion op, std::vector<int> inputs, Tensor output);
  void append_quantized(const Node& node, schema::OperatorUnion op, std::vector<int> inputs);
  /// Its outputs are as they were.
  void append_real(const Node& node, std::vector<int> inputs, std::string float_reason = {});
  /// Its output is f32 where the plan says so, u8 elsewhere.
  void append_product(const Node& node, std::vector<int> inputs);
  /// Says that a tensor of this graph is the form of a float tensor.
  void set_quantized(int from, int made) { quantized_[static_cast<std::size_t>(from)] = made; }
  void set_real(int from, int made) { real_[static_cast<std::size_t>(from)] = made; }
  /// The source's own step to f32, for when somebody asks for that form.
  void keep_step(const Node& dequantize) { steps_[dequantize.outputs[0]] = &dequantize; }
  /// Whether the float graph has it as an output.
  [[nodiscard]] bool is_output(int from) const;
  /// `made` under the name of an output, or a copy of it where no node makes it, or it has such a name already.
  int as_output(int made, const std::string& name);
  /// Counts source nodes as done by the node that makes a tensor.
  void add_sources(int made, const std::vector<int>& sources);

  [[nodiscard]] std::string unused_name(std::string name);

  /// Ends it: outputs, and the shapes of all tensors.
  [[nodiscard]] Result<Graph> finish();

 private:
  int add_constant(const Tensor& t);
  [[nodiscard]] Quantization constant_parameters(const Tensor& t) const;

  const Graph& from_;
  QuantizationPlan plan_;
  bool symmetric_constants_;
  std::set<std::string> names_;
  std::map<int, const Node*> steps_;   // Dequantize nodes of the source, by what they make
  std::map<int, std::size_t> maker_;   // node, by the tensor it writes
  std::set<int> named_outputs_;        // tensors that have the name of an output: see as_output
  std::vector<int> quantized_, real_;  // the two forms, by tensor of from_
  Graph graph_;
};

}  // namespace octet
