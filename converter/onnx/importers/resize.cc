// Resize and Upsample: what ONNX says in modes and scales becomes a table of rows and columns.
#include <algorithm>
#include <cmath>

#include "converter/onnx/importers/resize.h"

namespace octet {
namespace {

/// The rows (or columns) and, where linear, how near each output is to the next one.
void fill(const ResizeAxis& a, const ResizeModes& modes, std::vector<int>& from, std::vector<float>& weights) {
  for (std::int64_t i = 0; i < a.out; ++i) {
    const float x = resize_source(a, i, modes.coordinates);
    if (modes.method == Method::linear) {
      const float inside = std::clamp(x, 0.0F, static_cast<float>(a.in - 1));
      from.push_back(static_cast<int>(inside));
      weights.push_back(inside - std::floor(inside));
    } else {
      from.push_back(static_cast<int>(resize_nearest(a, x, modes.nearest)));
    }
  }
}

Result<ResizeModes> read_modes(NodeImport& node) {
  ResizeModes modes;
  OCTET_TRY(const std::string mode, node.attributes.text("mode", "nearest"));
  if (mode != "nearest" && mode != "linear" && mode != "bilinear" && mode != "cubic") return invalid("its mode is '" + mode.substr(0, 100) + "'");
  modes.method = mode == "nearest" ? Method::nearest : mode == "cubic" ? Method::cubic : Method::linear;
  if (node.opset() < 11) return modes;
  OCTET_TRY(const std::size_t coordinates, node.attributes.choice("coordinate_transformation_mode", {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                                                  "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"}));
  modes.coordinates = static_cast<Coordinates>(coordinates);
  OCTET_TRY(const std::size_t nearest, node.attributes.choice("nearest_mode", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}));
  modes.nearest = static_cast<Nearest>(nearest);
  OCTET_TRY(const float cubic_a, node.attributes.real("cubic_coeff_a", -0.75F));
  OCTET_TRY(const float outside, node.attributes.real("extrapolation_value", 0.0F));
  OCTET_TRY(const std::int64_t exclude_outside, node.attributes.integer("exclude_outside", 0));
  OCTET_TRY(const std::int64_t antialias, node.attributes.integer("antialias", 0));
  if (!std::isfinite(cubic_a) || !std::isfinite(outside)) return invalid("cubic_coeff_a or extrapolation_value is not finite");
  modes.cubic_a = static_cast<double>(cubic_a);
  modes.outside = static_cast<double>(outside);
  modes.exclude_outside = exclude_outside != 0;
  modes.antialias = antialias != 0;
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

/// For every axis, the scale and the size it gives: of their product in f32, as in ONNX's shape inference (20 x 1.3 is 26).
Result<std::vector<ResizeAxis>> from_scales(const Shape& x, const std::vector<std::size_t>& axes, std::span<const float> scales) {
  if (scales.size() != axes.size()) return invalid("has " + std::to_string(scales.size()) + " scales for " + std::to_string(axes.size()) + " axes");
  std::vector<ResizeAxis> result;
  for (const std::int64_t size : x) result.push_back({size, size, 1.0F});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const float scale = scales[i];
    const float size = std::floor(static_cast<float>(x[axes[i]]) * scale);
    if (!(scale > 0) || !(size >= 1) || !(size < 1e9F)) return invalid("scale " + std::to_string(scale) + " of an axis of " + std::to_string(x[axes[i]]));
    result[axes[i]] = {x[axes[i]], static_cast<std::int64_t>(size), scale};
  }
  return result;
}

/// For every axis, the size and the scale it is; where the ratio of the axes is kept, all have one scale, and the sizes follow.
Result<std::vector<ResizeAxis>> from_sizes(NodeImport& node, const Shape& x, const std::vector<std::size_t>& axes, const std::vector<std::int64_t>& sizes) {
  if (sizes.size() != axes.size()) return invalid("has " + std::to_string(sizes.size()) + " sizes for " + std::to_string(axes.size()) + " axes");
  OCTET_TRY(const std::size_t policy, node.attributes.choice("keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"}));
  std::vector<ResizeAxis> result;
  for (const std::int64_t size : x) result.push_back({size, size, 1.0F});
  float common = policy == 1 ? HUGE_VALF : 0.0F;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > 1'000'000'000) return invalid("a size is " + std::to_string(sizes[i]));
    const float scale = static_cast<float>(sizes[i]) / static_cast<float>(x[axes[i]]);
    common = policy == 1 ? std::min(common, scale) : std::max(common, scale);
    result[axes[i]] = {x[axes[i]], sizes[i], scale};
  }
  for (const std::size_t axis : axes)
    if (policy != 0) result[axis] = {x[axis], static_cast<std::int64_t>(std::round(common * static_cast<float>(x[axis]))), common};
  return result;
}

/// Constant scales, or sizes, which may follow the batch along the leading axis.
Result<std::vector<ResizeAxis>> read_target(NodeImport& node, int x) {
  const Shape& shape = node.shape(x);
  OCTET_TRY(const auto axes, read_axes(node, shape.size()));
  if (node.op_type() == "Upsample" && node.opset() < 9) {
    OCTET_TRY(const auto scales, node.attributes.reals("scales", {}));
    return from_scales(shape, axes, scales);
  }
  const std::size_t at = node.opset() < 11 ? 1 : 2;
  const auto given = [&](std::size_t i) {  // an empty constant stands for none
    const auto value = node.has_input(i) ? node.constant(i) : std::nullopt;
    return node.has_input(i) && (!value || element_count(value->shape) > 0);
  };
  if (node.opset() >= 11 && given(2) && given(3)) return invalid("has both scales and sizes");
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

/// The part of each axis that tf_crop_and_resize takes: starts, then ends.
Result<void> read_parts(NodeImport& node, int x, std::vector<ResizeAxis>& target) {
  OCTET_TRY(const auto axes, read_axes(node, node.rank(x)));
  OCTET_TRY(const Tensor roi, node.constant(1, "roi"));
  if (roi.type != Type::f32 || element_count(roi.shape) != static_cast<std::int64_t>(2 * axes.size()))
    return invalid("its roi is " + std::string(name_of(roi.type)) + " of shape " + to_string(roi.shape));
  if (!node.has_input(3)) return unsupported("tf_crop_and_resize is supported with sizes only");
  const auto values = roi.data.as<float>();
  for (std::size_t i = 0; i < axes.size(); ++i) {
    target[axes[i]].begin = values[i];
    target[axes[i]].end = values[axes.size() + i];
    if (!(std::abs(target[axes[i]].begin) < 1e6F) || !(std::abs(target[axes[i]].end) < 1e6F)) return invalid("a value of its roi is too large");
  }
  return {};
}

/// What the operator Resize does: nearest and linear of the last two axes of four, or the last one of three.
bool is_image_resize(const ResizeModes& modes, const std::vector<ResizeAxis>& target) {
  const bool plain = modes.method != Method::cubic && (modes.method == Method::nearest || !modes.antialias) && modes.coordinates != Coordinates::tf_crop_and_resize;
  const auto stays = [](const ResizeAxis& a) { return a.in == a.out; };
  return plain && (target.size() == 3 || target.size() == 4) && stays(target[0]) && stays(target[1]);
}

/// As an image: [N, C, W] has one row.
Result<void> import_image_resize(NodeImport& node, int x, const ResizeModes& modes, const std::vector<ResizeAxis>& target) {
  const std::size_t rank = node.rank(x);
  schema::ResizeT op;
  if (rank == 3) {
    op.rows = {0};
    if (modes.method == Method::linear) op.row_weights = {0.0F};
  } else {
    fill(target[2], modes, op.rows, op.row_weights);
  }
  fill(target[rank - 1], modes, op.columns, op.column_weights);
  OCTET_TRY(const int image, node.to_image(x));
  OCTET_TRY(const int y, node.emit_inner(std::move(op), {image}, NodeImport::kChannelsLast));
  return node.emit_image(y, rank);
}

Result<void> import_resize(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const ResizeModes modes, read_modes(node));
  if (modes.method != Method::nearest && node.type(x) != Type::f32 && !node.tensor(x).quant.present())
    return unsupported(std::string("of ") + name_of(node.type(x)) + ", only the nearest elements are supported");
  OCTET_TRY(auto target, read_target(node, x));
  if (modes.coordinates == Coordinates::tf_crop_and_resize) OCTET_CHECK(read_parts(node, x, target));
  if (is_image_resize(modes, target)) return import_image_resize(node, x, modes, target);
  Compose make(node);
  OCTET_TRY(const int y, resize_axes(node, make, x, modes, target));
  return make.finish(y);
}

}  // namespace

void register_resize(ImporterTable& table) {
  table.add("Resize", {1, 4, import_resize});
  table.add("Upsample", {1, 2, import_resize});
}

}  // namespace octet
