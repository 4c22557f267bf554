#include "engine/file_header.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <string>

namespace octet {
namespace {

constexpr std::size_t kHashAt = 8;
constexpr std::size_t kSizeAt = 16;
constexpr std::size_t kVersionAt = 24;

template <class T>
T read(std::span<const std::byte> file, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return value;
}

template <class T>
void write(std::span<std::byte> file, std::size_t at, T value) noexcept {
  std::memcpy(file.data() + at, &value, sizeof(T));
}

std::uint64_t content_hash(std::span<const std::byte> file) noexcept {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  XXH64_update(&state, file.data(), kHashAt);
  XXH64_update(&state, file.data() + kSizeAt, file.size() - kSizeAt);
  return XXH64_digest(&state);
}

Error damaged(std::string message) { return Error{ErrorCode::invalid_file, std::move(message), {}}; }

}  // namespace

std::uint64_t hash64(std::span<const std::byte> bytes) noexcept { return XXH64(bytes.data(), bytes.size(), 0); }

struct Hash64::State {
  XXH64_state_t state;
};
Hash64::Hash64() : state_(std::make_unique<State>()) { XXH64_reset(&state_->state, 0); }
Hash64::~Hash64() = default;
void Hash64::add(std::span<const std::byte> bytes) noexcept { XXH64_update(&state_->state, bytes.data(), bytes.size()); }
std::uint64_t Hash64::value() const noexcept { return XXH64_digest(&state_->state); }

void seal(std::span<std::byte> file) noexcept {
  write<std::uint64_t>(file, kSizeAt, file.size());
  write<std::uint32_t>(file, kVersionAt, kReaderVersion);
  write<std::uint64_t>(file, kHashAt, content_hash(file));
}

Result<void> check_header(std::span<const std::byte> file) {
  if (file.empty()) return damaged("is empty");
  if (file.size() < kHashAt || std::memcmp(file.data() + 4, "OCT1", 4) != 0) return damaged("is not an Octet model");
  if (file.size() < kHeaderBytes) return damaged("is truncated: it ends within the header");
  const auto size = read<std::uint64_t>(file, kSizeAt);
  if (size > file.size())
    return damaged("is truncated: " + std::to_string(file.size()) + " bytes of " + std::to_string(size));
  if (size < file.size()) return damaged("is damaged: it is longer than its header says");
  const auto version = read<std::uint32_t>(file, kVersionAt);
  if (version > kReaderVersion)
    return Error{ErrorCode::unsupported, "needs a newer reader (file format " + std::to_string(version) + ", this is " +
                                             std::to_string(kReaderVersion) + ")", {}};
  if (read<std::uint64_t>(file, kHashAt) != content_hash(file)) return damaged("is damaged: its content hash does not match");
  return {};
}

}  // namespace octet
