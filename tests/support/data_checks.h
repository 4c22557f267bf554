// What every reader of data files is checked for.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cli/data/source.h"
#include "data_files.h"
#include "temp_dir.h"

namespace octet_test {

using namespace octet;
using namespace octet::cli;

/// The one array of a file that must be good.
inline Array read_one(const std::string& path, const ReadOptions& options = {}) {
  auto arrays = read_data(path, options);
  if (!arrays) FAIL(arrays.error().text());
  REQUIRE(arrays->size() == 1);
  REQUIRE(arrays->begin()->first.empty());
  Array array = std::move(arrays->begin()->second);
  std::size_t elements = 1;
  for (const std::int64_t size : array.shape) elements *= static_cast<std::size_t>(size);
  REQUIRE(array.elements() == elements);
  REQUIRE(array.bytes.size() == elements * size_of(array.type));
  return array;
}

template <class T>
std::vector<T> values(const Array& array) {
  REQUIRE(array.type == type_of<T>());
  return {array.as<T>().begin(), array.as<T>().end()};
}

/// What every error must be; the message is to contain `part`.
template <class T>
inline void check_error(const Result<T>& result, const std::string& where, const std::string& part,
                        ErrorCode code = ErrorCode::invalid_file) {
  CAPTURE(part);
  REQUIRE(!result.has_value());
  CAPTURE(result.error().message);
  CHECK(result.error().code == code);
  CHECK(result.error().where == where);
  CHECK(result.error().message.find(part) != std::string::npos);
  CHECK(result.error().message.find('\n') == std::string::npos);
}

inline void check_bad(const std::string& path, const std::string& part, const ReadOptions& options = {}) {
  check_error(read_data(path, options), path, part);
}

/// Every proper prefix of `bytes` is an error.
inline void check_truncations(const TempDir& dir, const std::string& bytes) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    check_bad(dir.write("truncated", bytes.substr(0, size)), "");
  }
}

/// With any one byte changed, the file is read or refused; the sanitizers see to the rest.
inline void try_flips(const TempDir& dir, const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      const std::string path = dir.write("flipped", changed);
      if (const auto result = read_data(path); !result) CHECK(result.error().where == path);
      if (const auto result = read_labels(path); !result) CHECK(result.error().where == path);
    }
  }
}

}  // namespace octet_test
