#include <algorithm>

#include "converter/onnx/importers/taps.h"

namespace octet {
namespace {

Result<void> emit(NodeImport& node, int x, schema::AveragePoolT op) {
  OCTET_TRY(const int image, node.to_image(x));
  OCTET_TRY(const int y, node.emit_inner(std::move(op), {image}, NodeImport::kChannelsLast));
  return node.emit_image(y, node.rank(x));
}

/// As a sum of what the taps of its windows read.
Result<void> import_general(NodeImport& node, int x, const std::vector<std::int64_t>& kernel, bool ceil_mode, bool include_pad) {
  OCTET_TRY(const Taps taps, read_taps(node, node.shape(x), kernel));
  Compose make(node);
  OCTET_TRY(const int y, pool_mean(node, make, x, taps, ceil_mode, include_pad));
  return make.finish(y);
}

Result<void> import_average_pool(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const auto kernel, node.attributes.integers("kernel_shape", {}));
  OCTET_TRY(const std::int64_t include_pad, node.attributes.integer("count_include_pad", 0));
  OCTET_TRY(const std::int64_t ceil_mode, node.attributes.integer("ceil_mode", 0));
  OCTET_TRY(const auto dilations, node.attributes.integers("dilations", {}));
  const bool dilated = std::ranges::any_of(dilations, [](std::int64_t d) { return d != 1; });
  if (node.rank(x) > 4 || dilated) return import_general(node, x, kernel, ceil_mode != 0, include_pad != 0);
  OCTET_CHECK(check_image(node, x));
  OCTET_TRY(Window window, read_window(node, node.shape(x), kernel));
  const bool pads_count = include_pad != 0 && window.has_padding();
  OCTET_TRY(const bool plain, resolve_ceil_mode(node, node.shape(x), pads_count, window));
  if (!plain) return import_general(node, x, kernel, true, true);

  schema::AveragePoolT op;
  set_pads_and_strides(window, op);
  op.kernel_h = window.kernel[0], op.kernel_w = window.kernel[1];
  op.count_include_pad = pads_count;
  return emit(node, x, std::move(op));
}

/// The mean over the whole image.
Result<void> import_global_average_pool(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) > 4) {
    std::vector<int> axes = all_axes(node.rank(x));
    axes.erase(axes.begin(), axes.begin() + 2);
    schema::ReduceT mean;
    mean.axes = std::move(axes);
    return node.emit(std::move(mean), {x});
  }
  OCTET_CHECK(check_image(node, x));
  schema::AveragePoolT op;
  OCTET_TRY(op.kernel_h, to_int(node.rank(x) == 4 ? node.shape(x)[2] : 1, "height"));
  OCTET_TRY(op.kernel_w, to_int(node.shape(x).back(), "width"));
  return emit(node, x, std::move(op));
}

}  // namespace

void register_average_pool(ImporterTable& table) {
  table.add("AveragePool", {1, 1, import_average_pool});
  table.add("GlobalAveragePool", {1, 1, import_global_average_pool});
}

}  // namespace octet
