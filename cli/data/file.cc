#include "cli/data/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

namespace octet::cli {
namespace {

Error system_error(ErrorCode code, const std::string& what, int error) {
  return {code, what + ": " + std::generic_category().message(error), {}};
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
