// What an ONNX model's declared inputs are to the graph.
#pragma once

#include "converter/onnx/import.h"

#include <map>
#include <string>
#include <vector>

namespace onnx {
class GraphProto;
class ValueInfoProto;
}

namespace octet {

/// The declared inputs of a graph that are no initializers, and the sizes that ImportOptions::shapes gives their open dimensions: a
/// name of a dimension ("sequence") that one given shape sets is set in every input.
class DeclaredInputs {
 public:
  DeclaredInputs(const onnx::GraphProto& graph, const ImportOptions& options);

  [[nodiscard]] const std::vector<const onnx::ValueInfoProto*>& protos() const noexcept { return protos_; }
  /// One of them as a tensor, its shape at batch 1; `batched` where the leading size is open. The narrower and wider float types
  /// become f32. Errors name the input; that open dimensions are left shows the --shape options that would set them.
  [[nodiscard]] Result<Tensor> tensor(const onnx::ValueInfoProto& input) const;

 private:
  [[nodiscard]] Result<Tensor> shaped(const onnx::ValueInfoProto& input) const;
  [[nodiscard]] Result<Tensor> with_declared_shape(Tensor input, const onnx::ValueInfoProto& proto) const;
  [[nodiscard]] std::string examples() const;

  const ImportOptions& options_;
  std::vector<const onnx::ValueInfoProto*> protos_;
  std::map<std::string, std::int64_t> sizes_;  // of dimensions with a name
};

}  // namespace octet
