#include "converter/onnx/importers/unrolled.h"

namespace octet {
namespace {

Result<void> import_rnn(NodeImport& node) { return import_unrolled(node, Cell::rnn); }

}  // namespace

void register_rnn(ImporterTable& table) { table.add("RNN", {3, 6, import_rnn}); }

}  // namespace octet
