#include "cli/data/idx.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

#include "cli/data/file.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

constexpr std::size_t kMaxRank = 32;

struct CloseGz {
  void operator()(gzFile file) const { gzclose(file); }
};
using Gz = std::unique_ptr<gzFile_s, CloseGz>;

std::optional<Stored> stored_of(unsigned type) {
  switch (type) {
    case 0x08:
      return Stored::u8;
    case 0x09:
      return Stored::s8;
    case 0x0b:
      return Stored::s16;
    case 0x0c:
      return Stored::s32;
    case 0x0d:
      return Stored::f32;
    case 0x0e:
      return Stored::f64;
    default:
      return std::nullopt;
  }
}

/// zlib's own message names a descriptor the user has never heard of.
Error gz_error(gzFile file) {
  int code = Z_OK;
  gzerror(file, &code);
  if (code == Z_ERRNO) return bad_file("cannot be read: " + std::generic_category().message(errno));
  if (code == Z_MEM_ERROR) return Error{ErrorCode::run_failed, "cannot be read: not enough memory", {}};
  return bad_file(code == Z_DATA_ERROR ? "has damaged gzip data" : "is truncated");
}

Result<void> read_exactly(gzFile file, std::byte* to, std::size_t size) {
  while (size > 0) {
    const int got = gzread(file, to, static_cast<unsigned>(std::min<std::size_t>(size, 1u << 30)));
    if (got <= 0) return gz_error(file);
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

Result<Layout> read_header(const ReadExactly& read) {
  std::array<std::byte, 4 * kMaxRank> bytes = {};
  OCTET_CHECK(read(bytes.data(), 4));
  if (kind_of(std::span(bytes).first(4)) != FileKind::idx) return bad_file("is not IDX");
  const auto stored = stored_of(std::to_integer<unsigned>(bytes[2]));
  const auto rank = std::to_integer<std::size_t>(bytes[3]);
  if (!stored) return bad_file("is not IDX");
  if (rank > kMaxRank) return bad_file("has " + std::to_string(rank) + " dimensions, more than 32");

  OCTET_CHECK(read(bytes.data(), 4 * rank));
  Layout layout{*stored, std::endian::big, {}};
  for (std::size_t i = 0; i < 4 * rank; i += 4) {
    std::int64_t size = 0;
    for (std::size_t k = 0; k < 4; ++k) size = size << 8 | std::to_integer<std::int64_t>(bytes[i + k]);
    layout.shape.push_back(size);
  }
  return layout;
}

Result<Array> read_stream(gzFile file, std::uint64_t file_bytes, const ReadOptions& options) {
  const auto read = [&](std::byte* to, std::size_t size) { return read_exactly(file, to, size); };
  OCTET_TRY(Layout layout, read_header(read));
  OCTET_TRY(const std::uint64_t needed, stored_bytes(layout));
  const std::string shape = shape_text(layout.shape);
  if (needed / (gzdirect(file) != 0 ? 1 : kMaxDeflateRatio) > file_bytes) {
    return bad_file("is truncated: shape " + shape + " takes " + std::to_string(needed) + " bytes");
  }
  OCTET_TRY(Array array, read_elements(std::move(layout), options, read));
  if (shape_text(array.shape) == shape) {
    // The end is where zlib compares the checksum.
    std::byte beyond{};
    const int got = gzread(file, &beyond, 1);
    int code = Z_OK;
    gzerror(file, &code);
    if (got < 0 || code != Z_OK) return gz_error(file);
    if (got > 0) return bad_file("has bytes to spare after shape " + shape);
  }
  return array;
}

}  // namespace

Result<Array> read_idx(const std::string& path, const ReadOptions& options) {
  const auto read = [&]() -> Result<Array> {
    OCTET_TRY(InputFile file, InputFile::open(path));
    const int descriptor = file.release();
    const Gz gz(gzdopen(descriptor, "rb"));  // also reads what is not compressed
    if (!gz) {
      ::close(descriptor);
      return Error{ErrorCode::run_failed, "cannot be read: not enough memory", {}};
    }
    return read_stream(gz.get(), file.size(), options);
  };
  auto array = read();
  if (!array) return std::move(array).error().in(path);
  return array;
}

}  // namespace octet::cli
