// A session's threads: every piece runs once, whoever is free, however often and from wherever.
#include "kernels/team.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace octet_test {
namespace {

using octet::kernels::Team;
using octet::kernels::TeamScope;

/// How often each of n elements was visited, with `threads` pieces.
std::vector<int> visits(std::int64_t n, int threads) {
  std::vector<int> count(static_cast<std::size_t>(n), 0);
  octet::kernels::parallel_for(threads, n, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) ++count[static_cast<std::size_t>(i)];
  });
  return count;
}

bool all_once(const std::vector<int>& count) {
  for (const int c : count)
    if (c != 1) return false;
  return true;
}

TEST_CASE("every element once, with any number of threads and pieces") {
  for (const int threads : {1, 2, 3, 8}) {
    Team team(threads);
    const TeamScope scope(&team);
    std::size_t wrong = 0;
    for (int round = 0; round < 500; ++round)
      for (const std::int64_t n : {1, 2, 3, 7, 64})
        for (const int pieces : {1, 2, 5, 16}) wrong += all_once(visits(n, pieces)) ? 0 : 1;
    CHECK(wrong == 0);
  }
}

TEST_CASE("workers that have gone to sleep are woken, and their pieces do not wait for them") {
  Team team(2);
  const TeamScope scope(&team);
  std::size_t wrong = 0;
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    wrong += all_once(visits(100, 2)) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("teams of several threads do not get in each other's way") {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&wrong] {
      Team team(2);
      const TeamScope scope(&team);
      for (int round = 0; round < 2000; ++round) wrong += all_once(visits(50, 2)) ? 0 : 1;
    });
  for (std::thread& t : callers) t.join();
  CHECK(wrong == 0);
}

TEST_CASE("pieces are numbered, and both run at the same time where there are two threads") {
  Team team(2);
  const TeamScope scope(&team);
  // Each piece waits for the other one: if one thread ran both, neither would see the other within the time.
  std::atomic<int> begun{0};
  std::atomic<int> met{0};
  octet::kernels::parallel_pieces(2, 2, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    begun += end - begin == 1 && piece == begin ? 1 : 100;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (begun != 2 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    met += begun == 2 ? 1 : 0;
  });
  CHECK(met == 2);
}

TEST_CASE("workers round to nearest and keep denormals") {
  Team team(2);
  const TeamScope scope(&team);
  std::atomic<int> begun{0};
  std::atomic<int> standard{0};
  octet::kernels::parallel_for(2, 2, [&](std::int64_t, std::int64_t) noexcept {
    ++begun;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (begun != 2 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    standard += (_mm_getcsr() & 0xE040U) == 0 ? 1 : 0;  // rounding control, flush-to-zero, denormals-are-zero
  });
  CHECK(standard == 2);
}

TEST_CASE("a forked child drops a team without waiting for workers it does not have") {
  auto team = std::make_unique<Team>(2);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const bool right = all_once([&] {
      const TeamScope scope(team.get());
      return visits(10, 2);
    }());
    team.reset();
    _exit(right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace octet_test
