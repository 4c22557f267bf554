#include "cli/data/staged_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace octet::cli {
namespace {

/// Temporary names a signal handler removes. More at a time than there are places just are not among them.
std::array<std::atomic<const char*>, 64> unfinished = {};
static_assert(std::atomic<const char*>::is_always_lock_free);

void replace_name(const char* from, const char* to) noexcept {
  for (auto& place : unfinished) {
    const char* expected = from;
    if (place.compare_exchange_strong(expected, to)) return;
  }
}

extern "C" void remove_unfinished(int signal) {
  for (const auto& place : unfinished) {
    if (const char* name = place.load(); name != nullptr) ::unlink(name);
  }
  ::raise(signal);  // SA_RESETHAND: this time the default action
}

/// Once; a signal somebody ignores (nohup) or handles stays theirs.
void watch_signals() {
  static const bool done = [] {
    // A limit on the size of files (ulimit -f) is an error of write(), then.
    struct sigaction limit = {};
    if (::sigaction(SIGXFSZ, nullptr, &limit) == 0 && limit.sa_handler == SIG_DFL) std::signal(SIGXFSZ, SIG_IGN);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU}) {
      struct sigaction action = {};
      if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
      action.sa_handler = remove_unfinished;
      action.sa_flags = static_cast<int>(SA_RESETHAND);
      ::sigaction(signal, &action, nullptr);
    }
    return true;
  }();
  static_cast<void>(done);
}

Error write_error(int error, const std::string& path) {
  return {ErrorCode::run_failed, "cannot be written: " + std::generic_category().message(error), path};
}

/// 0, or errno.
int write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // Linux writes at most 2^31 - 4096 bytes at a time in any case.
    const ssize_t written = ::write(descriptor, bytes.data(), std::min<std::size_t>(bytes.size(), 1U << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

/// Writes, syncs if asked to, and closes; 0, or errno of what failed first.
int write_and_close(int descriptor, std::initializer_list<std::span<const std::byte>> parts, bool sync) {
  int error = 0;
  for (const auto& part : parts) {
    if (error == 0) error = write_all(descriptor, part);
  }
  if (error == 0 && sync && ::fsync(descriptor) != 0) error = errno;
  if (::close(descriptor) != 0 && error == 0) error = errno;
  return error;
}

/// Creates a file of a new name in `directory`; its descriptor, or -1 and errno.
int create_temporary(const std::filesystem::path& directory, std::unique_ptr<const std::string>& name) {
  static std::atomic<unsigned> counter = 0;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const unsigned number = counter.fetch_add(1);
    const std::string file = ".octet-" + std::to_string(::getpid()) + "-" + std::to_string(number) + ".tmp";
    name = std::make_unique<const std::string>(directory / file);
    replace_name(nullptr, name->c_str());
    const int descriptor = ::open(name->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return descriptor;
    const int error = errno;
    replace_name(name->c_str(), nullptr);
    name.reset();
    errno = error;
    if (error != EEXIST) return -1;
  }
  return -1;
}

/// What is written to as it is: another descriptor of stdout keeps its place in a file, and appends where it does.
int open_in_place(const std::string& path) {
  if (!is_stdout(path)) return ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  std::fflush(stdout);
  return ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

}  // namespace

bool is_stdout(const std::string& path) noexcept {
  struct stat file = {}, out = {};
  return ::stat(path.c_str(), &file) == 0 && ::fstat(STDOUT_FILENO, &out) == 0 && file.st_dev == out.st_dev && file.st_ino == out.st_ino;
}

Result<StagedFile> StagedFile::write(const std::string& path, std::initializer_list<std::span<const std::byte>> parts) {
  struct stat status = {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && (!S_ISREG(status.st_mode) || is_stdout(path))) {  // a rename would replace /dev/null by a file
    const int descriptor = open_in_place(path);
    if (descriptor < 0) return write_error(errno, path);
    if (const int error = write_and_close(descriptor, parts, false); error != 0) return write_error(error, path);
    return StagedFile();
  }

  watch_signals();
  StagedFile file;
  std::filesystem::path target = path;
  std::error_code ignored;
  if (exists) {  // a symbolic link stays one: what it points to is replaced
    if (auto resolved = std::filesystem::canonical(target, ignored); !ignored) target = std::move(resolved);
  }
  if (!target.has_filename()) return write_error(path.empty() ? ENOENT : EISDIR, path);
  file.path_ = path;
  file.target_ = target.string();
  const int descriptor = create_temporary(target.parent_path(), file.temporary_);
  if (descriptor < 0) return write_error(errno, path);
  if (const int error = write_and_close(descriptor, parts, true); error != 0) return write_error(error, path);
  return file;
}

Result<void> StagedFile::commit() {
  if (temporary_ == nullptr) return {};
  if (std::rename(temporary_->c_str(), target_.c_str()) != 0) {
    const int error = errno;
    discard();
    return write_error(error, path_);
  }
  replace_name(temporary_->c_str(), nullptr);
  temporary_.reset();
  return {};
}

void StagedFile::discard() noexcept {
  if (temporary_ == nullptr) return;
  ::unlink(temporary_->c_str());
  replace_name(temporary_->c_str(), nullptr);
  temporary_.reset();
}

}  // namespace octet::cli
