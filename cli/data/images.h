// PNG and JPEG images as tensors.
#pragma once

#include <string>

#include "cli/data/array.h"
#include "cli/data/read_options.h"

namespace octet::cli {

/// Reads one image, or those of a directory in the order of their names, as u8 [N,C,H,W] or [N,H,W,C]. In a directory, hidden files,
/// folders and whatever is neither called nor starts like an image are passed over; what options.image makes of the images must have
/// one size.
///
/// C is options.channels: gray becomes RGB by repetition, RGB becomes gray as in ITU-R BT.601,
/// (19595 R + 38470 G + 7471 B + 32768) >> 16 (Pillow's convert("L")). Alpha is dropped, 16 bits become 8, a PNG that
/// declares another gamma than sRGB's is converted to it; the EXIF orientation is not applied. Without options.channels
/// all images must be gray, or all RGB.
Result<Array> read_images(const std::string& path, const ReadOptions& options = {});

}  // namespace octet::cli
