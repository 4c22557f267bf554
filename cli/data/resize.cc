#include "cli/data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/try.h"

namespace octet::cli {
namespace {

constexpr int kWeightBits = 22;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

/// What one output position is made of: weights[first ...] of the inputs from `begin` on.
struct Taps {
  std::size_t begin, count, first;
};

struct Filter {
  std::vector<Taps> taps;
  std::vector<std::int32_t> weights;  ///< sums of 2^22 a position, up to rounding
};

/// Triangles around the centers of `to` positions over `from` pixels, at least one pixel wide on each side.
Filter make_filter(std::size_t from, std::size_t to) {
  Filter filter;
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(scale, 1.0);
  const double slope = 1.0 / reach;
  std::vector<double> w;
  for (std::size_t i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = static_cast<std::size_t>(std::max(center - reach + 0.5, 0.0));
    const std::size_t end = std::min(static_cast<std::size_t>(center + reach + 0.5), from);
    w.clear();
    double sum = 0;
    for (std::size_t x = begin; x < end; ++x) {
      w.push_back(std::max(1.0 - std::abs((static_cast<double>(x) - center + 0.5) * slope), 0.0));
      sum += w.back();
    }
    filter.taps.push_back({begin, w.size(), filter.weights.size()});
    for (const double v : w) filter.weights.push_back(static_cast<std::int32_t>(0.5 + v / sum * (1 << kWeightBits)));
  }
  return filter;
}

/// `count` lines, `line_step` bytes apart, of pixels `pixel_step` bytes apart, of which `components` neighbouring bytes are filtered.
struct Lines {
  std::size_t count, line_step, pixel_step, components;
};

std::uint8_t weighted(const std::uint8_t* x, std::size_t step, const Taps& t, const std::int32_t* weights) noexcept {
  std::int32_t sum = kHalf;
  for (std::size_t k = 0; k < t.count; ++k) sum += weights[k] * x[(t.begin + k) * step];
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void filter_lines(const Filter& f, const std::uint8_t* x, const Lines& in, std::uint8_t* y, const Lines& out) noexcept {
  for (std::size_t line = 0; line < in.count; ++line) {
    for (std::size_t i = 0; i < f.taps.size(); ++i) {
      const Taps& t = f.taps[i];
      for (std::size_t c = 0; c < in.components; ++c)
        y[line * out.line_step + i * out.pixel_step + c] = weighted(x + line * in.line_step + c, in.pixel_step, t, f.weights.data() + t.first);
    }
  }
}

Result<Image> blank(const Image& like, std::size_t width, std::size_t height) { return allocate_image(width, height, like.color, like.pixel_bytes); }

/// round_half_even((outer - inner) / 2).
std::size_t offset(std::size_t outer, std::size_t inner) noexcept {
  const std::size_t difference = outer - inner;
  const std::size_t half = difference / 2;
  return difference % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

}  // namespace

Result<Image> resize_bilinear(const Image& image, std::size_t width, std::size_t height) {
  const std::size_t bytes = image.pixel_bytes;
  OCTET_TRY(Image wide, blank(image, width, image.height));
  if (width == image.width)
    std::memcpy(wide.pixels.get(), image.pixels.get(), image.count() * bytes);
  else
    filter_lines(make_filter(image.width, width), image.pixels.get(), {image.height, image.width * bytes, bytes, bytes}, wide.pixels.get(),
                 {image.height, width * bytes, bytes, bytes});
  if (height == image.height) return wide;
  OCTET_TRY(Image done, blank(image, width, height));
  // One "line" is a row's byte column; all bytes of a row are filtered alike.
  filter_lines(make_filter(image.height, height), wide.pixels.get(), {1, 0, width * bytes, width * bytes}, done.pixels.get(),
               {1, 0, width * bytes, width * bytes});
  return done;
}

Image crop_center(const Image& image, std::size_t width, std::size_t height) {
  const std::size_t bytes = image.pixel_bytes;
  const std::size_t left = offset(image.width, width);
  const std::size_t top = offset(image.height, height);
  Image cut{width, height, image.color, bytes, std::make_unique_for_overwrite<std::uint8_t[]>(width * height * bytes)};
  for (std::size_t row = 0; row < height; ++row)
    std::memcpy(cut.pixels.get() + row * width * bytes, image.pixels.get() + ((top + row) * image.width + left) * bytes, width * bytes);
  return cut;
}

}  // namespace octet::cli
