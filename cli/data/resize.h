// Images to another size, as the preprocessing of image classifiers does it.
#pragma once

#include "cli/data/decode_image.h"

namespace octet::cli {

/// Bilinear, the triangle widened by the factor the image shrinks by, so that every pixel counts: first along rows, then along
/// columns, each rounded to bytes, weights in 22-bit fixed point. The bytes of Pillow 11's resize(BILINEAR), which training pipelines
/// use (later versions sometimes take columns first, a difference of one step). Errors: the result would be larger than an image may be.
[[nodiscard]] Result<Image> resize_bilinear(const Image& image, std::size_t width, std::size_t height);

/// The middle of an image that is at least this large; offsets are round_half_even((size - cropped) / 2).
[[nodiscard]] Image crop_center(const Image& image, std::size_t width, std::size_t height);

}  // namespace octet::cli
