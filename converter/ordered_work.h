// Work in numbered pieces on several threads whose results are taken in order, as if one thread had done it all.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "octet/result.hpp"

namespace octet {

/// Does pieces 0 .. count - 1 on up to `threads` threads. Each thread calls `make_worker(thread)` once, for a callable
/// `Result<Part> (std::size_t piece)`; threads are counted from 0 and need not all come to work. `merge(piece, Part)` is called
/// for every piece in order, one call at a time. Of several errors the one of the lowest piece is returned, so that it does not
/// depend on the threads. Results wait for at most a few pieces per thread.
template <class Part, class MakeWorker, class Merge>
class OrderedWork {
 public:
  OrderedWork(std::size_t count, int threads, const MakeWorker& make_worker, const Merge& merge)
      : count_(count), threads_(std::min(count, static_cast<std::size_t>(std::max(threads, 1)))), make_worker_(make_worker), merge_(merge) {}

  Result<void> run() {
    std::vector<std::jthread> others;
    try {
      for (std::size_t i = 1; i < threads_; ++i) others.emplace_back([this, i] { work(i); });
    } catch (const std::exception&) {  // fewer threads do the same work
    }
    work(0);
    others.clear();
    if (error_) return *error_;
    return {};
  }

 private:
  void work(std::size_t thread) {
    std::size_t piece = next_.fetch_add(1);
    // Nothing may be thrown out of a thread.
    try {
      auto worker = make_worker_(thread);
      for (; piece < count_ && wait_for_turn(piece); piece = next_.fetch_add(1)) {
        Result<Part> part = worker(piece);
        if (!part) return fail(piece, std::move(part).error());
        take(piece, *std::move(part));
      }
    } catch (const std::exception&) {
      fail(piece, Error{ErrorCode::run_failed, "out of memory", {}});
    }
  }

  void take(std::size_t piece, Part part) {
    const std::scoped_lock lock(mutex_);
    waiting_.emplace(piece, std::move(part));
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == merged_; first = waiting_.erase(first)) {
      merge_(first->first, std::move(first->second));
      ++merged_;
    }
    changed_.notify_all();
  }

  void fail(std::size_t piece, Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_ || piece < error_piece_) {
      error_ = std::move(error);
      error_piece_ = piece;
    }
    changed_.notify_all();
  }

  /// Whether this piece is to be done: not after an error in an earlier one.
  bool wait_for_turn(std::size_t piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || piece < merged_ + 4 * threads_; });
    return !error_ || piece < error_piece_;
  }

  std::size_t count_, threads_;
  const MakeWorker& make_worker_;
  const Merge& merge_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, Part> waiting_;
  std::size_t merged_ = 0;
  std::optional<Error> error_;
  std::size_t error_piece_ = 0;
};

template <class Part, class MakeWorker, class Merge>
Result<void> ordered_work(std::size_t count, int threads, const MakeWorker& make_worker, const Merge& merge) {
  return OrderedWork<Part, MakeWorker, Merge>(count, threads, make_worker, merge).run();
}

}  // namespace octet
