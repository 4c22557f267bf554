// The graph channels_last builds: a copy of the old one in which a tensor may be there in another layout.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "converter/passes/edit.h"
#include "converter/passes/permutation.h"
#include "engine/try.h"

namespace octet {

/// How the new graph knows a tensor of the old one: as Transpose(base, perm) or, where `reshaped`, as a Reshape of that
/// to the tensor's shape. Neither is in the graph until somebody needs the tensor as it was.
struct View {
  int base = kAbsent;  ///< in the new graph
  Permutation perm;
  bool reshaped = false;
  /// Source nodes of what is not in the graph yet.
  std::vector<int> transpose_sources, reshape_sources;

  [[nodiscard]] bool exact() const { return !reshaped && is_identity(perm); }
};

class LayoutGraph {
 public:
  /// `batch_axes`: for each tensor of the old graph, the axis that follows the batch, or -1.
  LayoutGraph(const Graph& old, std::vector<int> batch_axes);

  [[nodiscard]] const Tensor& old_tensor(int t) const { return old_.tensors[static_cast<std::size_t>(t)]; }
  [[nodiscard]] const Tensor& tensor(int t) const { return new_.tensors[static_cast<std::size_t>(t)]; }
  /// The axis that follows the batch, or -1.
  [[nodiscard]] int old_batch_axis(int t) const { return old_batch_axis_[static_cast<std::size_t>(t)]; }
  [[nodiscard]] int batch_axis(int t) const { return batch_axis_[static_cast<std::size_t>(t)]; }
  [[nodiscard]] const View& view(int old);
  void set_view(int old, View view) { views_[static_cast<std::size_t>(old)] = std::move(view); }

  /// Says that a new tensor holds an old one in another layout (and may have its name).
  void set_origin(int tensor, int old) { origin_[static_cast<std::size_t>(tensor)] = old; }

  /// Whether the Transpose of a view has work to do.
  [[nodiscard]] bool moves(const View& view) const {
    return moves_data(tensor(view.base).shape, batch_axis(view.base), view.perm);
  }

  // Tensors of the new graph that hold an old tensor; what they need is added.
  /// As it was.
  [[nodiscard]] int exact(int old);
  /// As the b of old = Transpose(b, p). A constant of lower rank than p is filled up with sizes of 1 in front, and
  /// `trim` drops those of the result.
  [[nodiscard]] Result<int> in_layout(int old, const Permutation& p, bool trim);
  /// How many Transposes in_layout(old, p) would add that move data; constants are rewritten and count nothing.
  [[nodiscard]] int cost_in_layout(int old, const Permutation& p);

  /// `x` under another shape, of which this axis follows the batch; Reshapes merge, and one that changes nothing is x
  /// itself.
  [[nodiscard]] int reshape(int x, const Shape& shape, int batch_axis, const std::string& name, int origin,
                            const std::vector<int>& sources);
  /// `weights` [O, K], K being the product of `axes` in the order `order` of them, with the columns in the order 0, 1
  /// ...; kAbsent where that is too much to copy.
  [[nodiscard]] Result<int> with_permuted_columns(int old_weights, const Shape& axes, const Permutation& order);

  /// Adds a node, its inputs being new tensors already, and the tensors it writes: each old output as b of Transpose(b, p),
  /// or as it was where p is empty. The old outputs are then viewed so.
  void emit(Node node, const Permutation& p);
  /// The same for one output shaped like the new tensor `like`; the view is the caller's. Returns the tensor.
  int emit_like(Node node, const Permutation& p, int like);

  /// Outputs, names and shapes.
  [[nodiscard]] Result<Graph> finish();

 private:
  [[nodiscard]] int add_tensor(Tensor tensor, int batch_axis, int origin);
  [[nodiscard]] int transpose(int x, const Permutation& p, const std::string& name, int origin,
                              const std::vector<int>& sources);
  [[nodiscard]] Result<int> constant_in_layout(int old, const Permutation& p, bool trim);
  [[nodiscard]] std::string node_name(const std::string& tensor, const std::vector<int>& sources) const;
  void bind_outputs();
  void name_tensors();

  [[nodiscard]] int add_output(int old_output, const Permutation& p, Shape shape, int batch_axis);

  const Graph& old_;
  std::vector<int> old_batch_axis_;
  Graph new_;
  std::vector<int> batch_axis_;  // of new tensors
  std::vector<View> views_;  // of old tensors
  std::vector<int> exact_;   // of old tensors: the new tensor made for exact()
  std::vector<int> origin_;  // of new tensors: the old one it holds in another layout, or -1
  std::vector<int> maker_;   // of new tensors
  std::map<std::pair<int, Permutation>, int> transposed_;
  std::map<std::pair<int, Shape>, int> reshaped_;
  std::map<std::tuple<int, Shape, Permutation>, int> constants_;
  CopyBudget budget_;
};

}  // namespace octet
