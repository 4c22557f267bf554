#include "cli/data/decode_image.h"

#include <png.h>
#include <turbojpeg.h>

#include <string>

#include "cli/data/array.h"
#include "cli/data/read_options.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

constexpr std::size_t kMaxSide = 65500;
constexpr std::size_t kMaxPixels = std::size_t{1} << 28;

struct FreePng {
  void operator()(png_image* image) const { png_image_free(image); }
};

struct FreeJpeg {
  void operator()(void* handle) const { tjDestroy(handle); }
};

}  // namespace

Result<Image> allocate_image(std::size_t width, std::size_t height, bool color, std::size_t pixel_bytes) {
  if (width == 0 || height == 0 || width > kMaxSide || height > kMaxSide || width > kMaxPixels / height) {
    return bad_file("is " + std::to_string(width) + "x" + std::to_string(height) +
                    " pixels; at most 65500 a side and 256 Mpixel are read");
  }
  // Not set to zero first: a header may promise a gigabyte, and the decoder finds at once that nothing follows.
  return Image{width, height, color, pixel_bytes,
               std::make_unique_for_overwrite<std::uint8_t[]>(width * height * pixel_bytes)};
}

Result<Image> decode_png(std::span<const std::byte> file) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, FreePng> guard(&png);
  const auto failed = [&] { return bad_file("is a damaged PNG: " + std::string(png.message)); };
  if (png_image_begin_read_from_memory(&png, file.data(), file.size()) == 0) return failed();

  // Alpha is kept through decoding: libpng would otherwise blend the image with a background.
  png.format &= PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA;
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // 16-bit files are not linear light, unless they say so
  // A pixel has at least one bit, before compression.
  if (std::uint64_t{png.width} * png.height / (8 * kMaxDeflateRatio) > file.size()) {
    return bad_file("is a truncated PNG of " + std::to_string(png.width) + "x" + std::to_string(png.height) +
                    " pixels");
  }
  OCTET_TRY(Image image, allocate_image(png.width, png.height, (png.format & PNG_FORMAT_FLAG_COLOR) != 0,
                                  PNG_IMAGE_PIXEL_SIZE(png.format)));
  if (png_image_finish_read(&png, nullptr, image.pixels.get(), 0, nullptr) == 0) return failed();
  return image;
}

Result<Image> decode_jpeg(std::span<const std::byte> file) {
  const std::unique_ptr<void, FreeJpeg> jpeg(tjInitDecompress());
  if (!jpeg) return Error{ErrorCode::run_failed, "cannot be read: not enough memory", {}};
  const auto failed = [&] { return bad_file("is a damaged JPEG: " + std::string(tjGetErrorStr2(jpeg.get()))); };
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());

  int width = 0, height = 0, subsampling = 0, space = 0;
  if (tjDecompressHeader3(jpeg.get(), bytes, file.size(), &width, &height, &subsampling, &space) != 0) return failed();
  if (width < 0 || height < 0) return bad_file("is a damaged JPEG");
  if (space == TJCS_CMYK || space == TJCS_YCCK) return bad_file("is a CMYK JPEG; save it as RGB");

  const bool color = space != TJCS_GRAY;
  OCTET_TRY(Image image,
            allocate_image(static_cast<std::size_t>(width), static_cast<std::size_t>(height), color, color ? 3 : 1));
  // A warning means missing or damaged pixels. The limit on scans bounds the time a progressive file can cost.
  constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(jpeg.get(), bytes, file.size(), image.pixels.get(), width, 0, height, color ? TJPF_RGB : TJPF_GRAY,
                    kFlags) != 0) {
    return failed();
  }
  return image;
}

}  // namespace octet::cli
