// Files that appear whole or not at all.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

#include "octet/result.hpp"

namespace octet::cli {

/// Whether a file to write is what stdout is (/dev/stdout, a pipe, a file it goes to): then no text may follow on it.
[[nodiscard]] bool is_stdout(const std::string& path) noexcept;

/// A file written in full under a temporary name beside its target and synced; commit() gives it its name. Several can
/// be staged before the first is committed. Without commit() nothing is left behind, nor where a signal ends the
/// process (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU). What is no regular file, or is stdout, is written at once,
/// as it is.
class StagedFile {
 public:
  /// Nothing to commit.
  StagedFile() noexcept = default;
  static Result<StagedFile> write(const std::string& path, std::initializer_list<std::span<const std::byte>> parts);
  StagedFile(StagedFile&& other) noexcept = default;
  StagedFile& operator=(StagedFile&&) = delete;
  ~StagedFile() { discard(); }

  /// The target has either its old content or all of the new.
  Result<void> commit();

 private:
  void discard() noexcept;

  std::string path_, target_;  // they differ where path_ is a symbolic link
  std::unique_ptr<const std::string> temporary_;
};

}  // namespace octet::cli
