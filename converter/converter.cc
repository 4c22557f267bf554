#include "converter/onnx/import.h"
#include "converter/passes/passes.h"
#include "engine/model.h"
#include "octet/converter.hpp"

namespace octet {
namespace {

Result<Model> import_file(const OnnxModel& file, const ImportOptions& options) {
  OCTET_TRY(Graph graph, import_onnx(file, options));
  OCTET_CHECK(optimize(graph));
  return make_model(std::move(graph));
}

}  // namespace

Result<Model> import_onnx(const std::string& path, const ImportOptions& options) {
  try {
    OCTET_TRY(const OnnxModel file, read_onnx(path));
    auto model = import_file(file, options);
    if (!model) return std::move(model).error().in(path);
    return model;
  } catch (const std::exception&) {  // bad_alloc, or a container's length_error
    return Error{ErrorCode::run_failed, "out of memory", path};
  }
}

}  // namespace octet
