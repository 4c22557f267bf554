#include "converter/onnx/importers/softmax.h"

namespace octet {

void register_softmax(ImporterTable& table) { table.add("Softmax", {1, 1, import_along_axis<schema::SoftmaxT>}); }

}  // namespace octet
