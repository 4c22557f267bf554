// What an operator has to provide: shapes and checks (infer), and a runnable step (prepare). One file an operator in
// ops/, one row in ops.inc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/graph.h"
#include "engine/try.h"
#include "kernels/epilogue.h"
#include "kernels/isa.h"

namespace octet {

/// Where a step finds its tensors: tensor(i) is the address of graph tensor i, whoever owns it.
struct Buffers {
  std::byte* const* tensors = nullptr;
  std::byte* scratch = nullptr;  ///< of the step's own scratch_bytes, 64-byte aligned, contents undefined
  int lane = 0;  ///< which of PrepareOptions::lanes this is

  template <class T>
  [[nodiscard]] T* tensor(int index) const noexcept {
    return reinterpret_cast<T*>(tensors[index]);
  }
};

/// What a step does to a u8 tensor, said so that the kernel which computes this tensor can do it before it stores anything. Bytes are
/// those of the two steps.
struct Tail {
  int output = kAbsent;       ///< the tensor that is stored instead
  bool max_pool_2x2 = false;  ///< the largest of each window of 2 x 2, which share nothing
  std::optional<kernels::Residual> residual{};  ///< or each element's sum with that of another tensor
  kernels::OutputU8 out{};                      ///< of that sum
  int other = kAbsent;
};

/// A prepared node: a function and its parameters. The function returns nullptr, or why it failed (a static string).
struct Step {
  using Function = const char* (*)(const void* parameters, const Buffers& buffers) noexcept;

  Function function = nullptr;
  std::shared_ptr<const void> parameters;
  std::string kernel;                             ///< for example "conv_u8s8_reference"
  std::string why;                                ///< why this one, where there was a choice
  kernels::Isa isa = kernels::Isa::reference;     ///< what that kernel is compiled for
  std::size_t scratch_bytes = 0;
  std::size_t packed_bytes = 0;  ///< weights held by the parameters
  bool openmp = false;           ///< runs a library that uses OpenMP's threads, more than one
  std::array<std::optional<Tail>, 2> as_tail;  ///< of inputs 0 and 1: the whole step said as something done to that input
  /// Null, or makes the step that does such a thing, too, if there is one: its function, parameters and scratch_bytes.
  std::function<std::optional<Step>(const Tail& tail)> with_tail;
};

/// Makes a Step of a callable `const char* (const Buffers&) noexcept`.
template <class F>
Step make_step(std::string kernel, F body) {
  static_assert(std::is_nothrow_invocable_r_v<const char*, const F&, const Buffers&>);
  Step step;
  step.kernel = std::move(kernel);
  step.parameters = std::make_shared<const F>(std::move(body));
  step.function = [](const void* p, const Buffers& b) noexcept { return (*static_cast<const F*>(p))(b); };
  return step;
}

/// A node with the shapes of one batch size.
class NodeView {
 public:
  NodeView(const Graph& graph, const Node& node, const std::vector<Shape>& shapes) : graph_(&graph), node_(&node), shapes_(&shapes) {}

  template <class T>
  [[nodiscard]] const T& as() const noexcept { return node_->as<T>(); }
  [[nodiscard]] std::size_t input_count() const noexcept { return node_->inputs.size(); }
  [[nodiscard]] bool has_input(std::size_t i) const noexcept { return i < node_->inputs.size() && node_->inputs[i] != kAbsent; }
  [[nodiscard]] int input_index(std::size_t i) const noexcept { return node_->inputs[i]; }
  [[nodiscard]] std::size_t output_count() const noexcept { return node_->outputs.size(); }
  [[nodiscard]] int output_index(std::size_t i = 0) const noexcept { return node_->outputs[i]; }
  [[nodiscard]] const Tensor& input(std::size_t i) const { return graph_->tensors[static_cast<std::size_t>(node_->inputs[i])]; }
  [[nodiscard]] const Tensor& output(std::size_t i = 0) const { return graph_->tensors[static_cast<std::size_t>(node_->outputs[i])]; }
  [[nodiscard]] const Shape& input_shape(std::size_t i) const { return (*shapes_)[static_cast<std::size_t>(node_->inputs[i])]; }
  [[nodiscard]] const Shape& output_shape(std::size_t i = 0) const { return (*shapes_)[static_cast<std::size_t>(node_->outputs[i])]; }

 private:
  const Graph* graph_;
  const Node* node_;
  const std::vector<Shape>* shapes_;
};

struct PrepareOptions {
  kernels::Isa isa = kernels::Isa::reference;  ///< the cap: no kernel above it
  int threads = 1;  ///< as many as the node is worth
  int lanes = 1;    ///< how many may run the step at the same time, each with buffers of its own
  /// Where the other kernels that could run the node, with the same bytes, are to go; null: nobody asks. The step returned is
  /// the one the rules prefer.
  std::vector<Step>* others = nullptr;
};

/// An operator's row.
struct OperatorInfo {
  schema::Operator op;
  const char* name;
  std::uint16_t version;  ///< the newest this reader knows
  std::size_t min_inputs;
  std::size_t max_inputs;
  std::size_t max_outputs;  ///< a node has the first one, and may have the others, in order
  /// The outputs' shapes (max_outputs of them) from the inputs', after checking attributes, ranks and sizes: all that follows
  /// from them alone.
  Result<std::vector<Shape>> (*infer)(const NodeView& node);
  /// Types, quantization and constants. Shapes have been inferred; done once a model, not once a session.
  Result<void> (*check)(const NodeView& node);
  /// Chooses the kernel and packs the weights. The node has been checked; only memory and libraries can fail.
  Result<Step> (*prepare)(const NodeView& node, const PrepareOptions& options);
  /// Multiply-accumulates at these shapes (0 for what is not a product).
  std::uint64_t (*macs)(const NodeView& node);
};

/// The row of an operator, or nullptr.
[[nodiscard]] const OperatorInfo* find_operator(schema::Operator op) noexcept;

/// "weights must have rank 4, not 3": an invalid_file error; the caller adds the node.
[[nodiscard]] Error invalid(std::string message);

}  // namespace octet
