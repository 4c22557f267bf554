// The first 64 bytes of an .octet file. The file as a whole is a FlatBuffer (flatc reads it); the bytes between its
// identifier and its tables, which FlatBuffers leaves to us, hold what must be known before any offset is followed.
//
//   0  u32  FlatBuffers root offset
//   4  char "OCT1"
//   8  u64  XXH64 (seed 0) of the file without this field: bytes [0, 8) then [16, size)
//  16  u64  size of the file
//  24  u32  minimum reader version
//  28       zeros
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "octet/result.hpp"

namespace octet {

inline constexpr std::size_t kHeaderBytes = 64;
/// What this code reads, and what it writes.
inline constexpr std::uint32_t kReaderVersion = 1;

/// XXH64 with seed 0.
[[nodiscard]] std::uint64_t hash64(std::span<const std::byte> bytes) noexcept;

/// The same of bytes that come in pieces.
class Hash64 {
 public:
  Hash64();
  ~Hash64();
  Hash64(const Hash64&) = delete;
  Hash64& operator=(const Hash64&) = delete;
  void add(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] std::uint64_t value() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Fills in size, version and content hash. `file` is a finished FlatBuffer with 56 zero bytes after its identifier.
void seal(std::span<std::byte> file) noexcept;

/// Errors: invalid_file (not an Octet file, truncated, damaged), unsupported (needs a newer reader).
[[nodiscard]] Result<void> check_header(std::span<const std::byte> file);

}  // namespace octet
