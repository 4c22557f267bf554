// If, where it is known at conversion which branch is taken: that branch's nodes stand in its place.
#include <onnx/onnx-ml.pb.h>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

Result<const onnx::GraphProto*> read_branch(NodeImport& node, const char* name) {
  const onnx::AttributeProto* attribute = node.attributes.raw(name);
  if (attribute == nullptr) return invalid(std::string("has no ") + name);
  if (attribute->type() != onnx::AttributeProto::GRAPH || !attribute->has_g()) return invalid(std::string("its ") + name + " is not a graph");
  const onnx::GraphProto& branch = attribute->g();
  if (branch.input_size() != 0) return invalid(std::string("its ") + name + " has inputs");
  if (static_cast<std::size_t>(branch.output_size()) != node.output_places())
    return invalid(std::string("its ") + name + " has " + std::to_string(branch.output_size()) + " outputs, the node has " +
                   std::to_string(node.output_places()));
  return &branch;
}

Result<void> import_if(NodeImport& node) {
  OCTET_TRY(const Tensor condition, node.constant(0, "condition"));
  if (condition.type != Type::boolean || element_count(condition.shape) != 1) return invalid("its condition must be one bool");
  OCTET_TRY(const auto* then_branch, read_branch(node, "then_branch"));
  OCTET_TRY(const auto* else_branch, read_branch(node, "else_branch"));
  return node.import_branch(condition.data.bytes()[0] != std::byte{0} ? *then_branch : *else_branch);
}

}  // namespace

void register_branch(ImporterTable& table) { table.add("If", {1, 1, import_if}); }

}  // namespace octet
