#include <algorithm>

#include "converter/onnx/importers/taps.h"

namespace octet {
namespace {

/// Dilated, of more than two axes, or with indices.
Result<void> import_general(NodeImport& node, int x, const std::vector<std::int64_t>& kernel) {
  OCTET_TRY(const std::int64_t storage_order, node.attributes.integer("storage_order", 0));
  OCTET_TRY(const Taps taps, read_taps(node, node.shape(x), kernel));
  OCTET_TRY(const std::int64_t ceil_mode, node.attributes.integer("ceil_mode", 0));
  Compose make(node);
  if (node.reads_output(1)) {
    OCTET_TRY(const Maximum y, pool_maximum_with_indices(node, make, x, taps, ceil_mode != 0, storage_order != 0));
    OCTET_CHECK(make.finish(y.value, 0));
    return make.finish(y.index, 1);
  }
  OCTET_TRY(const int y, pool_maximum(node, make, x, taps, ceil_mode != 0));
  return make.finish(y);
}

Result<void> import_max_pool(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const auto kernel, node.attributes.integers("kernel_shape", {}));
  OCTET_TRY(const auto dilations, node.attributes.integers("dilations", {}));
  if (node.reads_output(1) || node.rank(x) > 4 || std::ranges::any_of(dilations, [](std::int64_t d) { return d != 1; })) return import_general(node, x, kernel);
  OCTET_CHECK(check_supported_type(node, x, {Type::f32, Type::u8}));
  OCTET_CHECK(check_image(node, x));
  OCTET_TRY(Window window, read_window(node, node.shape(x), kernel));
  OCTET_CHECK(resolve_ceil_mode(node, node.shape(x), false, window));
  node.attributes.ignore("storage_order");  // of the indices

  schema::MaxPoolT op;
  set_pads_and_strides(window, op);
  op.kernel_h = window.kernel[0], op.kernel_w = window.kernel[1];
  OCTET_TRY(const int image, node.to_image(x));
  OCTET_TRY(const int y, node.emit_inner(std::move(op), {image}, NodeImport::kChannelsLast));
  return node.emit_image(y, node.rank(x));
}

}  // namespace

void register_max_pool(ImporterTable& table) { table.add("MaxPool", {1, 1, import_max_pool}); }

}  // namespace octet
