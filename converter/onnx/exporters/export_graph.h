// The ONNX graph under construction while a model is exported: its values by the tensors they are, initializers, names.
//
// Octet's images are channels-last, ONNX's channels-first. Each tensor has a value in either layout, made when first asked for; what
// nobody reads goes at the end. A u8 tensor's own value is its integers; its real value is a DequantizeLinear of them.
#pragma once

#include <onnx/onnx-ml.pb.h>

#include <array>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "engine/try.h"

namespace octet {

enum class Layout { plain, channels_first };

using Inputs = std::vector<std::string>;

class ExportGraph {
 public:
  ExportGraph(const Graph& graph, onnx::GraphProto& proto);

  [[nodiscard]] const Tensor& tensor(int i) const { return graph_.tensors[static_cast<std::size_t>(i)]; }
  [[nodiscard]] std::size_t rank(int i) const { return tensor(i).shape.size(); }
  [[nodiscard]] bool quantized(int i) const { return tensor(i).quant.present(); }
  /// The node that writes a tensor; nullptr of inputs and constants.
  [[nodiscard]] const Node* maker(int i) const { return makers_[static_cast<std::size_t>(i)]; }
  /// Whether a value is there already in this layout.
  [[nodiscard]] bool has(int i, Layout layout) const { return !own_[static_cast<std::size_t>(i)][index(layout)].empty(); }

  /// The tensor's values as they are stored: integers where it is quantized. An empty name for an absent tensor.
  std::string own(int i, Layout layout = Layout::plain);
  /// Its real values. s8 constants with one scale a channel have it along their first axis.
  std::string real(int i, Layout layout = Layout::plain);
  /// What a node computes for tensor i is this value, real or as it is stored.
  void set_real(int i, const std::string& value, Layout layout = Layout::plain);
  void set_own(int i, const std::string& value, Layout layout = Layout::plain) { own_[static_cast<std::size_t>(i)][index(layout)] = value; }

  /// A name nothing has.
  std::string fresh(const std::string& wish);
  /// Nodes that follow are parts of this one.
  void begin(const Node& node) { node_ = node.name; }

  /// A node with one output, called after `wish`.
  onnx::NodeProto& add(const std::string& op, const Inputs& inputs, const std::string& wish);
  std::string value(const std::string& op, const Inputs& inputs, const std::string& wish) { return add(op, inputs, wish).output(0); }
  std::string transposed(const std::string& value, const std::vector<int>& perm);

  static void set(onnx::NodeProto& node, const char* name, std::int64_t value);
  static void set(onnx::NodeProto& node, const char* name, float value);
  static void set(onnx::NodeProto& node, const char* name, const char* value);
  static void set(onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values);

  /// Initializers.
  std::string integers(const std::vector<std::int64_t>& values, const std::string& wish);
  std::string number(float value, const std::string& wish);
  template <class T>
  std::string constant(const std::vector<T>& values, const Shape& shape, int onnx_type, const std::string& wish) {
    return constant(std::as_bytes(std::span(values)), shape, onnx_type, wish);
  }
  std::string constant(std::span<const std::byte> bytes, const Shape& shape, int onnx_type, const std::string& wish);

  /// DequantizeLinear of integers; scales along `axis`, or one of them.
  std::string dequantize(const std::string& integers, const Quantization& q, int onnx_type, int axis, const std::string& wish);

  /// Declares inputs and outputs, and drops what no output needs.
  void finish();

 private:
  using Values = std::array<std::string, 2>;
  static std::size_t index(Layout layout) noexcept { return layout == Layout::plain ? 0 : 1; }
  void declare(onnx::ValueInfoProto& info, int i) const;
  void prune();

  const Graph& graph_;
  onnx::GraphProto& proto_;
  std::vector<Values> own_, real_;
  std::vector<const Node*> makers_;
  std::set<std::string> names_, node_names_;
  std::string node_;
};

/// NCHW of a tensor of this rank, as a permutation; and back.
[[nodiscard]] std::vector<int> to_channels_first(std::size_t rank);
[[nodiscard]] std::vector<int> to_channels_last(std::size_t rank);

/// ONNX's code of a type.
[[nodiscard]] int onnx_type(Type type) noexcept;

/// Writes one operator.
using Exporter = Result<void> (*)(ExportGraph& e, const Node& node);
/// nullptr for operators that cannot be written.
[[nodiscard]] Exporter find_exporter(schema::Operator op) noexcept;

// The rows of the table, by file.
struct ExporterRow {
  schema::Operator op;
  Exporter write;
};
[[nodiscard]] std::span<const ExporterRow> exporters_of_products() noexcept;
[[nodiscard]] std::span<const ExporterRow> exporters_of_functions() noexcept;
[[nodiscard]] std::span<const ExporterRow> exporters_of_movements() noexcept;

/// min(max(x, lo), hi) of a value, itself where there is no bound.
[[nodiscard]] std::string clamped(ExportGraph& e, const std::string& x, float lo, float hi);

}  // namespace octet
