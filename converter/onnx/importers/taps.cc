#include "converter/onnx/importers/taps.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace octet {
namespace {

using schema::BinaryFunction;

constexpr std::int64_t kMostTaps = 1024;  // inputs of one Concat
constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();

Result<Shape> read_list(NodeImport& node, const char* name, std::size_t count, std::int64_t fallback, std::int64_t least) {
  OCTET_TRY(const auto values, node.attributes.integers(name, std::vector<std::int64_t>(count, fallback)));
  if (values.size() != count) return invalid(std::string(name) + " has " + std::to_string(values.size()) + " values, not " + std::to_string(count));
  for (const std::int64_t v : values)
    if (v < least || v > kLargest) return invalid("a value of " + std::string(name) + " is " + std::to_string(v));
  return values;
}

Result<void> pad_same(const Shape& x, bool upper, Taps& t) {
  for (std::size_t i = 0; i < t.axes(); ++i) {
    const std::int64_t places = (x[2 + i] - 1) / t.stride[i] + 1;
    const std::int64_t total = std::max<std::int64_t>((places - 1) * t.stride[i] + t.reach(i) - x[2 + i], 0);
    t.pad_begin[i] = upper ? total / 2 : total - total / 2;
    t.pad_end[i] = total - t.pad_begin[i];
  }
  return {};
}

/// Places of the window along each axis of x [N, C, ...].
Result<Shape> places_of(const Shape& x, const Taps& t) {
  Shape places;
  for (std::size_t i = 0; i < t.axes(); ++i) {
    const std::int64_t room = x[2 + i] + t.pad_begin[i] + t.pad_end[i] - t.reach(i);
    if (room < 0) return invalid("a window of " + std::to_string(t.reach(i)) + " does not fit into its padded input of shape " + to_string(x));
    places.push_back(room / t.stride[i] + 1);
  }
  return places;
}

/// Padding at the end so that what is left over gets a place, unless that would start in the padding.
void round_up(const Shape& x, Taps& t) {
  for (std::size_t i = 0; i < t.axes(); ++i) {
    const std::int64_t room = x[2 + i] + t.pad_begin[i] + t.pad_end[i] - t.reach(i);
    const std::int64_t left = room < 0 ? 0 : room % t.stride[i];
    if (left != 0 && room - left + t.stride[i] < x[2 + i] + t.pad_begin[i]) t.pad_end[i] += t.stride[i] - left;
  }
}

/// x [N, C, ...] as [N, ..., C] with its padding written out.
Result<int> padded_image(NodeImport& node, Compose& make, int x, const Taps& t, double value) {
  OCTET_TRY(const int image, make.axis_last(x, 1));
  Shape begins(node.rank(x), 0), ends(node.rank(x), 0);
  std::ranges::copy(t.pad_begin, begins.begin() + 1);
  std::ranges::copy(t.pad_end, ends.begin() + 1);
  if (std::ranges::all_of(begins, [](auto v) { return v == 0; }) && std::ranges::all_of(ends, [](auto v) { return v == 0; })) return image;
  return make.pad(image, begins, ends, value);
}

/// What each tap sees: [N, places..., C], in the order of the weights.
Result<std::vector<int>> tap_slices(NodeImport& node, Compose& make, int image, const Shape& places, const Taps& t) {
  std::vector<int> slices;
  for (std::int64_t tap = 0; tap < t.count(); ++tap) {
    schema::SliceT op;
    op.starts.assign(node.rank(image), 0), op.steps.assign(node.rank(image), 1), op.sizes.assign(node.rank(image), 0);
    std::int64_t rest = tap;
    for (std::size_t i = t.axes(); i-- > 0; rest /= t.kernel[i]) {
      OCTET_TRY(op.starts[i + 1], to_int(rest % t.kernel[i] * t.dilation[i], "start"));
      OCTET_TRY(op.sizes[i + 1], to_int(places[i], "size"));
      OCTET_TRY(op.steps[i + 1], to_int(places[i] == 1 ? 1 : t.stride[i], "step"));
    }
    OCTET_TRY(const int slice, make.op(std::move(op), {image}));
    slices.push_back(slice);
  }
  return slices;
}

/// [places...]: how many taps of each place count, those between `first` and `last` of each axis.
Result<int> counts_of(NodeImport& node, Compose& make, const Shape& places, const Taps& t, const Shape& first, const Shape& last) {
  const std::int64_t elements = element_count(places);
  if (!node.may_make(elements)) return unsupported("its output is too large");
  std::vector<float> counts(static_cast<std::size_t>(elements), 1.0F);
  for (std::int64_t n = 0; n < elements; ++n) {
    std::int64_t rest = n;
    for (std::size_t i = t.axes(); i-- > 0; rest /= places[i]) {
      std::int64_t inside = 0;
      for (std::int64_t k = 0; k < t.kernel[i]; ++k) {
        const std::int64_t at = rest % places[i] * t.stride[i] + k * t.dilation[i] - t.pad_begin[i];
        inside += at >= first[i] && at < last[i] ? 1 : 0;
      }
      counts[static_cast<std::size_t>(n)] *= static_cast<float>(inside);
    }
  }
  return make.constant(places, std::move(counts));
}

Result<int> channels_first(NodeImport& node, Compose& make, int y) {
  std::vector<int> perm = all_axes(node.rank(y));
  std::rotate(perm.begin() + 1, perm.end() - 1, perm.end());
  return make.transpose(y, std::move(perm));
}

/// All taps of each place, combined: [N, C, places...].
Result<int> combined(NodeImport& node, Compose& make, int x, const Taps& t, BinaryFunction function, double padding) {
  if (node.type(x) != Type::f32) return unsupported("only f32 is supported");
  OCTET_TRY(const Shape places, places_of(node.shape(x), t));
  OCTET_TRY(const int image, padded_image(node, make, x, t, padding));
  OCTET_TRY(const auto slices, tap_slices(node, make, image, places, t));
  int y = slices[0];
  for (std::size_t i = 1; i < slices.size(); ++i) {
    OCTET_TRY(y, make.binary(function, y, slices[i]));
  }
  return channels_first(node, make, y);
}

/// The place of each element of x [N, C, ...] in its memory; with `first_axis_fastest`, as if the first spatial axis were its last.
Result<int> positions_of(Compose& make, const Shape& x, bool first_axis_fastest) {
  OCTET_TRY(const int counted, make.count_up(element_count(x)));
  if (!first_axis_fastest) return make.reshape(counted, x);
  Shape turned = x;
  std::reverse(turned.begin() + 2, turned.end());
  std::vector<int> perm = all_axes(x.size());
  std::reverse(perm.begin() + 2, perm.end());
  OCTET_TRY(const int laid, make.reshape(counted, turned));
  return make.transpose(laid, std::move(perm));
}

Result<int> add_bias(NodeImport& node, Compose& make, int y, int bias) {
  if (bias == kAbsent) return y;
  if (node.type(bias) != Type::f32 || node.shape(bias) != Shape{node.shape(y)[1]})
    return invalid("its bias has shape " + to_string(node.shape(bias)) + " for " + std::to_string(node.shape(y)[1]) + " outputs");
  Shape shape(node.rank(y) - 1, 1);
  shape[0] = node.shape(y)[1];
  OCTET_TRY(const int column, make.reshape(bias, shape));
  return make.binary(BinaryFunction::Add, y, column);
}

/// x [N, C, ...] with stride - 1 zeros between its elements.
Result<int> spread(Compose& make, int x, const Taps& t) {
  const Shape open = make.open(x);
  Shape apart = {open[0], open[1]}, begins(2, 0), ends(2, 0), together = apart;
  for (std::size_t i = 0; i < t.axes(); ++i) {
    apart.insert(apart.end(), {open[2 + i], 1});
    begins.insert(begins.end(), {0, 0});
    ends.insert(ends.end(), {0, t.stride[i] - 1});
    together.push_back(element_count({open[2 + i], t.stride[i]}));
  }
  if (std::ranges::all_of(t.stride, [](auto s) { return s == 1; })) return x;
  OCTET_TRY(x, make.reshape(x, apart));
  OCTET_TRY(x, make.pad(x, begins, ends));
  OCTET_TRY(x, make.reshape(x, together));
  for (std::size_t i = 0; i < t.axes(); ++i) {
    OCTET_TRY(x, make.slice(x, 2 + i, 0, (open[2 + i] - 1) * t.stride[i] + 1));
  }
  return x;
}

/// Weights of a transposed convolution as those of the convolution: [C, O/g, ...] -> [O, C/g, ...], turned round.
Result<int> turned(NodeImport& node, Compose& make, int weights, std::int64_t groups) {
  const Shape w = node.shape(weights);
  Shape apart = {groups, w[0] / groups, w[1]}, together = {w[1] * groups, w[0] / groups};
  apart.insert(apart.end(), w.begin() + 2, w.end());
  together.insert(together.end(), w.begin() + 2, w.end());
  OCTET_TRY(int y, make.reshape(weights, apart));
  std::vector<int> perm = all_axes(apart.size());
  std::swap(perm[1], perm[2]);
  OCTET_TRY(y, make.transpose(y, std::move(perm)));
  OCTET_TRY(y, make.reshape(y, together));
  for (std::size_t i = 2; i < w.size(); ++i) {
    OCTET_TRY(y, make.slice(y, i, w[i] - 1, w[i], -1));
  }
  return y;
}

}  // namespace

Result<Taps> read_taps(NodeImport& node, const Shape& x, const std::vector<std::int64_t>& kernel, bool auto_pad) {
  if (x.size() < 3) return invalid("its input has rank " + std::to_string(x.size()) + ", below 3");
  const std::size_t axes = x.size() - 2;
  if (kernel.size() != axes) return invalid("its kernel has " + std::to_string(kernel.size()) + " axes, not " + std::to_string(axes));
  Taps t;
  t.kernel = kernel;
  for (const std::int64_t k : kernel)
    if (k < 1 || k > kLargest) return invalid("a size of its kernel is " + std::to_string(k));
  if (t.count() < 1 || t.count() > kMostTaps) return unsupported("its window of " + to_string(kernel) + " elements is too large");
  OCTET_TRY(t.stride, read_list(node, "strides", axes, 1, 1));
  OCTET_TRY(t.dilation, read_list(node, "dilations", axes, 1, 1));
  OCTET_TRY(const Shape pads, read_list(node, "pads", 2 * axes, 0, 0));
  t.pad_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes));
  t.pad_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(axes), pads.end());
  if (!auto_pad) return t;
  OCTET_TRY(const std::size_t how, node.attributes.choice("auto_pad", {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}));
  if (how == 0) return t;
  if (std::ranges::any_of(pads, [](auto p) { return p != 0; })) return invalid("has both pads and auto_pad");
  if (how > 1) OCTET_CHECK(pad_same(x, how == 2, t));
  return t;
}

Taps taps_of(const Window& w, std::size_t axes) {
  Taps t;
  for (std::size_t i = 2 - axes; i < 2; ++i) {
    t.kernel.push_back(w.kernel[i]), t.stride.push_back(w.stride[i]), t.dilation.push_back(w.dilation[i]);
    t.pad_begin.push_back(w.pad_begin[i]), t.pad_end.push_back(w.pad_end[i]);
  }
  return t;
}

Result<TransposedTarget> read_transposed_target(NodeImport& node, const Taps& taps, const Shape& x) {
  const std::size_t axes = taps.axes();
  OCTET_TRY(const auto extra, node.attributes.integers("output_padding", std::vector<std::int64_t>(axes, 0)));
  OCTET_TRY(const auto wanted, node.attributes.integers("output_shape", {}));
  OCTET_TRY(const std::string auto_pad, node.attributes.text("auto_pad", "NOTSET"));
  if (extra.size() != axes || (!wanted.empty() && wanted.size() != axes)) return invalid("output_padding and output_shape need a value for each axis");
  TransposedTarget t;
  for (std::size_t i = 0; i < axes; ++i) {
    if (extra[i] < 0 || extra[i] >= std::max(taps.stride[i], taps.dilation[i])) return invalid("output_padding is " + std::to_string(extra[i]));
    const std::int64_t full = (x[2 + i] - 1) * taps.stride[i] + taps.reach(i) + extra[i];
    const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
    std::int64_t size = full - taps.pad_begin[i] - taps.pad_end[i];
    std::int64_t begin = taps.pad_begin[i];
    if (!wanted.empty() || same) {
      size = wanted.empty() ? x[2 + i] * taps.stride[i] : wanted[i];
      if (size < 0 || size > kLargest) return invalid("an output of " + std::to_string(size));
      // As with output_padding, there may be some more at the end, which see no input.
      if (size - full >= (same ? 1 : taps.stride[i])) return unsupported("an output of " + std::to_string(size) + " where there are " + std::to_string(full));
      const std::int64_t total = std::max<std::int64_t>(full - size, 0);
      begin = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
    }
    if (size < 1) return invalid("its output is empty");
    t.size.push_back(size);
    t.pad_begin.push_back(begin);
  }
  return t;
}

Result<int> convolve(NodeImport& node, Compose& make, int x, int weights, int bias, const Taps& taps, std::int64_t groups) {
  const Shape w = node.shape(weights);
  const std::int64_t channels = node.shape(x)[1];
  if (node.type(x) != Type::f32 || node.type(weights) != Type::f32) return unsupported("only f32 is supported");
  if (groups < 1 || channels % groups != 0 || w[0] % groups != 0 || w[1] != channels / groups)
    return invalid(std::to_string(groups) + " groups of weights " + to_string(w) + " for " + std::to_string(channels) + " channels");
  OCTET_TRY(const Shape places, places_of(node.shape(x), taps));
  const std::int64_t count = element_count(places);
  const std::int64_t depth = taps.count() * w[1];
  // Windows [N, G, places, taps * C/g], weights [G, taps * C/g, O/g].
  OCTET_TRY(const int image, padded_image(node, make, x, taps, 0.0));
  OCTET_TRY(auto slices, tap_slices(node, make, image, places, taps));
  for (int& slice : slices) {
    OCTET_TRY(slice, make.reshape(slice, {-1, count, groups, 1, w[1]}));
  }
  OCTET_TRY(int windows, make.concat(std::move(slices), 3));
  OCTET_TRY(windows, make.transpose(windows, {0, 2, 1, 3, 4}));
  OCTET_TRY(windows, make.reshape(windows, {-1, groups, count, depth}));
  OCTET_TRY(int matrix, make.reshape(weights, {groups, w[0] / groups, w[1], taps.count()}));
  OCTET_TRY(matrix, make.transpose(matrix, {0, 3, 2, 1}));
  OCTET_TRY(matrix, make.reshape(matrix, {groups, depth, w[0] / groups}));
  OCTET_TRY(int y, make.mat_mul(windows, matrix));
  OCTET_TRY(y, make.transpose(y, {0, 1, 3, 2}));
  Shape shape = {-1, w[0]};
  shape.insert(shape.end(), places.begin(), places.end());
  OCTET_TRY(y, make.reshape(y, shape));
  return add_bias(node, make, y, bias);
}

Result<int> convolve_transposed(NodeImport& node, Compose& make, int x, int weights, int bias, const Taps& taps, const TransposedTarget& target,
                                std::int64_t groups) {
  const Shape w = node.shape(weights);
  if (groups < 1 || w[0] % groups != 0 || w[0] != node.shape(x)[1])
    return invalid(std::to_string(groups) + " groups of weights " + to_string(w) + " for " + std::to_string(node.shape(x)[1]) + " channels");
  OCTET_TRY(int image, spread(make, x, taps));
  Taps plain = taps;
  plain.stride.assign(taps.axes(), 1);
  for (std::size_t i = 0; i < taps.axes(); ++i) {
    const std::int64_t begin = taps.reach(i) - 1 - target.pad_begin[i];
    const std::int64_t end = target.size[i] - 1 + taps.reach(i) - node.shape(image)[2 + i] - begin;
    plain.pad_begin[i] = std::max<std::int64_t>(begin, 0);
    plain.pad_end[i] = std::max<std::int64_t>(end, 0);
    const std::int64_t from = std::max<std::int64_t>(-begin, 0);
    const std::int64_t cut = from + std::max<std::int64_t>(-end, 0);
    if (cut >= node.shape(image)[2 + i]) return unsupported("crops all of its input");
    if (cut > 0) {
      OCTET_TRY(image, make.slice(image, 2 + i, from, node.shape(image)[2 + i] - cut));
    }
  }
  OCTET_TRY(const int filters, turned(node, make, weights, groups));
  return convolve(node, make, image, filters, bias, plain, groups);
}

Result<int> pool_maximum(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode) {
  if (ceil_mode) round_up(node.shape(x), taps);
  return combined(node, make, x, taps, BinaryFunction::Max, -std::numeric_limits<double>::infinity());
}

Result<Maximum> pool_maximum_with_indices(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode, bool first_axis_fastest) {
  const auto shapes = node.shapes(x);
  if (shapes[0] != shapes[1]) return node.follows_batch("its indices count through the batch");
  if (node.type(x) != Type::f32) return unsupported("only f32 is supported");
  if (ceil_mode) round_up(shapes[0], taps);
  OCTET_TRY(const Shape places, places_of(shapes[0], taps));
  OCTET_TRY(const int positions, positions_of(make, shapes[0], first_axis_fastest));
  OCTET_TRY(const int image, padded_image(node, make, x, taps, -std::numeric_limits<double>::infinity()));
  OCTET_TRY(const int places_image, padded_image(node, make, positions, taps, 0.0));
  OCTET_TRY(const auto values, tap_slices(node, make, image, places, taps));
  OCTET_TRY(const auto indices, tap_slices(node, make, places_image, places, taps));
  Maximum y{values[0], indices[0]};
  for (std::size_t i = 1; i < values.size(); ++i) {
    OCTET_TRY(const int greater, make.compare(schema::Comparison::Greater, values[i], y.value));
    OCTET_TRY(y.index, make.where(greater, indices[i], y.index));
    OCTET_TRY(y.value, make.binary(BinaryFunction::Max, y.value, values[i]));
  }
  OCTET_TRY(y.value, channels_first(node, make, y.value));
  OCTET_TRY(y.index, channels_first(node, make, y.index));
  return y;
}

Result<int> pool_sum(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode) {
  if (ceil_mode) round_up(node.shape(x), taps);
  return combined(node, make, x, taps, BinaryFunction::Add, 0.0);
}

Result<int> pool_mean(NodeImport& node, Compose& make, int x, Taps taps, bool ceil_mode, bool count_include_pad) {
  const Shape shape = node.shape(x);
  Shape first(taps.axes(), 0), last(shape.begin() + 2, shape.end());
  for (std::size_t i = 0; count_include_pad && i < taps.axes(); ++i) first[i] -= taps.pad_begin[i], last[i] += taps.pad_end[i];
  if (ceil_mode) round_up(shape, taps);
  OCTET_TRY(const int sum, combined(node, make, x, taps, BinaryFunction::Add, 0.0));
  OCTET_TRY(const Shape places, places_of(shape, taps));
  OCTET_TRY(const int counts, counts_of(node, make, places, taps, first, last));
  return make.binary(BinaryFunction::Div, sum, counts);
}

}  // namespace octet
