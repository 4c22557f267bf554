// The graph under construction while an ONNX model is imported: its tensors by the names of their ONNX values.
//
// Everything is inferred, and what is constant is computed, twice: at batch 1 and at batch 2. Where the results differ, a
// size or a value follows the batch, whatever arithmetic the model does on its shapes.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "converter/passes/fold_constants.h"
#include "engine/operator.h"

namespace octet {

/// Whether a tensor may have this shape: every size and the number of elements can be written down.
[[nodiscard]] bool fits(const Shape& shape) noexcept;

/// A value that can be computed at conversion: its content at batch 1 and, where that differs, at batch 2.
struct KnownValue {
  Tensor one;
  std::optional<Tensor> two;

  [[nodiscard]] const Tensor& at_two() const { return two ? *two : one; }
};

/// A tensor a node is to write.
struct NewTensor {
  std::string name;
  Type type = Type::f32;
  Quantization quant{};  ///< of u8; where there is none, a u8 tensor is quantized as the node's first input is
  SourceForm source{};  ///< quant: of an activation quantized with a scale for each channel, those
};

class GraphBuilder {
 public:
  /// For a model file of this size.
  explicit GraphBuilder(std::uint64_t source_bytes) : budget_(source_bytes) {}
  /// The model has this much in other files, too.
  void add_source_bytes(std::uint64_t bytes) noexcept { budget_.grow(bytes); }

  /// Gives a value its tensor. The caller has made sure that no name is given twice.
  void define(const std::string& name, int tensor) { values_[name] = {tensor, {}}; }
  /// Gives a value constant content; it becomes a tensor of the graph only where a node reads it as one.
  void define_constant(const std::string& name, Tensor constant) { define_constant(name, KnownValue{std::move(constant), {}}); }
  void define_constant(const std::string& name, KnownValue value);
  [[nodiscard]] bool defined(const std::string& name) const { return values_.contains(name); }

  /// The tensor of a defined value.
  [[nodiscard]] Result<int> tensor_of(const std::string& name);
  /// The content of a defined value if it is constant, whatever the batch.
  [[nodiscard]] std::optional<Tensor> constant_of(const std::string& name) const;
  /// The content of a defined value if it can be computed once the batch is known.
  [[nodiscard]] std::optional<KnownValue> known_value_of(const std::string& name) const;

  /// A new tensor.
  int add_tensor(Tensor tensor);
  [[nodiscard]] int tensor_count() const noexcept { return static_cast<int>(graph_.tensors.size()); }
  void rename(int index, const std::string& name) { graph_.tensors[static_cast<std::size_t>(index)].name = name; }
  [[nodiscard]] const Tensor& tensor(int index) const { return graph_.tensors[static_cast<std::size_t>(index)]; }
  /// A tensor's shape at batch 1 and 2.
  [[nodiscard]] std::array<Shape, 2> shapes(int index) const;

  /// What `make` makes of a constant, made once however often it is asked for: `how` says what is done to it. (A file
  /// whose nodes all read one large constant must not take memory for each of them.)
  template <class F>
  Result<int> derived(const std::string& name, const std::string& how, const F& make) {
    const auto key = std::pair(name, how);
    if (const auto found = derived_.find(key); found != derived_.end()) return found->second;
    OCTET_TRY(Tensor made, make(*constant_of(name)));
    return derived_[key] = add_tensor(std::move(made));
  }

  /// Appends a node that writes these tensors, infers and checks their shapes. A node of constants is computed instead,
  /// if that is cheap. Returns the outputs.
  [[nodiscard]] Result<std::vector<int>> append(Node node, const std::vector<NewTensor>& outputs, bool may_fold = true);
  /// The same with one output, of the type of the first input.
  [[nodiscard]] Result<int> append(Node node, const std::string& output_name, bool may_fold = true);

  /// The node that writes a tensor, if it is one of the last few.
  [[nodiscard]] const Node* recent_maker(int tensor) const;

  /// Whether something was asked for that only works if the batch is fixed; the error that was returned says what.
  [[nodiscard]] bool needs_fixed_batch() const noexcept { return needs_fixed_batch_; }

  /// A graph input that follows the batch.
  [[nodiscard]] Result<int> batched_input();
  /// An error that fixing the batch would help against.
  [[nodiscard]] Error follows_batch(std::string message);
  /// Whether the file's budget has room for a constant of so many elements, which it then pays for.
  [[nodiscard]] bool may_make(std::int64_t elements) { return elements >= 0 && budget_.take(static_cast<std::uint64_t>(elements)); }

  /// Writes what is known of the shapes into the graph's tensors. An error that fixing the batch helps against where what holds at batch
  /// 1 and 2 is a coincidence: a constant of size 2 takes part in a broadcast with a batch of 2.
  [[nodiscard]] Result<void> finish_shapes();

  [[nodiscard]] Graph& graph() noexcept { return graph_; }

 private:
  struct Value {
    int tensor = kAbsent;
    KnownValue pending;  ///< of a constant that has no tensor yet
  };

  [[nodiscard]] Result<void> infer(const Node& node);
  [[nodiscard]] Result<bool> fold(const Node& node);
  /// What makes nothing but tensors without elements is computed whatever it reads: they are constants.
  [[nodiscard]] Result<bool> fold_nothing(const Node& node);
  [[nodiscard]] Result<std::vector<Tensor>> evaluate_at_two(const Node& node);
  [[nodiscard]] Result<void> expand_inputs(Node& node);
  [[nodiscard]] Result<int> expanded(int tensor);

  Graph graph_;
  std::array<std::vector<Shape>, 2> shapes_;  // of graph_.tensors, at batch 1 and 2
  std::unordered_map<std::string, Value> values_;
  std::map<std::pair<std::string, std::string>, int> derived_;
  std::map<int, Tensor> at_two_;   // content at batch 2 of constants that follow the batch
  std::map<int, int> expanded_;    // those of them that a node reads, as what an Expand makes
  bool needs_fixed_batch_ = false;
  FoldBudget budget_;
};

}  // namespace octet
