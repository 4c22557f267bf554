// Which nodes stay in float, and why.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "converter/quantize/quantized_graph.h"

namespace octet {

inline constexpr const char* kWantedInFloat = "kept in float on request";

/// Whether a node is made of one of these source nodes.
[[nodiscard]] bool wanted_in_float(const Graph& graph, const Node& node, const std::vector<std::string>& float_nodes);

/// Judges the nodes of a float graph in order, each before it is added to the quantized one.
class FloatReasons {
 public:
  /// `float_nodes` are names of source nodes.
  FloatReasons(const QuantizedGraph& to, const std::vector<std::string>& float_nodes) : to_(to), float_nodes_(float_nodes) {}

  /// Why a node must stay in float; empty if it need not.
  [[nodiscard]] std::string of(const Node& node);

 private:
  [[nodiscard]] bool has_given_mask(const Node& node) const;
  [[nodiscard]] bool outweighs(const Node& node) const;
  [[nodiscard]] bool has_bytes(int tensor);
  [[nodiscard]] bool shares_scale(const Node& node) const;
  [[nodiscard]] std::string lacks_quantization(const Node& node);

  const QuantizedGraph& to_;
  const std::vector<std::string>& float_nodes_;
  std::map<int, bool> source_bytes_;  // of constants: whether they have exact_bytes()
};

}  // namespace octet
