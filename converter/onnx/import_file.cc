// The public import_onnx: a file as a model that runs.
#include "converter/onnx/import.h"
#include "converter/passes/passes.h"
#include "engine/model.h"
#include "engine/try.h"

namespace octet {
namespace {

/// The parsed file is gone when this returns; the passes need its memory.
Result<Graph> imported(const std::string& path, const ImportOptions& options, Batch batch) {
  OCTET_TRY(const OnnxModel source, read_onnx(path));
  auto graph = import_onnx(source, options, batch);
  if (!graph) return std::move(graph).error().in(path);
  return graph;
}

Result<Model> import(const std::string& path, const ImportOptions& options, Batch batch) {
  OCTET_TRY(Graph graph, imported(path, options, batch));
  if (auto ok = optimize(graph); !ok) return std::move(ok).error().in(path);
  auto model = make_model(std::move(graph));
  if (!model) return std::move(model).error().in(path);
  return model;
}

}  // namespace

Result<Model> import_onnx(const std::string& path, const ImportOptions& options) {
  try {
    auto model = import(path, options, Batch::free);
    if (model || model.error().code != ErrorCode::unsupported) return model;
    // What it says for a batch of 1 stands even where the batch leaves the leading axis.
    auto fixed = import(path, options, Batch::fixed);
    return fixed ? std::move(fixed) : std::move(model);
  } catch (const std::exception&) {  // bad_alloc
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
