// ONNX bytes -> a parsed model. Nothing in it has been checked beyond what says that it is an ONNX model at all.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "engine/graph.h"

namespace onnx {
class ModelProto;
}

namespace octet {

/// A parsed ONNX file and where it came from. Immutable, cheap to copy.
class OnnxModel {
 public:
  OnnxModel(std::shared_ptr<const onnx::ModelProto> proto, Provenance provenance, std::string folder = {})
      : proto_(std::move(proto)), provenance_(std::move(provenance)), folder_(std::move(folder)) {}

  [[nodiscard]] const onnx::ModelProto& proto() const noexcept { return *proto_; }
  /// Name (without directory), size and XXH64 of the file, and the version of this tool.
  [[nodiscard]] const Provenance& provenance() const noexcept { return provenance_; }
  /// Where the file is, and external data beside it; empty for a model that was parsed from memory.
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  std::shared_ptr<const onnx::ModelProto> proto_;
  Provenance provenance_;
  std::string folder_;
};

/// Reads and parses a file below 2 GiB. Errors (invalid_file) carry the path.
[[nodiscard]] Result<OnnxModel> read_onnx(const std::string& path);

/// The same from memory; `name` is what the provenance will call it.
[[nodiscard]] Result<OnnxModel> parse_onnx(std::span<const std::byte> bytes, const std::string& name);

}  // namespace octet
