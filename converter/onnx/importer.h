// The interface between the driver that walks an ONNX graph (import.cc) and the importers of single operators
// (importers/*.cc). An importer file defines `void register_<file>(ImporterTable&)`, which adds a row for each ONNX
// operator it turns into nodes; the driver calls one such function for every row of engine/ops.inc.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/onnx/attributes.h"
#include "converter/onnx/builder.h"
#include "engine/try.h"

namespace onnx {
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace octet {

/// Imports the nodes of a subgraph in the place of the node that has it (the driver).
class BranchImport {
 public:
  virtual ~BranchImport() = default;
  /// The node's outputs become the branch's.
  virtual Result<void> import_branch(const onnx::GraphProto& branch, const onnx::NodeProto& node) = 0;
};

/// One ONNX node being imported: what it says, and what it becomes.
class NodeImport {
 public:
  NodeImport(GraphBuilder& builder, const onnx::NodeProto& proto, Attributes node_attributes, int opset, int source,
             std::string name, bool output_is_graph_output, BranchImport* branches = nullptr)
      : attributes(std::move(node_attributes)),
        builder_(builder),
        proto_(proto),
        opset_(opset),
        source_(source),
        name_(std::move(name)),
        output_is_graph_output_(output_is_graph_output),
        branches_(branches) {}

  Attributes attributes;
  std::vector<bool> output_is_read;  ///< by a node or as an output of the graph; of each output
  bool takes_nothing = true;         ///< Importer::takes_nothing

  [[nodiscard]] const std::string& op_type() const;
  [[nodiscard]] int opset() const noexcept { return opset_; }
  [[nodiscard]] std::size_t output_count() const;   ///< of outputs that have a name
  [[nodiscard]] std::size_t output_places() const;  ///< of all outputs

  // Inputs. The driver has checked that the required ones are there, and defined.
  [[nodiscard]] std::size_t input_count() const;
  [[nodiscard]] bool has_input(std::size_t i) const;
  [[nodiscard]] const std::string& input_name(std::size_t i) const;
  /// Index of the graph's tensor.
  [[nodiscard]] Result<int> input(std::size_t i);
  /// The content of an input if it is there and constant, whatever the batch.
  [[nodiscard]] std::optional<Tensor> constant(std::size_t i) const;
  /// The content of an input if it is there and follows from the batch alone.
  [[nodiscard]] std::optional<KnownValue> known_value(std::size_t i) const;
  /// The content of an input that has to be constant: unsupported, saying "its <what> must be constant", if it is not.
  [[nodiscard]] Result<Tensor> constant(std::size_t i, const char* what) const;
  /// The values of an input that has to be a constant list (or scalar) of s64: axes, a shape.
  [[nodiscard]] Result<std::vector<std::int64_t>> constant_integers(std::size_t i, const char* what) const;
  /// The same of an input that may follow the batch: its values at batch 1 and 2.
  [[nodiscard]] Result<std::array<std::vector<std::int64_t>, 2>> known_integers(std::size_t i, const char* what) const;
  /// A constant made of constant input i; made once for each `how` (see GraphBuilder::derived).
  template <class F>
  [[nodiscard]] Result<int> derived(std::size_t i, const std::string& how, const F& make) {
    return builder_.derived(input_name(i), how, make);
  }

  // Tensors, by index.
  [[nodiscard]] const Shape& shape(int tensor) const { return builder_.tensor(tensor).shape; }
  /// At batch 1 and 2.
  [[nodiscard]] std::array<Shape, 2> shapes(int tensor) const { return builder_.shapes(tensor); }
  [[nodiscard]] Type type(int tensor) const { return builder_.tensor(tensor).type; }
  [[nodiscard]] const Tensor& tensor(int tensor) const { return builder_.tensor(tensor); }
  [[nodiscard]] std::size_t rank(int tensor) const { return shape(tensor).size(); }
  /// Tensors there are so far.
  [[nodiscard]] int tensor_count() const { return builder_.tensor_count(); }
  /// The node that writes a tensor, if it is one of the last few there are.
  [[nodiscard]] const Node* recent_maker(int tensor) const { return builder_.recent_maker(tensor); }
  int add_constant(Tensor constant) { return builder_.add_tensor(std::move(constant)); }
  /// A graph input that follows the batch; an error if there is none.
  [[nodiscard]] Result<int> batched_input() { return builder_.batched_input(); }
  /// An error after which the import is tried again with the batch fixed.
  [[nodiscard]] Error follows_batch(std::string message) { return builder_.follows_batch(std::move(message)); }
  /// Whether a constant of so many elements may still be made.
  [[nodiscard]] bool may_make(std::int64_t elements) { return builder_.may_make(elements); }

  // What the node becomes. Exactly one of the next ones, last (or set_output for each output).
  /// An operator (a table of the schema) whose output is the node's, of the type of its first input or of `type`.
  template <class T>
  [[nodiscard]] Result<void> emit(T op, std::vector<int> inputs) {
    const Type like = type(inputs[0]);
    return emit(std::move(op), std::move(inputs), like);
  }
  template <class T>
  [[nodiscard]] Result<void> emit(T op, std::vector<int> inputs, Type type) {
    OCTET_TRY(const int y, append(std::move(op), std::move(inputs), output_name(), true, type));
    set_output(0, y);
    return {};
  }
  /// An operator whose output is output i of the node.
  template <class T>
  [[nodiscard]] Result<void> emit_output(std::size_t i, T op, std::vector<int> inputs) {
    const Type like = type(inputs[0]);
    OCTET_TRY(const int y, append(std::move(op), std::move(inputs), name_of_output(i), true, like));
    set_output(i, y);
    return {};
  }
  /// An operator with several outputs: the node's, in order.
  template <class T>
  [[nodiscard]] Result<void> emit_all(T op, std::vector<int> inputs, const std::vector<Type>& types) {
    OCTET_TRY(const auto outputs, append_all(std::move(op), std::move(inputs), types, ""));
    for (std::size_t i = 0; i < outputs.size(); ++i) set_output(i, outputs[i]);
    return {};
  }
  /// Nothing: the output is the input under another name.
  [[nodiscard]] Result<void> alias(std::size_t i);
  /// The branch's nodes, whose outputs are the node's.
  [[nodiscard]] Result<void> import_branch(const onnx::GraphProto& branch);
  /// Output i is a tensor without elements of this shape (at batch 1 and 2), the elements it does not have being of x's kind.
  [[nodiscard]] Result<void> emit_nothing(std::size_t i, int x, const std::array<Shape, 2>& shapes);
  /// A constant.
  void set_constant_output(Tensor constant);
  void set_constant_output(KnownValue value);
  /// Output i of the node, if it has a name, is this tensor.
  void set_output(std::size_t i, int tensor);

  /// Output i is this tensor, which the node has made: it gets the output's name.
  void name_output(std::size_t i, int tensor);

  /// An operator on the way there; its output is called after the node's and `suffix`.
  template <class T>
  [[nodiscard]] Result<int> emit_inner(T op, std::vector<int> inputs, const std::string& suffix) {
    const Type like = type(inputs[0]);
    return append(std::move(op), std::move(inputs), output_name() + suffix, true, like);
  }
  template <class T>
  [[nodiscard]] Result<int> emit_inner(T op, std::vector<int> inputs, const std::string& suffix, Type type) {
    return append(std::move(op), std::move(inputs), output_name() + suffix, true, type);
  }
  /// An operator that writes this tensor, under its very name.
  template <class T>
  [[nodiscard]] Result<int> emit_tensor(T op, std::vector<int> inputs, NewTensor output) {
    OCTET_TRY(const auto outputs, builder_.append(make_node(std::move(op), std::move(inputs), true), {std::move(output)}));
    return outputs[0];
  }
  /// The same with several outputs: the node's outputs and `suffix`.
  template <class T>
  [[nodiscard]] Result<std::vector<int>> emit_inner_all(T op, std::vector<int> inputs, const std::vector<Type>& types,
                                                        const std::string& suffix) {
    return append_all(std::move(op), std::move(inputs), types, suffix);
  }
  /// Output i is Transpose(y, perm), which counts as part of the layout, not as this node.
  [[nodiscard]] Result<void> emit_transposed(std::size_t i, int y, std::vector<int> perm);
  /// Transpose(x, perm) likewise.
  [[nodiscard]] Result<int> transposed(int x, std::vector<int> perm);
  /// For operators that are channels-last: x (N, C, spatial axes) transposed to (N, spatial axes, C), and the node's output
  /// from that form.
  [[nodiscard]] Result<int> to_channels_last(int x);
  [[nodiscard]] Result<void> emit_channels_first(int y);

  /// The same for 2-D images, as which sequences (N, C, L) count that have one row: x to (N, H, W, C), and the output of rank
  /// `rank` from that.
  [[nodiscard]] Result<int> to_image(int x);
  [[nodiscard]] Result<void> emit_image(int y, std::size_t rank);

  /// Name of the node's first output that has one.
  [[nodiscard]] const std::string& output_name() const;
  /// Whether anything reads output i.
  [[nodiscard]] bool reads_output(std::size_t i) const { return i < output_is_read.size() && output_is_read[i]; }
  /// Whether the node's output i has a name.
  [[nodiscard]] bool has_output(std::size_t i) const;
  /// Suffix of the names of tensors that hold an NCHW value as NHWC.
  static constexpr const char* kChannelsLast = "@0231";

 private:
  template <class T>
  Result<int> append(T op, std::vector<int> inputs, const std::string& output, bool counts_as_source, Type type) {
    OCTET_TRY(const auto outputs, builder_.append(make_node(std::move(op), std::move(inputs), counts_as_source), {{output, type}}));
    return outputs[0];
  }
  template <class T>
  Result<std::vector<int>> append_all(T op, std::vector<int> inputs, const std::vector<Type>& types, const std::string& suffix) {
    std::vector<NewTensor> outputs;
    for (std::size_t i = 0; i < types.size(); ++i) outputs.push_back({name_of_output(i) + suffix, types[i]});
    return builder_.append(make_node(std::move(op), std::move(inputs), true), outputs);
  }
  template <class T>
  Node make_node(T op, std::vector<int> inputs, bool counts_as_source) {
    Node node;
    node.name = name_;
    node.attributes.Set(std::move(op));
    node.inputs = std::move(inputs);
    if (counts_as_source) node.sources = {source_};
    return node;
  }
  [[nodiscard]] Result<int> reshaped(int x, std::vector<int> shape, const std::string& suffix);
  /// Of output i; made up where it has none.
  [[nodiscard]] std::string name_of_output(std::size_t i) const;

  GraphBuilder& builder_;
  const onnx::NodeProto& proto_;
  int opset_;
  int source_;
  std::string name_;
  bool output_is_graph_output_;
  BranchImport* branches_;
};

/// How one ONNX operator is imported.
struct Importer {
  std::size_t min_inputs, max_inputs;
  Result<void> (*import)(NodeImport& node);
  bool takes_nothing = false;  ///< its inputs may be tensors without elements, of which it makes such ones
};

/// Importers by the ONNX operator's name.
class ImporterTable {
 public:
  void add(std::string_view onnx_operator, Importer importer) { rows_.emplace(onnx_operator, importer); }
  [[nodiscard]] const Importer* find(std::string_view onnx_operator) const {
    const auto found = rows_.find(onnx_operator);
    return found == rows_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const std::map<std::string, Importer, std::less<>>& rows() const noexcept { return rows_; }

 private:
  std::map<std::string, Importer, std::less<>> rows_;
};

/// Every importer there is.
[[nodiscard]] const ImporterTable& importers();

/// "its kernel_h is 99999999999": `value` as the schema's int, an error where it does not fit.
[[nodiscard]] Result<int> to_int(std::int64_t value, const char* what);

/// A Reshape or an Expand to a shape.
template <class T>
[[nodiscard]] Result<T> to_shape(const std::vector<std::int64_t>& shape) {
  T op;
  for (const std::int64_t size : shape) {
    OCTET_TRY(const int s, to_int(size, "shape"));
    op.shape.push_back(s);
  }
  return op;
}

/// A number as text that no other number has.
[[nodiscard]] std::string exact(double value);

/// "its input is bool; f32, s32 and s64 are supported": unsupported, unless the tensor has one of these types or is quantized.
[[nodiscard]] Result<void> check_supported_type(const NodeImport& node, int tensor, std::initializer_list<Type> types);

/// An axis in [-rank, rank) as one in [0, rank).
[[nodiscard]] Result<int> normalize_axis(std::int64_t axis, std::size_t rank);

/// An error of code unsupported; the driver adds the node.
[[nodiscard]] Error unsupported(std::string message);

}  // namespace octet
