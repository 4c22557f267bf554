// Masks of attention that the caller gives as numbers.
#pragma once

#include <vector>

#include "engine/graph.h"

namespace octet {

/// Softmax(scores + mask), the scores made by a product of two activations, the mask by nothing but inputs of the graph, constants and
/// steps that move values or work on each alone: which nodes lie between the mask's input and the Softmax, which is included. What such
/// an input holds is the caller's choice; calibration that saw only zeros would have -10000 clamped away. (A mask that is a bool or an integer
/// somewhere has become an input of its own, see recognize_masks.cc.)
[[nodiscard]] std::vector<bool> find_given_masks(const Graph& graph);

}  // namespace octet
