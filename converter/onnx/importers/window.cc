#include "converter/onnx/importers/window.h"

#include <algorithm>
#include <limits>

namespace octet {
namespace {

constexpr std::size_t kAxes = 2;

/// The spatial axes of an image: 1 or 2.
std::size_t axes_of(const Shape& x) noexcept { return x.size() - 2; }

/// A list attribute with `count` values, each in [least, 2^31).
Result<std::vector<int>> read_list(NodeImport& node, const char* name, std::size_t count, int fallback, int least) {
  OCTET_TRY(const auto values, node.attributes.integers(name, std::vector<std::int64_t>(count, fallback)));
  if (values.size() != count)
    return invalid(std::string(name) + " has " + std::to_string(values.size()) + " values, not " +
                   std::to_string(count));
  std::vector<int> result;
  for (const std::int64_t v : values) {
    if (v < least || v > std::numeric_limits<int>::max())
      return invalid("a value of " + std::string(name) + " is " + std::to_string(v));
    result.push_back(static_cast<int>(v));
  }
  return result;
}

/// Of a window's axis.
std::int64_t size_of_axis(const Shape& x, std::size_t axis) noexcept { return x[x.size() - kAxes + axis]; }

/// SAME: ceil(size / stride) outputs; what the last window needs beyond the image is padding, the odd one at the end
/// (SAME_UPPER) or at the beginning (SAME_LOWER).
Result<void> pad_same(const Shape& x, bool upper, Window& w) {
  for (std::size_t i = kAxes - axes_of(x); i < kAxes; ++i) {
    const std::int64_t size = size_of_axis(x, i);
    const std::int64_t outputs = (size - 1) / w.stride[i] + 1;
    const std::int64_t needed = (outputs - 1) * w.stride[i] + w.reach(i);
    const std::int64_t total = std::max<std::int64_t>(needed - size, 0);
    OCTET_TRY(const int small, to_int(total / 2, "padding"));
    OCTET_TRY(const int large, to_int(total - total / 2, "padding"));
    w.pad_begin[i] = upper ? small : large;
    w.pad_end[i] = upper ? large : small;
  }
  return {};
}

}  // namespace

Result<void> check_image(const NodeImport& node, int x) {
  if (node.rank(x) == 3 || node.rank(x) == 4) return {};
  return unsupported("its input has rank " + std::to_string(node.rank(x)) +
                     "; only sequences [N, C, L] and images [N, C, H, W] are supported");
}

Result<Window> read_explicit_window(NodeImport& node, const Shape& x, const std::vector<std::int64_t>& kernel) {
  const std::size_t axes = axes_of(x);
  if (kernel.size() != axes)
    return invalid("its kernel has " + std::to_string(kernel.size()) + " axes, not " + std::to_string(axes));
  Window w{{1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}};
  OCTET_TRY(const auto strides, read_list(node, "strides", axes, 1, 1));
  OCTET_TRY(const auto dilations, read_list(node, "dilations", axes, 1, 1));
  OCTET_TRY(const auto pads, read_list(node, "pads", 2 * axes, 0, 0));
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t k = kAxes - axes + i;
    OCTET_TRY(w.kernel[k], to_int(kernel[i], "kernel"));
    if (w.kernel[k] < 1) return invalid("a size of its kernel is " + std::to_string(w.kernel[k]));
    w.stride[k] = strides[i];
    w.dilation[k] = dilations[i];
    w.pad_begin[k] = pads[i];
    w.pad_end[k] = pads[axes + i];
  }
  return w;
}

Result<Window> read_window(NodeImport& node, const Shape& x, const std::vector<std::int64_t>& kernel) {
  OCTET_TRY(Window w, read_explicit_window(node, x, kernel));
  OCTET_TRY(const std::string auto_pad, node.attributes.text("auto_pad", "NOTSET"));
  if (auto_pad == "NOTSET") return w;
  if (w.has_padding()) return invalid("has both pads and auto_pad");
  if (auto_pad == "VALID") return w;
  if (auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") return invalid("its auto_pad is '" + auto_pad + "'");
  OCTET_CHECK(pad_same(x, auto_pad == "SAME_UPPER", w));
  return w;
}

Result<bool> resolve_ceil_mode(NodeImport& node, const Shape& x, bool pads_count, Window& w) {
  OCTET_TRY(const std::int64_t ceil_mode, node.attributes.integer("ceil_mode", 0));
  if (ceil_mode == 0) return true;
  for (std::size_t i = kAxes - axes_of(x); i < kAxes; ++i) {
    const std::int64_t size = size_of_axis(x, i);
    const std::int64_t room = size + w.pad_begin[i] + w.pad_end[i] - w.reach(i);
    const std::int64_t left = room < 0 ? 0 : room % w.stride[i];
    if (left == 0) continue;
    // One more window, unless it would start in the padding at the end.
    const std::int64_t start = room - left + w.stride[i];
    if (start >= size + w.pad_begin[i]) continue;
    if (pads_count) return false;
    OCTET_TRY(w.pad_end[i], to_int(w.pad_end[i] + w.stride[i] - left, "padding"));
  }
  return true;
}

}  // namespace octet
