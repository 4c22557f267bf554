// A model as ONNX: the public export_onnx.
#include <onnx/onnx-ml.pb.h>

#include <limits>

#include "converter/onnx/exporters/export_graph.h"
#include "engine/model.h"
#include "octet/converter.hpp"

namespace octet {
namespace {

constexpr int kOpset = 17;
constexpr int kIrVersion = 8;

Result<std::vector<std::byte>> exported(const Graph& graph) {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("octet");
  model.set_producer_version(version());
  model.add_opset_import()->set_version(kOpset);
  model.mutable_graph()->set_name(graph.provenance.source_name.empty() ? "octet" : graph.provenance.source_name);
  ExportGraph e(graph, *model.mutable_graph());
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const Exporter write = find_exporter(node.op());
    if (write == nullptr) return Error{ErrorCode::unsupported, std::string(name_of(node.op())) + " cannot be exported", describe(graph, n)};
    e.begin(node);
    if (auto ok = write(e, node); !ok) return std::move(ok).error().in(describe(graph, n));
  }
  e.finish();
  const std::size_t size = model.ByteSizeLong();
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return Error{ErrorCode::unsupported, "an ONNX file holds at most 2 GiB; this one would have " + std::to_string(size) + " bytes", {}};
  std::vector<std::byte> bytes(size);
  if (!model.SerializeToArray(bytes.data(), static_cast<int>(size))) return Error{ErrorCode::run_failed, "cannot write the model as protobuf", {}};
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> export_onnx(const Model& model) {
  try {
    return exported(model.impl().graph);
  } catch (const std::exception&) {
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
