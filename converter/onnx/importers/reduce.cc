// Reductions: rows of a table. A mean over the image is an AveragePool of it, whose kernels are faster.
#include <algorithm>
#include <iterator>
#include <numeric>

#include "converter/onnx/importer.h"
#include "kernels/reduce/reduce.h"

namespace octet {
namespace {

using schema::Reduction;

struct Row {
  const char* onnx_operator;
  Reduction reduction;
  int axes_are_input_since;  ///< opset
};

constexpr Row kRows[] = {
    {"ReduceMean", Reduction::Mean, 18},   {"ReduceSum", Reduction::Sum, 13},       {"ReduceMax", Reduction::Max, 18},
    {"ReduceMin", Reduction::Min, 18},     {"ReduceProd", Reduction::Prod, 18},     {"ReduceL1", Reduction::L1, 18},
    {"ReduceL2", Reduction::L2, 18},       {"ReduceSumSquare", Reduction::SumSquare, 18}, {"ReduceLogSum", Reduction::LogSum, 18},
    {"ReduceLogSumExp", Reduction::LogSumExp, 18},
};

/// Ascending; all axes where none are given, unless the node says that it then does nothing.
Result<std::vector<int>> read_axes(NodeImport& node, const Row& row, std::size_t rank) {
  std::vector<std::int64_t> given;
  std::int64_t noop = 0;
  if (node.opset() >= row.axes_are_input_since) {
    OCTET_TRY(noop, node.attributes.integer("noop_with_empty_axes", 0));
    if (node.has_input(1)) {
      OCTET_TRY(given, node.constant_integers(1, "axes"));
    }
  } else {
    if (node.has_input(1)) return invalid("its axes are an attribute before opset " + std::to_string(row.axes_are_input_since));
    OCTET_TRY(given, node.attributes.integers("axes", {}));
  }
  std::vector<int> axes;
  if (given.empty() && noop == 0) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (const std::int64_t axis : given) {
    OCTET_TRY(const int a, normalize_axis(axis, rank));
    axes.push_back(a);
  }
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) return invalid("an axis is given twice");
  return axes;
}

Result<void> emit_image_mean(NodeImport& node, int x, bool keep_dims) {
  schema::AveragePoolT op;
  OCTET_TRY(op.kernel_h, to_int(node.shape(x)[2], "height"));
  OCTET_TRY(op.kernel_w, to_int(node.shape(x)[3], "width"));
  OCTET_TRY(const int image, node.to_channels_last(x));
  OCTET_TRY(const int y, node.emit_inner(std::move(op), {image}, NodeImport::kChannelsLast));
  if (keep_dims) return node.emit_channels_first(y);
  schema::ReshapeT flat;
  OCTET_TRY(const int channels, to_int(node.shape(y)[3], "channels"));
  flat.shape = {-1, channels};
  return node.emit(std::move(flat), {y});
}

Result<void> import_row(NodeImport& node) {
  const Row* row = std::begin(kRows);
  while (row->onnx_operator != node.op_type()) ++row;  // registered for exactly these
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t keep_dims, node.attributes.integer("keepdims", 1));
  OCTET_TRY(std::vector<int> axes, read_axes(node, *row, node.rank(x)));
  if (row->reduction == Reduction::Mean && node.rank(x) == 4 && axes == std::vector<int>{2, 3} && node.type(x) == Type::f32)
    return emit_image_mean(node, x, keep_dims != 0);
  if (kernels::reduces_integers(static_cast<kernels::Reduction>(row->reduction))) {
    OCTET_CHECK(check_supported_type(node, x, {Type::f32, Type::s32, Type::s64}));
  } else {
    OCTET_CHECK(check_supported_type(node, x, {Type::f32}));
  }
  schema::ReduceT op;
  op.reduction = row->reduction;
  op.axes = std::move(axes);
  op.keep_dims = keep_dims != 0;
  return node.emit(std::move(op), {x});
}

/// The largest over the whole image.
Result<void> import_global_max_pool(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) < 3) return invalid("its input has rank " + std::to_string(node.rank(x)) + ", not 3 or more");
  schema::ReduceT op;
  op.reduction = Reduction::Max;
  op.axes.resize(node.rank(x) - 2);
  std::iota(op.axes.begin(), op.axes.end(), 2);
  op.keep_dims = true;
  return node.emit(std::move(op), {x});
}

}  // namespace

void register_reduce(ImporterTable& table) {
  for (const Row& row : kRows) table.add(row.onnx_operator, {1, 2, import_row});
  table.add("GlobalMaxPool", {1, 1, import_global_max_pool});
}

}  // namespace octet
