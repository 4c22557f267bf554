// The samples of --data, as the inputs of a model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/data/array.h"

namespace octet::cli {

/// --data, --samples, and what becomes of images.
struct DataOptions {
  std::vector<std::string> data;
  std::optional<std::int64_t> samples;
  std::optional<int> resize, crop;
  std::string channels = "rgb";

  void add(CLI::App& command, bool required);
};

/// Samples for every input of a model, kept in the type they were read in and converted when asked for.
class Feed final : public Samples {
 public:
  /// Reads the files and checks that they fit. `normalization` is applied to f32 inputs. Errors name the file or input.
  static Result<Feed> open(const std::vector<TensorInfo>& inputs, const DataOptions& options,
                           std::shared_ptr<const Normalization> normalization);

  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] Result<void> read(std::size_t input, std::int64_t first, std::int64_t n,
                                  std::span<float> values) const override;
  [[nodiscard]] Result<void> read_integers(std::size_t input, std::int64_t first, std::int64_t n,
                                           std::span<std::int64_t> values) const override;

  /// Samples [first, first + n) of an input in its own type.
  [[nodiscard]] Result<void> read_bytes(std::size_t input, std::int64_t first, std::int64_t n,
                                        std::span<std::byte> bytes) const;

  /// The same samples for another model's inputs (an ONNX model beside the .octet made of it).
  [[nodiscard]] Result<Feed> with(const std::vector<TensorInfo>& inputs,
                                  std::shared_ptr<const Normalization> normalization) const;

  /// Every input takes any number of samples at a time.
  [[nodiscard]] bool batched() const noexcept;

  /// An error where the data has a NaN or an infinity, naming the file and the sample.
  [[nodiscard]] Result<void> check_finite() const;

  /// XXH64 of all sample bytes, for provenance.
  [[nodiscard]] std::uint64_t hash() const;

 private:
  struct Source {
    TensorInfo info;
    std::shared_ptr<const Array> array;
    std::string path;  ///< the file it was read from
  };
  static Error does_not_fit(const Source& source, const std::string& message);
  static Result<Feed> make(std::vector<Source> sources, std::shared_ptr<const Normalization> normalization);

  std::vector<Source> sources_;
  std::shared_ptr<const Normalization> normalization_;
  std::int64_t count_ = 0;
};

/// Runs a session over all samples of a feed, batch by batch, one by one where the model fixes the batch; the last
/// batch may be smaller and gets a session of its own.
class Runner {
 public:
  /// `after` sees each batch's outputs (the session's order) and how many samples they are.
  using After = std::function<Result<void>(Session& session, const std::vector<std::vector<std::byte>>& outputs,
                                           std::int64_t first, std::int64_t n)>;
  using MakeSession = std::function<Result<Session>(std::int64_t batch)>;

  static Result<void> run(const Feed& feed, std::int64_t batch, const std::string& what, const MakeSession& make,
                          const After& after);
};

}  // namespace octet::cli
