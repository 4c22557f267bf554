// Tensor data that an ONNX model keeps in files beside its own. Location, offset and length come from the model, which may be
// hostile: nothing outside the model's folder is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "octet/result.hpp"

namespace onnx {
class TensorProto;
}

namespace octet {

class ExternalData {
 public:
  /// For a model in this folder; empty for one that is not in a file.
  explicit ExternalData(std::string folder) : folder_(std::move(folder)) {}

  /// The `bytes` bytes of a tensor whose data_location is EXTERNAL. Errors (invalid_file): a location that is not a plain relative
  /// path, or leads through a symbolic link or to anything but a regular file; an offset or length beyond the file; lengths that do
  /// not fit; data that shares too much with that of other tensors. unsupported: a key nobody knows; more than 8 GiB in all.
  [[nodiscard]] Result<std::vector<std::byte>> read(const onnx::TensorProto& proto, std::uint64_t bytes);

  /// Of everything read so far, in order: size, and a hash that is 0 while there is nothing.
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

 private:
  std::string folder_;
  std::map<std::string, std::uint64_t> taken_;  // bytes read, by location
  std::uint64_t bytes_read_ = 0, hash_ = 0;
};

}  // namespace octet
