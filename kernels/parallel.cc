#include "kernels/parallel.h"

#include <pthread.h>
#include <xmmintrin.h>

#include <algorithm>
#include <atomic>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "kernels/isa.h"
#include "kernels/openmp.h"
#include "kernels/team.h"

namespace octet::kernels {
namespace {

std::atomic<bool> g_forked{false};

[[maybe_unused]] const int g_fork_handler = pthread_atfork(nullptr, nullptr, [] { g_forked.store(true); });

/// Exceptions masked, round to nearest, no flush-to-zero, denormals kept.
constexpr unsigned kDefaultMxcsr = 0x1F80;

}  // namespace

RoundingScope::RoundingScope() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(kDefaultMxcsr); }
RoundingScope::~RoundingScope() { _mm_setcsr(saved_); }

bool forked() noexcept { return g_forked.load(std::memory_order_relaxed); }

ThreadScope::ThreadScope(int threads) noexcept : saved_(openmp().present() ? openmp().get_max_threads() : 1) {
  if (openmp().present()) openmp().set_num_threads(forked() ? 1 : threads);
}
ThreadScope::~ThreadScope() {
  if (openmp().present()) openmp().set_num_threads(saved_);
}

namespace {

#ifdef _OPENMP
void run_openmp(int pieces, std::int64_t n, PieceFunction f, const void* context) noexcept {
#pragma omp parallel num_threads(pieces)
  {
    // OpenMP may give fewer threads than asked for: split over those that came.
    const std::int64_t count = omp_get_num_threads();
    const std::int64_t i = omp_get_thread_num();
    const RoundingScope rounding;
    const std::int64_t begin = n * i / count;
    const std::int64_t end = n * (i + 1) / count;
    if (begin < end) f(context, i, begin, end);
  }
}
#else
void run_openmp(int, std::int64_t n, PieceFunction f, const void* context) noexcept { f(context, 0, 0, n); }
#endif

}  // namespace

int worthwhile_threads(int threads, double nanoseconds) noexcept {
  constexpr double kLeast = 2'000;
  nanoseconds *= time_factor();
  if (nanoseconds >= kLeast * threads) return threads;
  return nanoseconds < 2 * kLeast ? 1 : static_cast<int>(nanoseconds / kLeast);
}

void run_pieces(int threads, std::int64_t n, PieceFunction f, const void* context) noexcept {
  const std::int64_t pieces = std::min<std::int64_t>(threads, n);
  if (forked() || pieces <= 1) {
    f(context, 0, 0, n);
  } else if (Team* team = current_team(); team != nullptr) {
    team->run(pieces, n, f, context);
  } else {
    run_openmp(static_cast<int>(pieces), n, f, context);
  }
}

}  // namespace octet::kernels
