// Which layers of a quantized graph lose accuracy, told in terms of the float graph it was made of.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph.h"

namespace octet {

/// Tensors of a float graph, by the names their quantized forms have.
class Twins {
 public:
  explicit Twins(const Graph& real);

  /// The f32 tensor of the same shape that `quantized`, f32 or u8 with one scale, stands for; kAbsent if there is none.
  [[nodiscard]] int of(const Tensor& quantized) const;

 private:
  const Graph& real_;
  std::map<std::string, int> by_name_;
};

/// What quantization makes of one layer, while all others stay as they are.
struct LayerForm {
  /// Constants that change (but for corrected biases, which make up for errors of other layers), by the node's input: f32 at the values that are left after quantization, or s8 weights of a dynamic
  /// product.
  std::vector<std::pair<std::size_t, Tensor>> constants;
  /// The u8 parameters its output takes; absent where it stays f32.
  std::optional<Quantization> output;
};

/// A layer of the quantized graph and its twin. Layers that only move bytes, and those in float, are none.
struct QuantizedLayer {
  int node = kAbsent;            ///< of the float graph; kAbsent where the layer is an input of the model
  int tensor = kAbsent;          ///< of the float graph: its output
  std::size_t quantized_node = 0;
  LayerForm form;
};

/// In the quantized graph's order. Both graphs have been checked; they may have nothing to do with each other.
[[nodiscard]] std::vector<QuantizedLayer> quantized_layers(const Graph& quantized, const Graph& real);

/// The real values of a constant with scales and zero-points along axis 0 or for all, as an f32 tensor.
[[nodiscard]] Tensor dequantized(const Tensor& constant);

}  // namespace octet
