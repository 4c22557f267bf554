// Files as the data readers see them: regular ones only, so that a FIFO or a device cannot make them wait or read on
// for ever. Errors of InputFile carry no `where`; functions that take a path put it in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "octet/result.hpp"

namespace octet::cli {

/// A regular file, open for reading from its start. Move-only.
class InputFile {
 public:
  static Result<InputFile> open(const std::string& path);
  InputFile(InputFile&& other) noexcept : descriptor_(other.release()), size_(other.size_) {}
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  /// Bytes in the file when it was opened.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// Reads exactly `size` bytes from where the last read ended; fewer are an error.
  Result<void> read(std::byte* to, std::size_t size);

  /// Reads up to `size` bytes; how many there were.
  Result<std::size_t> read_some(std::byte* to, std::size_t size);

  /// Hands the descriptor over to the caller, who closes it.
  [[nodiscard]] int release() noexcept;

 private:
  InputFile(int descriptor, std::uint64_t size) noexcept : descriptor_(descriptor), size_(size) {}
  int descriptor_;
  std::uint64_t size_;
};

/// The whole file, unless it is larger than `limit` bytes.
Result<std::vector<std::byte>> read_file(const std::string& path, std::uint64_t limit);

/// What the first bytes say a file is.
enum class FileKind { unknown, npy, zip, gzip, idx, png, jpeg };
Result<FileKind> file_kind(const std::string& path);
[[nodiscard]] FileKind kind_of(std::span<const std::byte> head) noexcept;

}  // namespace octet::cli
