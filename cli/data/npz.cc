#include "cli/data/npz.h"

#include <zip.h>

#include <algorithm>
#include <memory>

#include "cli/data/file.h"
#include "cli/data/npy.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Entry = std::unique_ptr<zip_file_t, Discard>;

Result<Archive> open_archive(const std::string& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  Error result = bad_file(std::string("is not a readable .npz: ") + zip_error_strerror(&error));
  zip_error_fini(&error);
  return result;
}

Result<void> read_exactly(zip_file_t* entry, std::byte* to, std::size_t size) {
  while (size > 0) {
    const zip_int64_t got = zip_fread(entry, to, size);
    if (got < 0) return bad_file(std::string("is damaged: ") + zip_file_strerror(entry));
    if (got == 0) return bad_file("is truncated");
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

/// The sizes are claims; what an entry may unfold into follows from what it takes in the archive.
Result<void> check_entry(const zip_stat_t& status, std::uint64_t& unread) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((status.valid & kNeeded) != kNeeded) return bad_file("has no size");
  if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
    return bad_file("is compressed by method " + std::to_string(status.comp_method) + "; stored and deflate are read");
  }
  // Entries that overlap would let a small archive be read again and again.
  if (status.comp_size > unread) return bad_file("takes more bytes than the archive has");
  unread -= status.comp_size;
  const std::uint64_t ratio = status.comp_method == ZIP_CM_STORE ? 1 : kMaxDeflateRatio;
  if (status.size / ratio > status.comp_size) return bad_file("claims more bytes than its compressed data can hold");
  return {};
}

Result<Array> read_array(zip_t* archive, const zip_stat_t& status, const ReadOptions& options) {
  const Entry entry(zip_fopen_index(archive, status.index, 0));
  if (!entry) return bad_file(std::string("cannot be read: ") + zip_strerror(archive));
  const auto read = [&](std::byte* to, std::size_t size) { return read_exactly(entry.get(), to, size); };
  OCTET_TRY(Array array, read_npy(read, status.size, options));
  if (!options.samples) {
    // The end is where libzip compares the checksum.
    std::byte beyond{};
    const zip_int64_t got = zip_fread(entry.get(), &beyond, 1);
    if (got < 0) return bad_file(std::string("is damaged: ") + zip_file_strerror(entry.get()));
    if (got > 0) return bad_file("has more bytes than it claims");
  }
  return array;
}

Result<std::map<std::string, Array>> read_arrays(zip_t* archive, std::uint64_t archive_bytes, ReadOptions options) {
  constexpr std::string_view kSuffix = ".npy";
  std::map<std::string, Array> arrays;
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t status;
    if (zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &status) != 0 || (status.valid & ZIP_STAT_NAME) == 0) {
      return bad_file(std::string("has an unreadable entry: ") + zip_strerror(archive));
    }
    std::string name = status.name;
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    const std::string what = "array " + quote(name) + " ";
    if (arrays.contains(name)) return bad_file(what + "appears twice");

    if (auto checked = check_entry(status, archive_bytes); !checked) {
      checked.error().message.insert(0, what);
      return std::move(checked).error();
    }
    auto array = read_array(archive, status, options);
    if (!array) {
      array.error().message.insert(0, what);
      return std::move(array).error();
    }
    options.max_bytes -= array->bytes.size();
    arrays.emplace(std::move(name), std::move(*array));
  }
  if (arrays.empty()) return bad_file("holds no .npy array");
  return arrays;
}

}  // namespace

Result<std::map<std::string, Array>> read_npz(const std::string& path, const ReadOptions& options) {
  const auto read = [&]() -> Result<std::map<std::string, Array>> {
    OCTET_TRY(const InputFile file, InputFile::open(path));
    OCTET_TRY(const Archive archive, open_archive(path));
    return read_arrays(archive.get(), file.size(), options);
  };
  auto arrays = read();
  if (!arrays) return std::move(arrays).error().in(path);
  return arrays;
}

}  // namespace octet::cli
