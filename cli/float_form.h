// The float layer an int8 one stands for, to be timed beside it.
#pragma once

#include <optional>

#include "engine/model.h"

namespace octet::cli {

/// A model of node `n` alone in f32, its constants dequantized, at the shapes given. Nothing where it has no such form: it is f32
/// already, converts between types, or its u8 form is a table of no known function.
[[nodiscard]] std::optional<Model> float_form(const Graph& graph, const std::vector<Shape>& shapes, std::size_t n);

}  // namespace octet::cli
