// A tensor read from, or to be written to, a data file.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/data/bytes.h"
#include "octet/octet.hpp"

namespace octet::cli {

/// Row-major and little-endian; bytes.size() == elements() * size_of(type). Booleans are 0 or 1.
struct Array {
  Type type = Type::f32;
  std::vector<std::int64_t> shape;
  Bytes bytes;

  [[nodiscard]] std::size_t elements() const noexcept { return bytes.size() / size_of(type); }

  /// The leading dimension: how many samples there are. A scalar is one.
  [[nodiscard]] std::int64_t rows() const noexcept { return shape.empty() ? 1 : shape.front(); }

  /// Bytes of one sample.
  [[nodiscard]] std::size_t row_bytes() const noexcept {
    return rows() == 0 ? 0 : bytes.size() / static_cast<std::size_t>(rows());
  }

  /// The elements as their own type: test `type` first.
  template <class T>
  [[nodiscard]] std::span<T> as() noexcept {
    assert(type == type_of<T>());
    return {reinterpret_cast<T*>(bytes.data()), elements()};
  }
  template <class T>
  [[nodiscard]] std::span<const T> as() const noexcept {
    assert(type == type_of<T>());
    return {reinterpret_cast<const T*>(bytes.data()), elements()};
  }
};

/// "[2,3,4]".
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& shape);

/// Bytes of an array of this shape; nothing where a dimension is negative or the product of those that are not 0 passes
/// 2^63. (A 0 must not hide an overflow: a row's size is computed without it.)
[[nodiscard]] std::optional<std::uint64_t> array_bytes(const std::vector<std::int64_t>& shape,
                                                       std::size_t element_bytes) noexcept;

/// How many of `available` samples to read.
[[nodiscard]] Result<std::int64_t> take_samples(std::int64_t available, std::optional<std::int64_t> wanted);

/// `text` in quotes on one line of bounded length, whatever bytes a file put there.
[[nodiscard]] std::string quote(const std::string& text);

/// An error about a file's content; whoever knows the path puts it in front with in().
[[nodiscard]] inline Error bad_file(std::string message) {
  return Error{ErrorCode::invalid_file, std::move(message), {}};
}

}  // namespace octet::cli
