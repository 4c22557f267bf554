#include "converter/onnx/importers/softmax.h"

namespace octet {

void register_log_softmax(ImporterTable& table) { table.add("LogSoftmax", {1, 1, import_along_axis<schema::LogSoftmaxT>}); }

}  // namespace octet
