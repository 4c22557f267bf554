// Resize and Upsample: what ONNX says in modes and scales becomes a table of rows and columns.
#include <algorithm>
#include <cmath>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

enum class Coordinates { half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, tf_half_pixel_for_nn };
enum class Nearest { round_prefer_floor, round_prefer_ceil, floor, ceil };

struct Modes {
  bool linear = false;
  Coordinates coordinates = Coordinates::asymmetric;
  Nearest nearest = Nearest::floor;
};

/// One axis of the image: `scale` is what the model says, or out / in.
struct Axis {
  std::int64_t in, out;
  double scale;
};

/// Where output i lies in the input, as the coordinates of pixels' centers or corners have it.
double source_of(const Axis& a, std::int64_t i, Coordinates mode) {
  const auto x = static_cast<double>(i);
  const auto in = static_cast<double>(a.in);
  const auto out = static_cast<double>(a.out);
  switch (mode) {
    case Coordinates::half_pixel: return (x + 0.5) / a.scale - 0.5;
    case Coordinates::half_pixel_symmetric: return in / 2 * (1 - out / (a.scale * in)) + (x + 0.5) / a.scale - 0.5;
    case Coordinates::pytorch_half_pixel: return a.out > 1 ? (x + 0.5) / a.scale - 0.5 : 0.0;
    // By the scale, as ONNX's tests have it: in * scale need not be whole.
    case Coordinates::align_corners: return a.out > 1 ? x * (in - 1) / (in * a.scale - 1) : 0.0;
    case Coordinates::asymmetric: return x / a.scale;
    case Coordinates::tf_half_pixel_for_nn: return (x + 0.5) / a.scale;
  }
  return x;
}

double rounded(double x, Nearest mode) {
  switch (mode) {
    case Nearest::round_prefer_floor: return std::ceil(x - 0.5);
    case Nearest::round_prefer_ceil: return std::floor(x + 0.5);
    case Nearest::floor: return std::floor(x);
    case Nearest::ceil: return std::ceil(x);
  }
  return x;
}

/// The rows (or columns) and, where linear, how near each output is to the next one.
void fill(const Axis& a, const Modes& modes, std::vector<int>& from, std::vector<float>& weights) {
  const auto last = static_cast<double>(a.in - 1);
  for (std::int64_t i = 0; i < a.out; ++i) {
    const double x = source_of(a, i, modes.coordinates);
    const double first = std::clamp(modes.linear ? std::floor(std::clamp(x, 0.0, last)) : rounded(x, modes.nearest), 0.0, last);
    from.push_back(static_cast<int>(first));
    if (modes.linear) weights.push_back(static_cast<float>(std::clamp(x, 0.0, last) - first));
  }
}

Result<Modes> read_modes(NodeImport& node) {
  Modes modes;
  OCTET_TRY(const std::string mode, node.attributes.text("mode", "nearest"));
  if (mode != "nearest" && mode != "linear" && mode != "bilinear") return unsupported("mode '" + mode + "' is not supported");
  modes.linear = mode != "nearest";
  if (node.opset() < 11) return modes;
  OCTET_TRY(const std::size_t coordinates, node.attributes.choice("coordinate_transformation_mode", {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                                                  "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"}));
  if (coordinates == 6) return unsupported("coordinate_transformation_mode 'tf_crop_and_resize' is not supported");
  modes.coordinates = static_cast<Coordinates>(coordinates);
  OCTET_TRY(const std::size_t nearest, node.attributes.choice("nearest_mode", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}));
  modes.nearest = static_cast<Nearest>(nearest);
  node.attributes.ignore("cubic_coeff_a");        // of mode cubic
  node.attributes.ignore("extrapolation_value");  // of tf_crop_and_resize
  node.attributes.ignore("exclude_outside");      // of weights outside of the image, which only cubic ones have
  OCTET_TRY(const std::int64_t antialias, node.attributes.integer("antialias", 0));
  if (antialias != 0) return unsupported("antialias is not supported");
  return modes;
}

/// The axes that sizes and scales are given for.
Result<std::vector<std::size_t>> read_axes(NodeImport& node, std::size_t rank) {
  std::vector<std::int64_t> all(rank);
  for (std::size_t i = 0; i < rank; ++i) all[i] = static_cast<std::int64_t>(i);
  std::vector<std::int64_t> given = all;
  if (node.opset() >= 18) {
    OCTET_TRY(given, node.attributes.integers("axes", all));
  }
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : given) {
    OCTET_TRY(const int a, normalize_axis(axis, rank));
    if (std::ranges::find(axes, static_cast<std::size_t>(a)) != axes.end()) return invalid("axis " + std::to_string(a) + " is given twice");
    axes.push_back(static_cast<std::size_t>(a));
  }
  return axes;
}

/// For every axis, the scale; from sizes, that of the sizes.
Result<std::vector<Axis>> from_scales(const Shape& x, const std::vector<std::size_t>& axes, std::span<const float> scales) {
  if (scales.size() != axes.size()) return invalid("has " + std::to_string(scales.size()) + " scales for " + std::to_string(axes.size()) + " axes");
  std::vector<Axis> result;
  for (const std::int64_t size : x) result.push_back({size, size, 1.0});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto scale = static_cast<double>(scales[i]);
    const double size = std::floor(static_cast<double>(x[axes[i]]) * scale);
    if (!(scale > 0) || !(size >= 1) || !(size < 1e9)) return invalid("scale " + std::to_string(scale) + " of an axis of " + std::to_string(x[axes[i]]));
    result[axes[i]] = {x[axes[i]], static_cast<std::int64_t>(size), scale};
  }
  return result;
}

Result<std::vector<Axis>> from_sizes(NodeImport& node, const Shape& x, const std::vector<std::size_t>& axes, const std::vector<std::int64_t>& sizes) {
  if (sizes.size() != axes.size()) return invalid("has " + std::to_string(sizes.size()) + " sizes for " + std::to_string(axes.size()) + " axes");
  OCTET_TRY(const std::size_t policy, node.attributes.choice("keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"}));
  std::vector<Axis> result;
  for (const std::int64_t size : x) result.push_back({size, size, 1.0});
  double common = policy == 1 ? HUGE_VAL : 0.0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > 1'000'000'000) return invalid("a size is " + std::to_string(sizes[i]));
    const double scale = static_cast<double>(sizes[i]) / static_cast<double>(x[axes[i]]);
    common = policy == 1 ? std::min(common, scale) : std::max(common, scale);
    result[axes[i]] = {x[axes[i]], sizes[i], scale};
  }
  for (const std::size_t axis : axes)
    if (policy != 0) result[axis] = {x[axis], static_cast<std::int64_t>(std::nearbyint(common * static_cast<double>(x[axis]))), common};
  return result;
}

/// Constant scales, or sizes, which may follow the batch along the leading axis.
Result<std::vector<Axis>> read_target(NodeImport& node, int x) {
  const Shape& shape = node.shape(x);
  OCTET_TRY(const auto axes, read_axes(node, shape.size()));
  if (node.op_type() == "Upsample" && node.opset() < 9) {
    OCTET_TRY(const auto scales, node.attributes.reals("scales", {}));
    return from_scales(shape, axes, scales);
  }
  const std::size_t at = node.opset() < 11 ? 1 : 2;
  if (const auto scales = node.constant(at); scales && element_count(scales->shape) > 0) {
    if (scales->type != Type::f32) return invalid("its scales must be f32");
    return from_scales(shape, axes, scales->data.as<float>());
  }
  if (node.opset() < 11 || !node.has_input(3)) return unsupported("its scales must be constant");
  OCTET_TRY(const auto sizes, node.known_integers(3, "sizes"));
  for (std::size_t i = 0; i < sizes[0].size(); ++i) {
    if (sizes[0][i] == sizes[1][i]) continue;
    const bool follows = i < axes.size() && axes[i] == 0 && sizes[0][i] == node.shapes(x)[0][0] && sizes[1][i] == node.shapes(x)[1][0];
    if (!follows) return node.follows_batch("a size follows the batch");
  }
  return from_sizes(node, shape, axes, sizes[0]);
}

/// As an image: [N, C, W] has one row.
Result<void> import_resize(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  const std::size_t rank = node.rank(x);
  if (rank != 3 && rank != 4) return unsupported("its input has rank " + std::to_string(rank) + "; only images of 1 or 2 axes are supported");
  OCTET_TRY(const Modes modes, read_modes(node));
  OCTET_TRY(const auto target, read_target(node, x));
  for (const std::size_t i : {0U, 1U})
    if (target[i].out != target[i].in) return unsupported("only the image's axes can be resized, not axis " + std::to_string(i));
  schema::ResizeT op;
  if (rank == 3) {
    op.rows = {0};
    if (modes.linear) op.row_weights = {0.0F};
  } else {
    fill(target[2], modes, op.rows, op.row_weights);
  }
  fill(target[rank - 1], modes, op.columns, op.column_weights);
  OCTET_TRY(const int image, node.to_image(x));
  OCTET_TRY(const int y, node.emit_inner(std::move(op), {image}, NodeImport::kChannelsLast));
  return node.emit_image(y, rank);
}

}  // namespace

void register_resize(ImporterTable& table) {
  table.add("Resize", {1, 4, import_resize});
  table.add("Upsample", {1, 2, import_resize});
}

}  // namespace octet
