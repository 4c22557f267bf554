#include <algorithm>
#include <cmath>

#include "converter/onnx/importers/resize.h"

namespace octet {

float resize_source(const ResizeAxis& a, std::int64_t i, Coordinates mode) {
  const auto x = static_cast<float>(i);
  const auto in = static_cast<float>(a.in);
  const auto out = static_cast<float>(a.out);
  switch (mode) {
    case Coordinates::half_pixel: return (x + 0.5F) / a.scale - 0.5F;
    case Coordinates::half_pixel_symmetric: return in / 2 * (1 - out / (a.scale * in)) + (x + 0.5F) / a.scale - 0.5F;
    case Coordinates::pytorch_half_pixel: return a.out > 1 ? (x + 0.5F) / a.scale - 0.5F : 0.0F;
    // By the scale, as ONNX's tests have it: in * scale need not be whole.
    case Coordinates::align_corners: return a.out > 1 ? x * (in - 1) / (in * a.scale - 1) : 0.0F;
    case Coordinates::asymmetric: return x / a.scale;
    case Coordinates::tf_half_pixel_for_nn: return (x + 0.5F) / a.scale;
    case Coordinates::tf_crop_and_resize:
      return a.out > 1 ? a.begin * (in - 1) + x * (a.end - a.begin) * (in - 1) / (out - 1) : 0.5F * (a.begin + a.end) * (in - 1);
  }
  return x;
}

std::int64_t resize_nearest(const ResizeAxis& a, float place, Nearest mode) {
  const float x = std::clamp(place, 0.0F, static_cast<float>(a.in - 1));
  const auto nearest = [&] {
    switch (mode) {
      case Nearest::round_prefer_floor: return std::ceil(x - 0.5F);
      case Nearest::round_prefer_ceil: return std::round(x);
      case Nearest::floor: return std::floor(x);
      case Nearest::ceil: return std::ceil(x);
      case Nearest::by_scale: return a.scale < 1 ? std::ceil(x) : std::floor(x);
    }
    return x;
  };
  return static_cast<std::int64_t>(nearest());
}

namespace {

using schema::BinaryFunction;

/// The weight of an element at a distance.
double kernel(const ResizeModes& modes, double distance) {
  const double d = std::abs(distance);
  if (modes.method == Method::linear) return std::max(1.0 - d, 0.0);
  const double a = modes.cubic_a;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0.0;
}

bool is_outside(const ResizeModes& modes, const ResizeAxis& a, float place) {
  return modes.coordinates == Coordinates::tf_crop_and_resize && (place < 0 || place > static_cast<float>(a.in - 1));
}

/// Adds the weights of output i, whose column it is, to the matrix [in, out].
void add_weights(const ResizeModes& modes, const ResizeAxis& a, std::int64_t i, std::vector<float>& matrix) {
  const float source = resize_source(a, i, modes.coordinates);
  if (is_outside(modes, a, source)) return;
  const auto place = static_cast<double>(source);
  const double narrowed = modes.antialias ? static_cast<double>(std::min(a.scale, 1.0F)) : 1.0;
  const double reach = (modes.method == Method::linear ? 1.0 : 2.0) / narrowed;
  const auto last = static_cast<double>(a.in - 1);
  const auto each = [&](const auto& f) {
    for (double j = std::ceil(place - reach); j <= std::floor(place + reach); ++j)
      if (!modes.exclude_outside || (j >= 0 && j <= last)) f(j, kernel(modes, (j - place) * narrowed));
  };
  double sum = 0.0;
  each([&](double, double weight) { sum += weight; });
  each([&](double j, double weight) {
    const auto row = static_cast<std::int64_t>(std::clamp(j, 0.0, last));
    matrix[static_cast<std::size_t>(row * a.out + i)] += static_cast<float>(weight / sum);
  });
}

/// What lies outside has no weights, but a value of its own.
Result<int> fill_outside(Compose& make, int y, const ResizeModes& modes, const ResizeAxis& a) {
  std::vector<float> values(static_cast<std::size_t>(a.out), 0.0F);
  for (std::int64_t i = 0; i < a.out; ++i)
    if (is_outside(modes, a, resize_source(a, i, modes.coordinates))) values[static_cast<std::size_t>(i)] = static_cast<float>(modes.outside);
  if (std::ranges::all_of(values, [](float v) { return v == 0.0F; })) return y;
  return make.binary(BinaryFunction::Add, y, make.constant<float>({a.out}, std::move(values)));
}

Result<int> weighted(NodeImport& node, Compose& make, int x, std::size_t axis, const ResizeModes& modes, const ResizeAxis& a) {
  if (node.type(x) != Type::f32) return unsupported(std::string("of ") + name_of(node.type(x)) + ", only the nearest elements are supported");
  const std::int64_t elements = element_count({a.in, a.out});
  // A kernel that grows with the input reaches over as many of its elements as there are in the matrix, at most.
  if (!node.may_make(elements) || a.in > 1 << 20) return unsupported("its weights from " + std::to_string(a.in) + " to " + std::to_string(a.out) + " are too many");
  std::vector<float> matrix(static_cast<std::size_t>(elements), 0.0F);
  for (std::int64_t i = 0; i < a.out; ++i) add_weights(modes, a, i, matrix);
  const bool row = node.rank(x) == 1;  // a product needs matrices
  OCTET_TRY(int y, row ? make.reshape(x, {1, a.in}) : make.axis_last(x, axis));
  OCTET_TRY(y, make.mat_mul(y, make.constant<float>({a.in, a.out}, std::move(matrix))));
  OCTET_TRY(y, fill_outside(make, y, modes, a));
  return row ? make.reshape(y, {a.out}) : make.axis_back(y, axis);
}

Result<int> gathered(NodeImport& node, Compose& make, int x, std::size_t axis, const ResizeModes& modes, const ResizeAxis& a) {
  if (modes.coordinates == Coordinates::tf_crop_and_resize) return unsupported("tf_crop_and_resize of the nearest elements is not supported");
  if (!node.may_make(a.out)) return unsupported("its output is too large");
  std::vector<std::int64_t> from;
  for (std::int64_t i = 0; i < a.out; ++i) {
    from.push_back(resize_nearest(a, resize_source(a, i, modes.coordinates), modes.nearest));
  }
  schema::GatherT op;
  op.axis = static_cast<int>(axis);
  return make.op(std::move(op), {x, make.constant<std::int64_t>({a.out}, std::move(from))});
}

}  // namespace

Result<int> resize_axes(NodeImport& node, Compose& make, int x, const ResizeModes& modes, const std::vector<ResizeAxis>& axes) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const ResizeAxis& a = axes[i];
    if (a.in == a.out && a.scale == 1.0F && a.begin == 0.0F && a.end == 1.0F) continue;
    OCTET_TRY(x, modes.method == Method::nearest ? gathered(node, make, x, i, modes, a) : weighted(node, make, x, i, modes, a));
  }
  return x;
}

}  // namespace octet
