// One PNG or JPEG file from memory to pixels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "octet/result.hpp"

namespace octet::cli {

/// Pixels, row by row, their components side by side: gray or R, G, B first; an alpha that follows is to be ignored.
struct Image {
  std::size_t width = 0;
  std::size_t height = 0;
  bool color = false;
  std::size_t pixel_bytes = 1;
  std::unique_ptr<std::uint8_t[]> pixels;

  [[nodiscard]] std::size_t count() const noexcept { return width * height; }
};

/// An image whose pixels are not set yet. Larger ones than 65,500 x 65,500 or 256 Mpixel are refused.
Result<Image> allocate_image(std::size_t width, std::size_t height, bool color, std::size_t pixel_bytes);

/// Errors have no `where`. Larger images than 65,500 x 65,500 or 256 Mpixel are refused before memory is asked for.
Result<Image> decode_png(std::span<const std::byte> file);
Result<Image> decode_jpeg(std::span<const std::byte> file);

}  // namespace octet::cli
