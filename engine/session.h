// Behind octet::Session: steps, arena and the run loop, with the hooks calibration, verification and profiling need.
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
  bool keep_tensors = false;  ///< a step for each node and no sharing of memory: every tensor can be read after run()
};

struct Session::Impl {
  std::shared_ptr<const Model::Impl> model;
  std::vector<Shape> shapes;  ///< of every tensor, at this batch
  std::vector<TensorInfo> inputs, outputs;
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
    std::byte* scratch = nullptr;
  };
  std::vector<PlannedStep> steps;
  /// Called after each step with its index in `steps`, if set.
  std::function<void(std::size_t)> after_step;

  std::vector<std::byte*> buffers;  ///< of every tensor; the caller's ones are set by run()
  /// Tensors that share the memory of another one that belongs to the caller: {tensor, owner}.
  std::vector<std::pair<int, int>> caller_aliases;
  std::shared_ptr<std::byte> arena;
  std::size_t arena_bytes = 0, weight_bytes = 0;

  [[nodiscard]] const Graph& graph() const noexcept { return model->graph; }
  /// A tensor's address after run(): constants and, with keep_tensors, everything.
  [[nodiscard]] const std::byte* data(int tensor) const noexcept { return buffers[static_cast<std::size_t>(tensor)]; }

  Result<void> bind(std::span<const InputTensor> inputs, std::span<const OutputTensor> outputs);
  Result<void> run(std::span<const InputTensor> inputs, std::span<const OutputTensor> outputs);
};

/// Model::session with tools.
[[nodiscard]] Result<Session> make_session(const Model& model, const SessionOptions& options, const SessionTools& tools);

/// The cap that `name`, or OCTET_ISA where it is empty, or else this CPU, sets. Unknown or missing ones are
/// invalid_argument errors.
[[nodiscard]] Result<kernels::Isa> isa_cap(const std::string& name);

}  // namespace octet
