#include "cli/data/npy.h"

#include <array>

#include "cli/data/file.h"
#include "cli/data/npy_header.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

constexpr std::size_t kMagicBytes = 8;  // "\x93NUMPY", major, minor
constexpr std::size_t kMaxHeaderBytes = 65536;

unsigned at(std::span<const std::byte> bytes, std::size_t i) { return std::to_integer<unsigned>(bytes[i]); }

/// What is left of `size` bytes after the header.
struct Header {
  Layout layout;
  std::uint64_t payload = 0;
};

Result<Header> read_header(const ReadExactly& read, std::uint64_t size) {
  std::array<std::byte, kMagicBytes + 4> start = {};
  if (size < kMagicBytes) return bad_file("is truncated");
  OCTET_CHECK(read(start.data(), kMagicBytes));
  if (std::string_view(reinterpret_cast<const char*>(start.data()), 6) != "\x93NUMPY") return bad_file("is not .npy");
  const unsigned major = at(start, 6);
  if (major < 1 || major > 3 || at(start, 7) != 0) {
    return bad_file("is .npy version " + std::to_string(major) + "." + std::to_string(at(start, 7)) +
                    "; 1.0, 2.0 and 3.0 are read");
  }

  const std::size_t length_bytes = major == 1 ? 2 : 4;
  if (size < kMagicBytes + length_bytes) return bad_file("is truncated");
  OCTET_CHECK(read(start.data() + kMagicBytes, length_bytes));
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= std::uint64_t{at(start, kMagicBytes + i)} << (8 * i);
  }
  const std::uint64_t after_length = size - kMagicBytes - length_bytes;
  if (length > after_length) return bad_file("is truncated: its header has " + std::to_string(length) + " bytes");
  if (length > kMaxHeaderBytes) return bad_file("has a header of " + std::to_string(length) + " bytes");

  std::string text(static_cast<std::size_t>(length), '\0');
  OCTET_CHECK(read(reinterpret_cast<std::byte*>(text.data()), text.size()));
  OCTET_TRY(Layout layout, parse_npy_header(text));
  return Header{std::move(layout), after_length - length};
}

}  // namespace

Result<Array> read_npy(const ReadExactly& read, std::uint64_t size, const ReadOptions& options) {
  OCTET_TRY(Header header, read_header(read, size));
  OCTET_TRY(const std::uint64_t needed, stored_bytes(header.layout));
  if (needed != header.payload) {
    return bad_file((needed > header.payload ? "is truncated: shape " : "has bytes to spare: shape ") +
                    shape_text(header.layout.shape) + " takes " + std::to_string(needed) + " bytes, there are " +
                    std::to_string(header.payload));
  }
  return read_elements(std::move(header.layout), options, read);
}

Result<Array> read_npy(const std::string& path, const ReadOptions& options) {
  auto file = InputFile::open(path);
  if (!file) return std::move(file).error().in(path);
  const auto read = [&](std::byte* to, std::size_t size) { return file->read(to, size); };
  auto array = read_npy(read, file->size(), options);
  if (!array) return std::move(array).error().in(path);
  return array;
}

Result<StagedFile> stage_npy(const std::string& path, const Array& array) {
  std::string header("\x93NUMPY\x01\x00\x00\x00", kMagicBytes + 2);
  header += npy_header(array.type, array.shape);
  header.append(63 - header.size() % 64, ' ');  // data begin at a multiple of 64, after a newline
  header += '\n';
  const std::size_t length = header.size() - kMagicBytes - 2;
  if (length > 0xffff) return Error{ErrorCode::invalid_argument, "the array has too many dimensions for .npy", path};
  header[8] = static_cast<char>(length & 0xff);
  header[9] = static_cast<char>(length >> 8);
  return StagedFile::write(path, {std::as_bytes(std::span(header)), array.bytes});
}

Result<void> write_npy(const std::string& path, const Array& array) {
  OCTET_TRY(StagedFile file, stage_npy(path, array));
  return file.commit();
}

}  // namespace octet::cli
