// What every reader of data files is told.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace octet::cli {

/// No file may unfold into more than this: a gzip or zip bomb is a few megabytes.
inline constexpr std::uint64_t kMaxDataBytes = std::uint64_t{8} << 30;

/// Deflate spends at least two bits on a match of at most 258 bytes, so nothing grows by more than this. A claimed size
/// beyond it is a lie that need not be allocated.
inline constexpr std::uint64_t kMaxDeflateRatio = 1032;

/// What becomes of images; other files have none of it.
struct ImageOptions {
  /// Length of the shorter side an image is resized to, its proportions kept.
  std::optional<int> resize = {};
  /// Side of the square cut from the middle.
  std::optional<int> crop = {};
  /// Blue first.
  bool bgr = false;
  /// {height, width} of the input they are for. Without `crop`, that is what is cut from the middle; with neither, an image of
  /// another size is first resized to just cover it.
  std::optional<std::array<int, 2>> size = {};
  /// [N,H,W,C] instead of [N,C,H,W].
  bool channels_last = false;
};

struct ReadOptions {
  /// Read the first `samples` of the leading dimension only; more than there are is an error.
  std::optional<std::int64_t> samples = {};
  /// Channels images are converted to, 1 or 3; without it, those of the first image.
  std::optional<int> channels = {};
  ImageOptions image = {};
  /// Bytes all arrays of the file may take together.
  std::uint64_t max_bytes = kMaxDataBytes;
};

}  // namespace octet::cli
