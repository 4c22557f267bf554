// A graph run node by node on several pieces of samples side by side, with only what is still needed in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/graph.h"
#include "engine/operator.h"
#include "octet/converter.hpp"

namespace octet {

/// Multiply-accumulates of one sample.
[[nodiscard]] std::uint64_t macs_of(const Graph& graph);

/// Memory of the tensors that live at once, at batch 1: what one sample of a walk takes at most.
[[nodiscard]] std::size_t peak_tensor_bytes(const Graph& graph);

/// Constants of nodes that have not been run yet may be changed in the graph: each node is prepared when it is run, and its packed
/// weights are gone afterwards. int8 nodes use `threads`, which does not change what they compute; f32 nodes use one.
class GraphWalk {
 public:
  /// Every piece has `batch` samples. The graph must stay where it is.
  [[nodiscard]] static Result<GraphWalk> make(const Graph& graph, std::int64_t batch, int threads);

  /// A piece that begins with sample `first`.
  Result<void> add(const Samples& samples, std::int64_t first);

  /// Runs the next node on every piece.
  Result<void> step();
  /// Its index; the number of nodes at the end.
  [[nodiscard]] std::size_t next() const noexcept { return next_; }

  [[nodiscard]] std::size_t pieces() const noexcept { return pieces_.size(); }
  [[nodiscard]] const std::vector<Shape>& shapes() const noexcept { return shapes_; }
  /// A tensor that the next node reads.
  [[nodiscard]] const std::byte* data(std::size_t piece, int tensor) const noexcept { return pieces_[piece].address[static_cast<std::size_t>(tensor)]; }

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept;
  };
  using Block = std::unique_ptr<std::byte[], Free>;
  struct Piece {
    std::vector<std::byte*> address;  ///< of every tensor there is
    std::vector<Block> blocks;        ///< of the tensors that are not constants
  };

  GraphWalk(const Graph& graph, std::int64_t batch, std::vector<Shape> shapes, kernels::Isa isa, int threads);
  [[nodiscard]] static Block allocate(std::size_t bytes);
  [[nodiscard]] std::size_t bytes_of(int tensor) const;

  const Graph* graph_;
  std::int64_t batch_;
  std::vector<Shape> shapes_;
  kernels::Isa isa_;
  int threads_;
  std::vector<std::size_t> last_;  ///< of each tensor: the last node that reads it
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
};

}  // namespace octet
