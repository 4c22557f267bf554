#include "kernels/team.h"

#include <sched.h>
#include <signal.h>
#include <xmmintrin.h>

#include <algorithm>
#include <chrono>

namespace octet::kernels {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMostPieces = 0xFFFF;
/// What waiting threads do before they let others run, and sleep: longer than most layers, shorter than anyone would notice.
constexpr int kLooksAWhile = 32;
constexpr auto kSpin = std::chrono::microseconds(5);
constexpr auto kStayAwake = std::chrono::microseconds(100);

thread_local Team* t_team = nullptr;

constexpr std::uint64_t claim_word(std::uint32_t round, std::int64_t pieces) noexcept {
  return std::uint64_t{round} << 48U | static_cast<std::uint64_t>(pieces) << 32U;
}

/// Returns once `ready` or after `limit`; whether it is ready.
template <class Ready>
bool spin(Clock::duration limit, const Ready& ready) noexcept {
  if (ready()) return true;
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < kLooksAWhile; ++i) {  // a pause alone is 20 to 50 ns
      _mm_pause();
      if (ready()) return true;
    }
    const auto waited = Clock::now() - start;
    if (waited > limit) return false;
    if (waited > kSpin) sched_yield();
  }
}

/// The application's signals are not for the workers.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t saved_{};
};

}  // namespace

Team::Team(int threads) {
  workers_.reserve(static_cast<std::size_t>(std::max(threads - 1, 0)));
  const SignalsBlocked blocked;
  for (int i = 1; i < threads; ++i) {
    pthread_t thread{};
    if (pthread_create(&thread, nullptr, &Team::worker, this) != 0) break;
    workers_.push_back(thread);
  }
}

Team::~Team() {
  if (forked()) return;  // the workers stayed in the parent
  stop_.store(true);
  round_.fetch_add(1);
  round_.notify_all();
  for (const pthread_t thread : workers_) pthread_join(thread, nullptr);
}

void Team::run(std::int64_t pieces, std::int64_t n, PieceFunction f, const void* context) noexcept {
  pieces = std::min(pieces, kMostPieces);
  job_ = {f, context, n, pieces};
  done_.store(0, std::memory_order_relaxed);
  const std::uint32_t round = round_.load(std::memory_order_relaxed) + 1;
  claim_.store(claim_word(round, pieces), std::memory_order_release);
  round_.store(round);
  round_.notify_all();
  take_pieces(true);
  const auto finished = [this, pieces] { return done_.load(std::memory_order_acquire) == pieces; };
  while (!spin(kStayAwake, finished)) {
  }
}

void Team::take_pieces(bool first_ones) noexcept {
  std::uint64_t claim = claim_.load(std::memory_order_acquire);
  for (;;) {
    const auto pieces = static_cast<std::int64_t>(claim >> 32U & 0xFFFFU);
    const auto front = static_cast<std::int64_t>(claim >> 16U & 0xFFFFU);
    const auto back = static_cast<std::int64_t>(claim & 0xFFFFU);
    if (front + back >= pieces) return;
    const std::int64_t i = first_ones ? front : pieces - 1 - back;
    if (!claim_.compare_exchange_weak(claim, claim + (first_ones ? 0x10000U : 1U), std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    const Job& job = job_;  // stays as it is until this piece is done
    const std::int64_t begin = job.n * i / pieces;
    const std::int64_t end = job.n * (i + 1) / pieces;
    job.f(job.context, i, begin, end);
    done_.fetch_add(1, std::memory_order_release);
    claim = claim_.load(std::memory_order_acquire);
  }
}

std::uint32_t Team::await_round_after(std::uint32_t seen) const noexcept {
  const auto changed = [this, seen] { return round_.load() != seen; };
  if (!spin(kStayAwake, changed)) round_.wait(seen);
  return round_.load();
}

void* Team::worker(void* team) noexcept {
  auto& t = *static_cast<Team*>(team);
  const RoundingScope rounding;
  for (std::uint32_t seen = 0; !t.stop_.load();) {
    seen = t.await_round_after(seen);
    t.take_pieces(false);
  }
  return nullptr;
}

TeamScope::TeamScope(Team* team) noexcept : saved_(t_team) { t_team = team; }
TeamScope::~TeamScope() { t_team = saved_; }

Team* current_team() noexcept { return t_team; }

int available_cpus() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(CPU_COUNT(&set), 1) : 1;
}

}  // namespace octet::kernels
