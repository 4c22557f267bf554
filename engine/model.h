// Behind octet::Model: a checked graph. The converter makes models of graphs without going through a file.
#pragma once

#include <memory>
#include <vector>

#include "engine/graph.h"
#include "engine/try.h"
#include "octet/octet.hpp"

namespace octet {

struct Model::Impl {
  Graph graph;
  std::vector<TensorInfo> inputs, outputs;  ///< at batch 1
};

/// Checks a graph and wraps it.
[[nodiscard]] Result<Model> make_model(Graph graph);

/// Reads a whole regular file below 2 GiB into 64-byte aligned memory.
struct FileBytes {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};
[[nodiscard]] Result<FileBytes> read_file(const std::string& path);

/// Verified, decoded, not yet checked: constants point into `file`.
[[nodiscard]] Result<Graph> decode(const FileBytes& file);

}  // namespace octet
