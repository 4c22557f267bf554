#include "cli/data/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace octet::cli {
namespace {

Error system_error(ErrorCode code, const std::string& what, int error) {
  return {code, what + ": " + std::generic_category().message(error), {}};
}

Error write_error(int error) { return system_error(ErrorCode::run_failed, "cannot be written", error); }

/// 0, or errno.
int write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // Linux writes at most 2^31 - 4096 bytes at a time in any case.
    const ssize_t written = ::write(descriptor, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
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
int create_temporary(const std::filesystem::path& directory, std::string& name) {
  static std::atomic<unsigned> counter = 0;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const unsigned number = counter.fetch_add(1);
    name = directory / (".octet-" + std::to_string(::getpid()) + "-" + std::to_string(number) + ".tmp");
    const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

}  // namespace

Result<InputFile> InputFile::open(const std::string& path) {
  // Without O_NONBLOCK, opening a FIFO waits for a writer before its type can be looked at.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return system_error(ErrorCode::invalid_file, "cannot be opened", errno);
  InputFile file(descriptor, 0);
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) return system_error(ErrorCode::invalid_file, "cannot be read", errno);
  if (S_ISDIR(status.st_mode)) return Error{ErrorCode::invalid_file, "is a directory", {}};
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::invalid_file, "is not a regular file", {}};
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int InputFile::release() noexcept { return std::exchange(descriptor_, -1); }

Result<std::size_t> InputFile::read_some(std::byte* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(descriptor_, to + done, std::min<std::size_t>(size - done, 1u << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(ErrorCode::invalid_file, "cannot be read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> InputFile::read(std::byte* to, std::size_t size) {
  auto got = read_some(to, size);
  if (!got) return std::move(got).error();
  if (*got < size) return Error{ErrorCode::invalid_file, "is truncated", {}};
  return {};
}

Result<std::vector<std::byte>> read_file(const std::string& path, std::uint64_t limit) {
  auto file = InputFile::open(path);
  if (!file) return std::move(file).error().in(path);
  if (file->size() > limit) {
    return Error{ErrorCode::invalid_file,
                 "has " + std::to_string(file->size()) + " bytes, more than the limit of " + std::to_string(limit),
                 path};
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(file->size()));
  if (auto done = file->read(bytes.data(), bytes.size()); !done) return std::move(done).error().in(path);
  return bytes;
}

Result<void> write_file(const std::string& path, std::initializer_list<std::span<const std::byte>> parts) {
  struct stat status = {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {  // a rename would replace /dev/null by a file
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return write_error(errno).in(path);
    if (const int error = write_and_close(descriptor, parts, false); error != 0) return write_error(error).in(path);
    return {};
  }

  std::filesystem::path target = path;
  std::error_code ignored;
  if (exists) {  // a symbolic link stays one: what it points to is replaced
    if (auto resolved = std::filesystem::canonical(target, ignored); !ignored) target = std::move(resolved);
  }
  std::string temporary;
  const int descriptor = create_temporary(target.parent_path(), temporary);
  if (descriptor < 0) return write_error(errno).in(path);
  int error = write_and_close(descriptor, parts, true);
  if (error == 0 && std::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return write_error(error).in(path);
  }
  return {};
}

FileKind kind_of(std::span<const std::byte> head) noexcept {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (text.starts_with("\x93NUMPY")) return FileKind::npy;
  if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) return FileKind::zip;
  if (text.starts_with("\x1f\x8b")) return FileKind::gzip;
  if (text.starts_with("\x89PNG\r\n\x1a\n")) return FileKind::png;
  if (text.starts_with("\xff\xd8\xff")) return FileKind::jpeg;
  constexpr std::string_view kIdxTypes = "\x08\x09\x0b\x0c\x0d\x0e";
  if (text.size() >= 4 && text[0] == 0 && text[1] == 0 && kIdxTypes.find(text[2]) != std::string_view::npos &&
      text[3] != 0) {
    return FileKind::idx;
  }
  return FileKind::unknown;
}

Result<FileKind> file_kind(const std::string& path) {
  auto file = InputFile::open(path);
  if (!file) return std::move(file).error().in(path);
  std::array<std::byte, 8> head = {};
  auto got = file->read_some(head.data(), head.size());
  if (!got) return std::move(got).error().in(path);
  return kind_of(std::span(head).first(*got));
}

}  // namespace octet::cli
