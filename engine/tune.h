// Choosing among kernels by the clock. They all give the same bytes, so the choice changes nothing but time.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "engine/operator.h"
#include "engine/session.h"

namespace octet {

class Tuner {
 public:
  /// Of a session whose shapes and threads are known.
  Tuner(const Session::Impl& session, std::size_t memory_limit_bytes) : session_(session), memory_limit_bytes_(memory_limit_bytes) {}

  /// Puts the fastest of `step`, which the rules prefer, and `others` into `step`, and the times into its `why`. Leaves it where the
  /// time for the whole session is used up, or the node's tensors are beyond the memory limit.
  void choose(const NodeView& node, Step& step, std::vector<Step>& others);

 private:
  using Clock = std::chrono::steady_clock;

  const Session::Impl& session_;
  std::size_t memory_limit_bytes_;
  Clock::duration used_{};
};

}  // namespace octet
