// Where the channels of an input stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace octet {

/// The axis of an input [N, ...] along which `channels` (2 or more) means or deviations go: axis 1 ([N, C, H, W]) if it has that
/// size, else the last ([N, H, W, C]); nothing where neither has.
[[nodiscard]] inline std::optional<std::size_t> channel_axis(const std::vector<std::int64_t>& shape, std::size_t channels) {
  const auto wanted = static_cast<std::int64_t>(channels);
  if (shape.size() < 2) return std::nullopt;
  if (shape[1] == wanted) return 1;
  return shape.back() == wanted ? std::optional(shape.size() - 1) : std::nullopt;
}

}  // namespace octet
