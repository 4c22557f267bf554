// Rewrites of a float graph. None changes what the graph computes (beyond rounding), its inputs and outputs, or their
// names. When nodes merge, the survivor has the name of the first and the sources of all, and writes the tensor the
// last one wrote: a tensor's name stays that of the ONNX value it holds.
//
// A pass that fails leaves the graph unusable. All take time and memory linear in the graph's, whatever the file says.
#pragma once

#include "engine/graph.h"

namespace octet {

/// Every pass in its order, then a check of the result.
[[nodiscard]] Result<void> optimize(Graph& graph);

/// Nodes that read only constants become constants.
[[nodiscard]] Result<void> fold_constants(Graph& graph);

/// Moves Transposes towards the outputs until they meet their inverse, a node that cannot work in another layout, or an
/// output; permutes constants instead of activations; drops and merges Reshapes. See channels_last.cc.
[[nodiscard]] Result<void> channels_last(Graph& graph);

/// Reduce, Sub, Mul, Add, Sqrt, Div ... that together normalize rows -> LayerNormalization.
[[nodiscard]] Result<void> recognize_layer_norm(Graph& graph);

/// MatMul of two activations and Muls by a number before or after it: into its scale.
[[nodiscard]] Result<void> fold_scale(Graph& graph);

/// Elementwise nodes that together compute a function of one value (Gelu, Silu, HardSwish, Mish ... spelt out) -> Pointwise.
[[nodiscard]] Result<void> recognize_functions(Graph& graph);

/// Activations quantized with a scale for each channel: one scale for all, the channels' own in the weights beside them.
[[nodiscard]] Result<void> fold_channel_scales(Graph& graph);

/// Conv or FullyConnected, then Mul, Div and Add with constants that are one value or one for each channel
/// (BatchNormalization): into weights and bias, in f64, rounded once.
[[nodiscard]] Result<void> fold_affine(Graph& graph);

/// Conv, FullyConnected, Add, Sub or Mul, then Clip: into clamp_min and clamp_max.
[[nodiscard]] Result<void> fuse_clamp(Graph& graph);

/// Scales channels by powers of two between the products that write and read them, until their ranges of weights match; see
/// equalize.cc, and channel_scales.h for the channels it may touch. Outputs stay exactly what they were (but for weights so
/// small that a factor makes them denormal); other tensors then hold their ONNX values times a power of two for each channel.
/// through_bounds: of channels clamped between 0 and a bound (ReLU6), too, which takes a Min with a bound for each channel after
/// their product. For graphs that are to be quantized: not part of optimize(). False, and nothing changed, where all is balanced.
[[nodiscard]] Result<bool> equalize(Graph& graph, bool through_bounds = false);

/// Softmax of scores with a bias that is 0 or a large negative number, or of Where(mask, scores, such a number) -> Softmax with a mask.
/// Masks are bools, or integers or real inputs that hold 0 and 1 (of which anything but 0 counts as 1); where several were added, a
/// row that is masked throughout may differ. For graphs that are to be quantized: not part of optimize(). False, and the graph as it
/// was, where there are none.
[[nodiscard]] Result<bool> recognize_masks(Graph& graph);

/// Drops nodes and tensors that no output depends on (inputs stay).
[[nodiscard]] Result<void> remove_dead(Graph& graph);

}  // namespace octet
