// Bytes of data files: large ones live in a file, and leave memory when they are forgotten.
#include "cli/data/bytes.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>

#include "engine/file_header.h"

namespace octet_test {
namespace {

using octet::cli::Bytes;

/// Resident memory of this process.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}

Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  return bytes;
}

bool holds_numbers(const Bytes& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != static_cast<std::byte>(i * 7 + i / 256)) return false;
  return true;
}

TEST_CASE("bytes are kept, forgotten or not, small or large, at every edge") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, octet::cli::kSpooledBytes - 1, octet::cli::kSpooledBytes,
                                 octet::cli::kSpooledBytes + 1, std::size_t{3'000'001}}) {
    Bytes bytes = numbered(size);
    octet::cli::forget(bytes);
    CHECK(holds_numbers(bytes));
    bytes.push_back(static_cast<std::byte>(size * 7 + size / 256));  // moves to a larger block
    CHECK(holds_numbers(bytes));
    const Bytes copy = bytes;
    bytes.clear();
    bytes.shrink_to_fit();
    CHECK(holds_numbers(copy));
  }
}

TEST_CASE("walking over much data needs little memory") {
  constexpr std::size_t kSize = std::size_t{96} << 20U;
  const std::size_t before = resident();
  Bytes bytes(kSize);
  CHECK(resident() < before + (std::size_t{8} << 20U));
  std::size_t most = 0;
  std::uint64_t sum = 0;
  for (int pass = 0; pass < 2; ++pass) {
    octet::cli::for_each_piece(bytes, [&](std::span<const std::byte> piece, std::size_t begin) {
      if (pass == 0) bytes[begin] = std::byte{1};
      for (const std::byte b : piece) sum += std::to_integer<unsigned>(b);
      most = std::max(most, resident());
      return true;
    });
  }
  CHECK(sum == 2 * kSize / (std::size_t{256} << 10U));
  // Where no file could be made, everything stays in memory.
  const bool in_file = most < before + (std::size_t{16} << 20U);
  if (!in_file) MESSAGE("the temporary folder takes no file of 96 MiB");
  CHECK((in_file || most >= before + kSize));
}

TEST_CASE("without a folder for temporary files, bytes stay in memory") {
  const char* const old = std::getenv("TMPDIR");
  const std::string kept = old == nullptr ? "" : old;
  ::setenv("TMPDIR", "/nonexistent", 1);
  Bytes bytes = numbered(2'000'000);
  octet::cli::forget(bytes);
  CHECK(holds_numbers(bytes));
  if (old == nullptr) {
    ::unsetenv("TMPDIR");
  } else {
    ::setenv("TMPDIR", kept.c_str(), 1);
  }
}

TEST_CASE("a hash in pieces is the hash of the whole") {
  const Bytes bytes = numbered(1'500'000);
  for (const std::size_t piece : {1U, 31U, 4096U, 999'999U, 2'000'000U}) {
    octet::Hash64 hash;
    for (std::size_t begin = 0; begin < bytes.size(); begin += piece)
      hash.add(std::span(bytes).subspan(begin, std::min(piece, bytes.size() - begin)));
    CHECK(hash.value() == octet::hash64(bytes));
  }
}

}  // namespace
}  // namespace octet_test
