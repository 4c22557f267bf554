// The threads of one session, for kernels of our own. OpenMP's threads either spin for milliseconds after every layer or sleep after
// every layer, and a layer waits for all of them: on a CPU that others use too, one of a few microseconds then takes as long as the
// scheduler lets a thread wait. Here nobody waits for a worker that has not begun: whoever is free takes the next piece, and the caller
// takes all that are left. It takes them from the front and workers from the back, so that with two threads each finds in its cache what
// it wrote in the layer before.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "kernels/parallel.h"

namespace octet::kernels {

class Team {
 public:
  /// Of the caller and threads - 1 workers; fewer if the system refuses to start one. Workers sleep until there is work, and again
  /// when there has been none for a tenth of a millisecond.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// f over [0, n) in `pieces` contiguous pieces (1 <= pieces <= n), by whoever is free. One call at a time.
  void run(std::int64_t pieces, std::int64_t n, PieceFunction f, const void* context) noexcept;

 private:
  struct Job {
    PieceFunction f;
    const void* context;
    std::int64_t n, pieces;
  };

  static void* worker(void* team) noexcept;
  /// From the front or, else, from the back, until none is left.
  void take_pieces(bool first_ones) noexcept;
  std::uint32_t await_round_after(std::uint32_t seen) const noexcept;

  // Written by the caller while no piece is under way, read by those who have claimed one.
  Job job_{};
  /// The job's number, how many pieces it has, how many of them are claimed from the front and from the back: 16 bits each. One word, so
  /// that a worker that slept through a job cannot claim a piece of it.
  alignas(64) std::atomic<std::uint64_t> claim_{0};
  alignas(64) std::atomic<std::int64_t> done_{0};
  alignas(64) std::atomic<std::uint32_t> round_{0};
  std::atomic<bool> stop_{false};
  std::vector<pthread_t> workers_;
};

/// run_pieces() of this thread goes to `team` (null: to OpenMP) for the length of the scope.
class TeamScope {
 public:
  explicit TeamScope(Team* team) noexcept;
  ~TeamScope();
  TeamScope(const TeamScope&) = delete;
  TeamScope& operator=(const TeamScope&) = delete;

 private:
  Team* saved_;
};

/// Of this thread's scope, or null.
[[nodiscard]] Team* current_team() noexcept;

/// How many CPUs this process may run on, at least 1.
[[nodiscard]] int available_cpus() noexcept;

}  // namespace octet::kernels
