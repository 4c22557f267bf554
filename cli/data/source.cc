#include "cli/data/source.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <new>
#include <string_view>

#include "cli/data/file.h"
#include "cli/data/idx.h"
#include "cli/data/images.h"
#include "cli/data/npy.h"
#include "cli/data/npz.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

using Arrays = std::map<std::string, Array>;

constexpr std::uint64_t kMaxTextBytes = std::uint64_t{256} << 20;

/// No exception leaves: memory may run out within any limit we set.
template <class Read>
auto guarded(const std::string& path, const Read& read) -> decltype(read()) {
  try {
    return read();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::run_failed, "cannot be read: not enough memory", path};
  } catch (const std::exception& e) {
    return Error{ErrorCode::run_failed, std::string("cannot be read: ") + e.what(), path};
  }
}

Result<Arrays> unnamed(Result<Array> array) {
  if (!array) return std::move(array).error();
  Arrays arrays;
  arrays.emplace("", std::move(*array));
  return arrays;
}

Result<Arrays> read_any(const std::string& path, const ReadOptions& options) {
  if (std::error_code error; std::filesystem::is_directory(path, error)) return unnamed(read_images(path, options));
  OCTET_TRY(const FileKind kind, file_kind(path));
  switch (kind) {
    case FileKind::npy:
      return unnamed(read_npy(path, options));
    case FileKind::zip:
      return read_npz(path, options);
    case FileKind::gzip:
    case FileKind::idx:
      return unnamed(read_idx(path, options));
    case FileKind::png:
    case FileKind::jpeg:
      return unnamed(read_images(path, options));
    case FileKind::unknown:
      break;
  }
  return bad_file("is not .npy, .npz, IDX, PNG or JPEG").in(path);
}

template <class T>
std::vector<std::int64_t> widen(const Array& array) {
  const auto values = array.as<T>();
  return {values.begin(), values.end()};
}

Result<std::vector<std::int64_t>> labels_of(const Array& array) {
  if (array.shape.size() != 1) {
    return bad_file("has shape " + shape_text(array.shape) + "; labels are one integer a sample");
  }
  switch (array.type) {
    case Type::u8:
      return widen<std::uint8_t>(array);
    case Type::s8:
      return widen<std::int8_t>(array);
    case Type::s32:
      return widen<std::int32_t>(array);
    case Type::s64:
      return widen<std::int64_t>(array);
    case Type::f32:
    case Type::boolean:
      break;
  }
  return bad_file(std::string("is of type ") + name_of(array.type) + "; labels are integers");
}

Result<std::vector<std::int64_t>> labels_of(std::string_view text) {
  std::vector<std::int64_t> labels;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);

    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || stop != line.data() + line.size()) {
      return bad_file("line " + std::to_string(labels.size() + 1) + " is not an integer: " +
                      quote(std::string(line.substr(0, 100))) + " (labels are IDX, .npy or one integer a line)");
    }
    labels.push_back(value);
  }
  return labels;
}

Result<std::vector<std::int64_t>> read_any_labels(const std::string& path) {
  OCTET_TRY(const FileKind kind, file_kind(path));
  switch (kind) {
    case FileKind::npy: {
      OCTET_TRY(const Array array, read_npy(path));
      return labels_of(array);
    }
    case FileKind::gzip:
    case FileKind::idx: {
      OCTET_TRY(const Array array, read_idx(path));
      return labels_of(array);
    }
    case FileKind::unknown: {
      OCTET_TRY(const std::vector<std::byte> bytes, read_file(path, kMaxTextBytes));
      return labels_of(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
    case FileKind::zip:
    case FileKind::png:
    case FileKind::jpeg:
      break;
  }
  return bad_file("is not IDX, .npy or one integer a line");
}

}  // namespace

bool holds_images(const std::string& path) {
  if (std::error_code error; std::filesystem::is_directory(path, error)) return true;
  const auto kind = file_kind(path);
  return kind && (*kind == FileKind::png || *kind == FileKind::jpeg);
}

Result<Arrays> read_data(const std::string& path, const ReadOptions& options) {
  return guarded(path, [&]() -> Result<Arrays> {
    OCTET_TRY(Arrays arrays, read_any(path, options));
    for (const auto& [name, array] : arrays) {
      if (array.elements() > 0 || (!array.shape.empty() && array.shape[0] > 0)) continue;  // samples may have no elements
      return bad_file((name.empty() ? "" : "array " + quote(name) + " ") + "is empty: its shape is " +
                      shape_text(array.shape))
          .in(path);
    }
    return arrays;
  });
}

Result<std::vector<std::int64_t>> read_labels(const std::string& path) {
  return guarded(path, [&]() -> Result<std::vector<std::int64_t>> {
    auto labels = read_any_labels(path);
    if (labels && labels->empty()) return bad_file("holds no labels").in(path);
    // Readers that take a path have put it into the error themselves.
    if (!labels && labels.error().where.empty()) return std::move(labels).error().in(path);
    return labels;
  });
}

}  // namespace octet::cli
