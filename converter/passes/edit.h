// What passes share: who makes and reads a tensor, and merging nodes.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/graph.h"

namespace octet {

/// Makers and readers of a graph's tensors. Merging a node with its sole reader keeps it valid for the nodes after
/// them.
class Uses {
 public:
  explicit Uses(const Graph& graph);

  /// The node that writes a tensor; -1 for inputs and constants.
  [[nodiscard]] int maker(int tensor) const { return maker_[static_cast<std::size_t>(tensor)]; }
  /// The one node that reads it, once; -1 if there are none or several, or if it is an output of the graph.
  [[nodiscard]] int sole_reader(int tensor) const {
    return reads_[static_cast<std::size_t>(tensor)] == 1 ? reader_[static_cast<std::size_t>(tensor)] : -1;
  }
  /// How often nodes read it; more where it is an output of the graph.
  [[nodiscard]] int reads(int tensor) const { return reads_[static_cast<std::size_t>(tensor)]; }

 private:
  std::vector<int> maker_, reader_, reads_;
};

/// Appends the sources that are not there yet; a list ends at 64.
void merge_sources(std::vector<int>& sources, const std::vector<int>& more);

/// `first` takes over what `last`, its output's sole reader, wrote; `last` counts as removed.
void absorb(Node& first, Node& last);

/// Erases nodes that absorb() removed.
void erase_removed(Graph& graph);

/// Which nodes and tensors the outputs depend on; inputs count as used.
struct Live {
  std::vector<bool> nodes, tensors;
};
[[nodiscard]] Live find_live(const Graph& graph);

/// Bytes a pass may spend on copies of constants: a file whose nodes share one large constant must not take memory for
/// each of them.
class CopyBudget {
 public:
  explicit CopyBudget(const Graph& graph);
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

 private:
  std::size_t left_ = std::size_t{64} << 20U;
};

}  // namespace octet
