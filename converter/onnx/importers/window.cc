#include "converter/onnx/importers/window.h"

#include <algorithm>
#include <limits>

namespace octet {
namespace {

constexpr std::size_t kAxes = 2;

/// A list attribute with one value for each spatial axis (or `count` values), each in [least, 2^31).
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

/// SAME: ceil(size / stride) outputs; what the last window needs beyond the image is padding, the odd one at the end
/// (SAME_UPPER) or at the beginning (SAME_LOWER).
Result<void> pad_same(const Shape& x, bool upper, Window& w) {
  for (std::size_t i = 0; i < kAxes; ++i) {
    const std::int64_t size = x[2 + i];
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
  if (node.rank(x) == 4) return {};
  return unsupported("its input has rank " + std::to_string(node.rank(x)) +
                     "; only 2-D images [N, C, H, W] are supported");
}

Result<Window> read_window(NodeImport& node, const Shape& x, const std::vector<std::int64_t>& kernel) {
  if (kernel.size() != kAxes) return invalid("its kernel has " + std::to_string(kernel.size()) + " axes, not 2");
  Window w{};
  OCTET_TRY(const auto strides, read_list(node, "strides", kAxes, 1, 1));
  OCTET_TRY(const auto dilations, read_list(node, "dilations", kAxes, 1, 1));
  OCTET_TRY(const auto pads, read_list(node, "pads", 2 * kAxes, 0, 0));
  OCTET_TRY(const std::string auto_pad, node.attributes.text("auto_pad", "NOTSET"));
  for (std::size_t i = 0; i < kAxes; ++i) {
    OCTET_TRY(w.kernel[i], to_int(kernel[i], "kernel"));
    if (w.kernel[i] < 1) return invalid("a size of its kernel is " + std::to_string(w.kernel[i]));
    w.stride[i] = strides[i];
    w.dilation[i] = dilations[i];
    w.pad_begin[i] = pads[i];
    w.pad_end[i] = pads[kAxes + i];
  }
  if (auto_pad == "NOTSET") return w;
  if (std::ranges::any_of(pads, [](int p) { return p != 0; })) return invalid("has both pads and auto_pad");
  if (auto_pad == "VALID") return w;
  if (auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") return invalid("its auto_pad is '" + auto_pad + "'");
  OCTET_CHECK(pad_same(x, auto_pad == "SAME_UPPER", w));
  return w;
}

Result<void> check_not_dilated(const Window& w) {
  for (std::size_t i = 0; i < kAxes; ++i)
    if (w.dilation[i] != 1 && w.kernel[i] != 1) return unsupported("dilated pools are not supported");
  return {};
}

Result<void> resolve_ceil_mode(NodeImport& node, const Shape& x, bool pads_count, Window& w) {
  OCTET_TRY(const std::int64_t ceil_mode, node.attributes.integer("ceil_mode", 0));
  if (ceil_mode == 0) return {};
  for (std::size_t i = 0; i < kAxes; ++i) {
    const std::int64_t room = x[2 + i] + w.pad_begin[i] + w.pad_end[i] - w.reach(i);
    const std::int64_t left = room < 0 ? 0 : room % w.stride[i];
    if (left == 0) continue;
    // One more window, unless it would start in the padding at the end.
    const std::int64_t start = room - left + w.stride[i];
    if (start >= x[2 + i] + w.pad_begin[i]) continue;
    if (pads_count) return unsupported("ceil_mode with count_include_pad is not supported where sizes do not divide");
    OCTET_TRY(w.pad_end[i], to_int(w.pad_end[i] + w.stride[i] - left, "padding"));
  }
  return {};
}

}  // namespace octet
