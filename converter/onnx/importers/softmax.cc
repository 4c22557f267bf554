#include "converter/onnx/importer.h"

namespace octet {
namespace {

/// Since opset 13 along one axis. Before, over all axes from `axis` on, which is the same only where the others are 1.
Result<void> import_softmax(NodeImport& node) {
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", node.opset() < 13 ? 1 : -1));
  OCTET_TRY(const int x, node.input(0));
  schema::SoftmaxT op;
  OCTET_TRY(op.axis, normalize_axis(wanted, node.rank(x)));
  if (node.opset() < 13)
    for (std::size_t i = static_cast<std::size_t>(op.axis) + 1; i < node.rank(x); ++i)
      if (node.shape(x)[i] != 1)
        return unsupported("before opset 13, axis " + std::to_string(wanted) +
                           " means that and all later axes, which is not supported");
  return node.emit(std::move(op), {x});
}

}  // namespace

void register_softmax(ImporterTable& table) { table.add("Softmax", {1, 1, import_softmax}); }

}  // namespace octet
