#include "cli/data/images.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "cli/data/decode_image.h"
#include "cli/data/file.h"
#include "cli/data/resize.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;

Result<Image> read_image(const std::string& path) {
  OCTET_TRY(const std::vector<std::byte> bytes, read_file(path, kMaxFileBytes));
  const FileKind kind = kind_of(bytes);
  if (kind != FileKind::png && kind != FileKind::jpeg) return bad_file("is neither PNG nor JPEG").in(path);
  auto image = kind == FileKind::png ? decode_png(bytes) : decode_jpeg(bytes);
  if (!image) return std::move(image).error().in(path);
  return image;
}

/// A file called like an image is one, so that a damaged one is reported and not passed over: labels are matched by
/// position.
bool is_image(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename();
  std::error_code error;
  if (name.starts_with('.') || entry.is_directory(error)) return false;
  std::string extension = entry.path().extension();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") return true;
  const auto kind = file_kind(entry.path());
  return kind && (*kind == FileKind::png || *kind == FileKind::jpeg);
}

Result<std::vector<std::string>> list_images(const std::string& path) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (is_image(*it)) files.push_back(it->path());
  }
  if (error) return bad_file("cannot be read: " + error.message()).in(path);
  if (files.empty()) return bad_file("is a directory without PNG or JPEG files").in(path);
  std::sort(files.begin(), files.end());
  return files;
}

/// Appends [channels,H,W], or [H,W,channels].
void append_pixels(const Image& image, std::size_t channels, const ImageOptions& options, Bytes& to) {
  const std::size_t count = image.count();
  to.resize(to.size() + channels * count);
  std::byte* out = to.data() + (to.size() - channels * count);
  const std::size_t channel_step = options.channels_last ? 1 : count;
  const std::size_t pixel_step = options.channels_last ? channels : 1;
  const std::uint8_t* in = image.pixels.get();
  for (std::size_t i = 0; i < count; ++i, in += image.pixel_bytes) {
    if (image.color && channels == 1) {
      out[i] = static_cast<std::byte>((19595u * in[0] + 38470u * in[1] + 7471u * in[2] + 32768u) >> 16);
    } else {
      for (std::size_t c = 0; c < channels; ++c)
        out[c * channel_step + i * pixel_step] = static_cast<std::byte>(in[!image.color ? 0 : options.bgr ? 2 - c : c]);
    }
  }
}

std::string size_text(const Image& image) { return std::to_string(image.width) + "x" + std::to_string(image.height); }

/// The image with its shorter side made `shorter` long.
Result<Image> resize_shorter_side(const Image& image, std::size_t shorter) {
  const std::size_t longer = std::max(image.width, image.height) * shorter / std::min(image.width, image.height);
  return image.width <= image.height ? resize_bilinear(image, shorter, longer) : resize_bilinear(image, longer, shorter);
}

/// The image made just large, or small, enough to hold height x width.
Result<Image> resize_to_cover(const Image& image, std::size_t width, std::size_t height) {
  return width * image.height >= height * image.width ? resize_bilinear(image, width, image.height * width / image.width)
                                                      : resize_bilinear(image, image.width * height / image.height, height);
}

/// Resized and cropped as the options say.
Result<Image> fitted(Image image, const ImageOptions& options) {
  std::optional<std::array<int, 2>> cut = options.size;
  if (options.crop) cut = {*options.crop, *options.crop};
  if (options.resize) {
    OCTET_TRY(image, resize_shorter_side(image, static_cast<std::size_t>(*options.resize)));
  }
  if (!cut) return image;
  const auto height = static_cast<std::size_t>((*cut)[0]);
  const auto width = static_cast<std::size_t>((*cut)[1]);
  if (image.width == width && image.height == height) return image;
  if (!options.resize && !options.crop) {
    OCTET_TRY(image, resize_to_cover(image, width, height));
  }
  if (image.width < width || image.height < height)
    return bad_file("is " + size_text(image) + (options.resize ? " after --resize" : "") + ", too small to cut " + std::to_string(width) + "x" +
                    std::to_string(height) + " out of it");
  return crop_center(image, width, height);
}

Result<Image> read_fitted(const std::string& path, const ImageOptions& options) {
  OCTET_TRY(Image image, read_image(path));
  auto done = fitted(std::move(image), options);
  if (!done) return std::move(done).error().in(path);
  return done;
}

/// Why `image` cannot stand in one tensor with `first`.
Result<void> check_alike(const Image& image, const Image& first, const std::string& first_path, bool any_color) {
  const std::string other = quote(fs::path(first_path).filename());
  if (image.width != first.width || image.height != first.height) {
    return bad_file("is " + size_text(image) + ", but " + other + " is " + size_text(first) +
                    ": all images must have one size (--resize and --crop make it so)");
  }
  if (!any_color && image.color != first.color) {
    return bad_file(std::string("is ") + (image.color ? "RGB" : "gray") + ", but " + other + " is not");
  }
  return {};
}

}  // namespace

Result<Array> read_images(const std::string& path, const ReadOptions& options) {
  if (options.channels && *options.channels != 1 && *options.channels != 3) {
    return Error{ErrorCode::invalid_argument,
                 "holds images of 1 or 3 channels, not " + std::to_string(*options.channels), path};
  }
  std::vector<std::string> files = {path};
  if (std::error_code error; fs::is_directory(path, error)) {
    OCTET_TRY(files, list_images(path));
  }
  auto samples = take_samples(static_cast<std::int64_t>(files.size()), options.samples);
  if (!samples) return std::move(samples).error().in(path);
  files.resize(static_cast<std::size_t>(*samples));

  OCTET_TRY(const Image first, read_fitted(files[0], options.image));
  const int channels = options.channels.value_or(first.color ? 3 : 1);
  const auto height = static_cast<std::int64_t>(first.height);
  const auto width = static_cast<std::int64_t>(first.width);
  Array array{Type::u8, {*samples, channels, height, width}, {}};
  if (options.image.channels_last) array.shape = {*samples, height, width, channels};
  const auto bytes = array_bytes(array.shape, 1);
  if (!bytes || *bytes > options.max_bytes) {
    return bad_file("would take more than " + std::to_string(options.max_bytes) + " bytes as " +
                    shape_text(array.shape) + "; read fewer samples")
        .in(path);
  }
  array.bytes.reserve(static_cast<std::size_t>(*bytes));
  append_pixels(first, static_cast<std::size_t>(channels), options.image, array.bytes);
  for (std::size_t i = 1; i < files.size(); ++i) {
    OCTET_TRY(const Image image, read_fitted(files[i], options.image));
    if (auto alike = check_alike(image, first, files[0], options.channels.has_value()); !alike) {
      return std::move(alike).error().in(files[i]);
    }
    append_pixels(image, static_cast<std::size_t>(channels), options.image, array.bytes);
    forget(array.bytes);
  }
  return array;
}

}  // namespace octet::cli
