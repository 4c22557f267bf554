#include "converter/onnx/importers/window.h"

namespace octet {
namespace {

Result<void> import_max_pool(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_CHECK(check_image(node, x));
  OCTET_TRY(const auto kernel, node.attributes.integers("kernel_shape", {}));
  OCTET_TRY(Window window, read_window(node, node.shape(x), kernel));
  OCTET_CHECK(resolve_ceil_mode(node, node.shape(x), false, window));
  OCTET_CHECK(check_not_dilated(window));
  node.attributes.ignore(
      "storage_order");  // of the second output, Indices, which the driver refuses if anything reads it

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
