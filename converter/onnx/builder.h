// The graph under construction while an ONNX model is imported: its tensors by the names of their ONNX values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "converter/passes/fold_constants.h"
#include "engine/operator.h"

namespace octet {

/// Whether a tensor may have this shape: not empty, and every size and the number of elements can be written down.
[[nodiscard]] bool fits(const Shape& shape) noexcept;

class GraphBuilder {
 public:
  /// For a model file of this size.
  explicit GraphBuilder(std::uint64_t source_bytes) : budget_(source_bytes) {}
  /// The model has this much in other files, too.
  void add_source_bytes(std::uint64_t bytes) noexcept { budget_.grow(bytes); }

  /// Gives a value its tensor. The caller has made sure that no name is given twice.
  void define(const std::string& name, int tensor) { values_[name] = {tensor, {}}; }
  /// Gives a value constant content; it becomes a tensor of the graph only where a node reads it as one.
  void define_constant(const std::string& name, Tensor constant);
  [[nodiscard]] bool defined(const std::string& name) const { return values_.contains(name); }

  /// The tensor of a defined value.
  [[nodiscard]] Result<int> tensor_of(const std::string& name);
  /// The content of a defined value if it is constant.
  [[nodiscard]] std::optional<Tensor> constant_of(const std::string& name) const;

  /// A new tensor; a constant must have no size of 0.
  int add_tensor(Tensor tensor);
  [[nodiscard]] const Tensor& tensor(int index) const { return graph_.tensors[static_cast<std::size_t>(index)]; }

  /// What `make` makes of a constant, made once however often it is asked for: `how` says what is done to it. (A file
  /// whose nodes all read one large constant must not take memory for each of them.)
  template <class F>
  Result<int> derived(const std::string& name, const std::string& how, const F& make) {
    const auto key = std::pair(name, how);
    if (const auto found = derived_.find(key); found != derived_.end()) return found->second;
    OCTET_TRY(Tensor made, make(*constant_of(name)));
    return derived_[key] = add_tensor(std::move(made));
  }

  /// Appends a node, infers and checks the shape of its output, which has the type of its first input. A node of
  /// constants is computed instead, if that is cheap. Returns the output.
  [[nodiscard]] Result<int> append(Node node, const std::string& output_name, bool may_fold = true);

  [[nodiscard]] Graph& graph() noexcept { return graph_; }

 private:
  struct Value {
    int tensor = kAbsent;
    Tensor pending;  ///< of a constant that has no tensor yet
  };

  [[nodiscard]] Result<void> infer(const Node& node);
  [[nodiscard]] Result<bool> fold(const Node& node);

  Graph graph_;
  std::vector<Shape> shapes_;  // of graph_.tensors, at batch 1
  std::unordered_map<std::string, Value> values_;
  std::map<std::pair<std::string, std::string>, int> derived_;
  FoldBudget budget_;
};

}  // namespace octet
