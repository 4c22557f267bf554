// The in-memory graph: what the converter builds and rewrites, and what the engine checks and executes. Float and
// quantized graphs are the same structure; a tensor's type says which arithmetic its operators use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "octet/octet.hpp"
#include "octet_generated.h"

namespace octet {

using Shape = std::vector<std::int64_t>;

/// Bytes of a constant, and whoever keeps them alive (the model file's buffer, or a vector of its own).
class Constant {
 public:
  Constant() = default;
  Constant(std::shared_ptr<const void> owner, std::span<const std::byte> bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  template <class T>
  static Constant of(std::vector<T> values) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    auto bytes = std::as_bytes(std::span(*owner));
    return {std::move(owner), bytes};
  }

  /// Some of the bytes, with the same owner.
  [[nodiscard]] Constant part(std::size_t offset, std::size_t size) const { return {owner_, bytes_.subspan(offset, size)}; }

  [[nodiscard]] bool present() const noexcept { return owner_ != nullptr; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  template <class T>
  [[nodiscard]] std::span<const T> as() const noexcept {
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

/// real = scales[c] * (q - zero_points[c]); empty where the tensor is not quantized. See schema/octet.fbs.
struct Quantization {
  std::vector<float> scales;
  std::vector<std::int32_t> zero_points;
  int axis = -1;

  [[nodiscard]] bool present() const noexcept { return !scales.empty(); }
  [[nodiscard]] float scale() const noexcept { return scales[0]; }
  [[nodiscard]] std::int32_t zero_point() const noexcept { return zero_points.empty() ? 0 : zero_points[0]; }
  bool operator==(const Quantization&) const = default;
};

/// How the model a tensor was imported from stored it; for the converter, not in files.
struct SourceForm {
  /// Of an f32 constant: the integers its values were made from, real = scales[c] * (q - zero_points[c]).
  Quantization quant;
  bool s8 = false;  ///< of u8: the source's values are s8, 128 less
};

struct Tensor {
  std::string name;
  Type type = Type::f32;
  Shape shape;           ///< at batch 1
  bool batched = false;  ///< the leading size is multiplied by the batch
  Quantization quant;
  Constant data;         ///< present for constants
  SourceForm source{};


  [[nodiscard]] bool constant() const noexcept { return data.present(); }
};

/// Highest rank of a tensor.
inline constexpr std::size_t kMaxRank = 8;

/// Index of an absent optional input.
inline constexpr int kAbsent = -1;

/// For indices of tensors, nodes and axes, which are signed.
[[nodiscard]] constexpr std::size_t at(std::int64_t index) noexcept { return static_cast<std::size_t>(index); }

/// One operator. `attributes` is the schema's union: its tag is the operator, its table the parameters.
struct Node {
  std::string name;
  schema::OperatorUnion attributes;
  std::vector<int> inputs;   ///< tensor indices, kAbsent for absent optional inputs
  std::vector<int> outputs;  ///< tensor indices
  std::vector<int> sources;  ///< source nodes this was made from, the one it is named after first
  std::string float_reason;  ///< why it is f32 inside a quantized graph

  [[nodiscard]] schema::Operator op() const noexcept { return attributes.type; }
  /// The parameters as table T (for example schema::ConvT); the tag must match.
  template <class T>
  [[nodiscard]] const T& as() const noexcept {
    return *static_cast<const T*>(attributes.value);
  }
  template <class T>
  [[nodiscard]] T& as() noexcept {
    return *static_cast<T*>(attributes.value);
  }
};

/// Node::attributes of an operator's table.
template <class T>
[[nodiscard]] schema::OperatorUnion attributes(T table) {
  schema::OperatorUnion u;
  u.Set(std::move(table));
  return u;
}

/// A node of the source model.
struct SourceNode {
  std::string name;
  std::string op_type;
};

/// x = (byte * scale - mean[c]) / std[c]; one mean and std, or one a channel.
struct Preprocessing {
  float scale = 1;
  std::vector<float> mean{0.0F};
  std::vector<float> std{1.0F};
};

struct Provenance {
  std::string tool_version;
  std::string source_name;
  std::uint64_t source_hash = 0;
  std::uint64_t source_bytes = 0;
  std::string calibrator;  ///< empty for float graphs
  std::uint64_t calibration_samples = 0;
  std::uint64_t calibration_hash = 0;
  std::string calibrator_options;  ///< its parameters, in words; empty if it has none
  std::string weight_calibrator;
  std::string repair;  ///< what was done against loss of accuracy, separated by commas
};

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  ///< every tensor is written before it is read
  std::vector<int> inputs;
  std::vector<int> outputs;
  /// For each input, how its raw bytes became real values; absent where the model takes real values.
  std::vector<std::shared_ptr<const Preprocessing>> preprocessing;
  std::vector<SourceNode> source_nodes;
  Provenance provenance;
};

/// Product of the sizes; -1 if it overflows or a size is negative.
[[nodiscard]] std::int64_t element_count(const Shape& shape) noexcept;

/// Whether a tensor of this shape has no elements. Such ones are graph inputs, constants, and what a Reshape makes of them.
[[nodiscard]] bool is_empty(const Shape& shape) noexcept;

/// "1x28x28x1".
[[nodiscard]] std::string to_string(const Shape& shape);

/// "Conv", "FullyConnected": the operator's one name.
[[nodiscard]] const char* name_of(schema::Operator op) noexcept;

/// "node 3 'conv1' (Conv)", for Error::where.
[[nodiscard]] std::string describe(const Graph& graph, std::size_t node);

/// Shape of every tensor with the batch given, constants included. Errors name the node.
[[nodiscard]] Result<std::vector<Shape>> infer_shapes(const Graph& graph, std::int64_t batch);

/// Recomputes Tensor::shape and Tensor::batched of every computed tensor from the graph's inputs: a size that follows the
/// batch must be the leading one.
[[nodiscard]] Result<void> resolve_shapes(Graph& graph);

/// Everything an untrusted graph must satisfy before it may be prepared: indices, order, types, shapes, quantization
/// parameters, accumulator bounds. Errors name the tensor or node.
[[nodiscard]] Result<void> check_graph(const Graph& graph);

}  // namespace octet
