// The one way a kernel uses several threads: those of the session that runs it (team.h). Sessions with layers of oneDNN, which the
// distributions build on OpenMP, have none of their own and share OpenMP's threads with it, as does who calls a kernel outside a
// session; without OpenMP that runs on the caller's thread.
#pragma once

#include <cstdint>

namespace octet::kernels {

/// Sets round-to-nearest without flush-to-zero on this thread; restores what was there at the end of the scope.
class RoundingScope {
 public:
  RoundingScope() noexcept;
  ~RoundingScope();
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;

 private:
  unsigned saved_;
};

/// Makes libraries called in this scope (oneDNN) use `threads` threads of OpenMP, then restores.
class ThreadScope {
 public:
  explicit ThreadScope(int threads) noexcept;
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int saved_;
};

/// Whether this process was forked after libgomp may have started its threads: they do not exist here, and waiting for
/// them (or for those of a session made before) would hang, so everything must run on one thread.
[[nodiscard]] bool forked() noexcept;

/// How many of `threads` to use for work that takes one of them this long, on a Zen 5: a thread that has less than two microseconds
/// to do costs more than it brings.
[[nodiscard]] int worthwhile_threads(int threads, double nanoseconds) noexcept;

using PieceFunction = void (*)(const void* context, std::int64_t piece, std::int64_t begin, std::int64_t end);

/// Calls f over [0, n) in at most `threads` contiguous pieces, at the same time.
void run_pieces(int threads, std::int64_t n, PieceFunction f, const void* context) noexcept;

/// body(piece, begin, end) over [0, n) in at most `threads` contiguous pieces, numbered from 0: for bodies with a scratch of
/// their own. The body must not throw.
template <class Body>
void parallel_pieces(int threads, std::int64_t n, const Body& body) noexcept {
  if (threads <= 1 || n <= 1) {
    body(std::int64_t{0}, std::int64_t{0}, n);
    return;
  }
  run_pieces(threads, n, [](const void* c, std::int64_t p, std::int64_t b, std::int64_t e) { (*static_cast<const Body*>(c))(p, b, e); }, &body);
}

/// body(begin, end) over [0, n) in at most `threads` contiguous pieces. The body must not throw.
template <class Body>
void parallel_for(int threads, std::int64_t n, const Body& body) noexcept {
  parallel_pieces(threads, n, [&](std::int64_t, std::int64_t begin, std::int64_t end) noexcept { body(begin, end); });
}

}  // namespace octet::kernels
