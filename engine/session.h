// Behind octet::Session: steps, arena and the run loop, with the hooks calibration, verification and profiling need.
//
// A session's batch is run in passes of equal size (micro-batches), small enough for the caches. They never wait for each other: with
// several threads each takes whole passes through all layers, in a lane of its own, where the batch can be shared out so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/operator.h"
#include "kernels/team.h"

namespace octet {

/// What tools ask of a session beyond the public options.
struct SessionTools {
  bool keep_tensors = false;  ///< no sharing of memory: every tensor can be read after run(); implies stepwise
  bool stepwise = false;      ///< one pass and a step for each node: Impl::after_step sees what each writes, of the whole batch
};

struct Session::Impl {
  std::shared_ptr<const Model::Impl> model;
  std::vector<Shape> shapes;  ///< of every tensor, in one pass
  std::vector<TensorInfo> inputs, outputs;  ///< of the whole batch
  std::int64_t passes = 1;
  kernels::Isa isa = kernels::Isa::reference;
  int threads = 1;
  bool made_after_fork = false;
  std::unique_ptr<kernels::Team> team;  ///< null: one thread, or OpenMP's

  struct PlannedStep {
    Step step;
    std::size_t node;
    /// The node that was to read this one's output, if the step does its work, too: it stores that node's output, and this one's
    /// is nowhere.
    std::optional<std::size_t> tail;
    std::size_t scratch = 0;  ///< offset in a lane's arena
  };
  std::vector<PlannedStep> steps;
  /// Called after each step with its index in `steps`, if set; then all passes run one after the other.
  std::function<void(std::size_t)> after_step;

  /// What one pass at a time works in.
  struct Lane {
    std::vector<std::byte*> buffers;  ///< of every tensor; the caller's ones are set before each pass
    std::byte* arena = nullptr;
    const char* failure = nullptr;  ///< why a step of the run failed, and which
    std::size_t failed_step = 0;
  };
  std::vector<Lane> lanes;

  /// A tensor in memory of the caller: the position of an input, or that of an output after all inputs.
  struct CallerTensor {
    int tensor;
    std::size_t position;
    std::size_t bytes;  ///< of one pass
  };
  std::vector<CallerTensor> caller_tensors;
  std::vector<std::byte*> bound;  ///< the caller's addresses, by position
  std::shared_ptr<std::byte> arena;  ///< of all lanes
  std::size_t arena_bytes = 0, weight_bytes = 0;

  [[nodiscard]] const Graph& graph() const noexcept { return model->graph; }
  /// A tensor's address after run(): constants and, with keep_tensors, everything.
  [[nodiscard]] const std::byte* data(int tensor) const noexcept { return lanes[0].buffers[static_cast<std::size_t>(tensor)]; }

  Result<void> bind(std::span<const InputTensor> inputs, std::span<const OutputTensor> outputs);
  Result<void> run(std::span<const InputTensor> inputs, std::span<const OutputTensor> outputs);
  /// Passes [begin, end) in lane `index`, until a step fails. Throws what after_step throws.
  void run_passes(std::size_t index, std::int64_t begin, std::int64_t end);
};

/// Model::session with tools.
[[nodiscard]] Result<Session> make_session(const Model& model, const SessionOptions& options, const SessionTools& tools);

/// The cap that `name`, or OCTET_ISA where it is empty, or else this CPU, sets. Unknown or missing ones are
/// invalid_argument errors.
[[nodiscard]] Result<kernels::Isa> isa_cap(const std::string& name);

}  // namespace octet
