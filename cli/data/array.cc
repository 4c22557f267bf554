#include "cli/data/array.h"

#include <limits>

namespace octet::cli {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) {
    if (text.size() > 1) text += ',';
    text += std::to_string(size);
  }
  return text + "]";
}

std::optional<std::uint64_t> array_bytes(const std::vector<std::int64_t>& shape, std::size_t element_bytes) noexcept {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::uint64_t product = element_bytes;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
    } else if (product > kMax / static_cast<std::uint64_t>(size)) {
      return std::nullopt;
    } else {
      product *= static_cast<std::uint64_t>(size);
    }
  }
  return empty ? 0 : product;
}

Result<std::int64_t> take_samples(std::int64_t available, std::optional<std::int64_t> wanted) {
  if (!wanted) return available;
  if (*wanted < 1) return Error{ErrorCode::invalid_argument, "cannot take " + std::to_string(*wanted) + " samples", {}};
  if (*wanted > available) {
    return Error{ErrorCode::invalid_argument,
                 "has " + std::to_string(available) + (available == 1 ? " sample" : " samples") + ", not " +
                     std::to_string(*wanted),
                 {}};
  }
  return *wanted;
}

std::string quote(const std::string& text) {
  constexpr std::size_t kLongest = 60;
  std::string line = "'";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return line + (text.size() > kLongest ? "...'" : "'");
}

}  // namespace octet::cli
