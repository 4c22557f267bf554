// A float model's tensors on a few samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/model.h"
#include "octet/converter.hpp"

namespace octet {

/// Every tensor of a float model on a few samples.
class Recording {
 public:
  /// Up to `most` samples, fewer where their tensors, or running the model `runs` times on them, would take too much; spread
  /// evenly over all of them.
  static Result<Recording> make(const Model& real, const Samples& samples, std::int64_t most, double runs);

  [[nodiscard]] const Model& model() const noexcept { return model_; }
  [[nodiscard]] const Graph& graph() const noexcept { return model_.impl().graph; }
  [[nodiscard]] std::int64_t samples() const noexcept { return samples_; }
  [[nodiscard]] std::size_t chunks() const noexcept { return chunks_.size(); }
  [[nodiscard]] std::int64_t chunk_samples(std::size_t chunk) const noexcept { return chunks_[chunk].samples; }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t chunk, int tensor) const noexcept { return chunks_[chunk].tensors[static_cast<std::size_t>(tensor)]; }
  /// Of an f32 tensor.
  [[nodiscard]] std::span<const float> values(std::size_t chunk, int tensor) const noexcept;

 private:
  explicit Recording(Model model) : model_(std::move(model)) {}
  Result<void> record(Session& session, const Samples& samples, std::int64_t first, std::int64_t n);

  struct Chunk {
    std::int64_t samples = 0;
    std::vector<std::vector<std::byte>> tensors;  ///< those that are no constants
  };
  Model model_;
  std::int64_t samples_ = 0;
  std::vector<Chunk> chunks_;
};

}  // namespace octet
