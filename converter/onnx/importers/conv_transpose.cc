// A transposed convolution of stride s is a convolution of stride 1 with s times s times the outputs, one set for each position
// of an output in its block of s x s, which are then laid out: y[s q + r - p] = sum over m of x[q - m] w[r + s m].
#include <algorithm>
#include <utility>

#include "converter/onnx/importers/taps.h"

namespace octet {
namespace {

/// One axis: outputs s * first .. s * (first + blocks) - 1 of the full result are computed, `start` and `size` of them taken.
struct PhaseAxis {
  std::int64_t stride, kernel;      ///< of the source; dilation is written out in the kernel
  std::int64_t taps;                ///< of the convolution: ceil(kernel / stride)
  std::int64_t pad_begin, pad_end;  ///< of the convolution
  std::int64_t blocks;
  std::int64_t start, size;
};

Result<PhaseAxis> phase_axis(std::int64_t in, std::int64_t stride, std::int64_t kernel, std::int64_t pad_begin, std::int64_t size) {
  PhaseAxis a{stride, kernel, (kernel - 1) / stride + 1, 0, 0, 0, 0, size};
  const std::int64_t first = pad_begin / stride;
  const std::int64_t last = (pad_begin + size - 1) / stride;
  a.pad_begin = a.taps - 1 - first;
  a.pad_end = std::max<std::int64_t>(last - (in - 1), 0);
  if (a.pad_begin < 0) return unsupported("crops more than its kernel adds");
  a.blocks = in + a.pad_begin + a.pad_end - a.taps + 1;
  a.start = pad_begin - first * stride;
  return a;
}

struct Phases {
  PhaseAxis h, w;
  std::int64_t groups, outputs;  ///< outputs of all groups
  /// Where phase (r, c) of output o is among the convolution's outputs: groups must stay together.
  [[nodiscard]] std::int64_t channel(std::int64_t o, std::int64_t r, std::int64_t c) const {
    const std::int64_t phase = r * w.stride + c;
    return groups == 1 ? phase * outputs + o : o * h.stride * w.stride + phase;
  }
  [[nodiscard]] std::int64_t channels() const { return outputs * h.stride * w.stride; }
};

/// The source form of the weights' rows: the scales of the outputs (axis 1 of ONNX's weights, the same in each group) are those of all
/// their phases.
SourceForm phase_source(SourceForm source, const Phases& p) {
  Quantization& q = source.quant;
  if (q.axis == -1) return source;
  if (q.axis != 1) return {};
  const auto channels = static_cast<std::size_t>(p.channels());
  const Quantization of = std::exchange(q, {std::vector<float>(channels), std::vector<std::int32_t>(channels), 0});
  for (std::int64_t o = 0; o < p.outputs; ++o)
    for (std::int64_t r = 0; r < p.h.stride; ++r)
      for (std::int64_t c = 0; c < p.w.stride; ++c) {
        const auto to = static_cast<std::size_t>(p.channel(o, r, c));
        const std::size_t from = static_cast<std::size_t>(o) % of.scales.size();
        q.scales[to] = of.scales[from];
        q.zero_points[to] = of.zero_points[from];
      }
  return source;
}

/// ONNX's weights [C, O/groups, KH, KW] as the convolution's [O * phases, taps, taps, C/groups], turned round.
Result<Tensor> phase_weights(const Tensor& t, const Phases& p, int dilation_h, int dilation_w) {
  const auto from = t.data.as<float>();
  const std::int64_t in = t.shape[0] / p.groups;
  const std::int64_t out = t.shape[1];
  const std::int64_t kh = t.shape.size() == 4 ? t.shape[2] : 1;
  const std::int64_t kw = t.shape.back();
  Tensor made = t;
  made.source = phase_source(t.source, p);
  made.shape = {p.channels(), p.h.taps, p.w.taps, in};
  std::vector<float> to(static_cast<std::size_t>(element_count(made.shape)), 0.0F);
  for (std::int64_t c = 0; c < t.shape[0]; ++c) {
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < kh; ++i) {
        for (std::int64_t j = 0; j < kw; ++j) {
          const std::int64_t y = i * dilation_h;
          const std::int64_t x = j * dilation_w;
          const std::int64_t channel = p.channel(c / in * out + o, y % p.h.stride, x % p.w.stride);
          const std::int64_t tap = (channel * p.h.taps + p.h.taps - 1 - y / p.h.stride) * p.w.taps + p.w.taps - 1 - x / p.w.stride;
          to[static_cast<std::size_t>(tap * in + c % in)] = from[static_cast<std::size_t>(((c * out + o) * kh + i) * kw + j)];
        }
      }
    }
  }
  made.data = Constant::of(std::move(to));
  return made;
}

/// The bias of every phase is the output's.
Result<Tensor> phase_bias(const Tensor& t, const Phases& p) {
  if (t.type != Type::f32 || t.shape != Shape{p.outputs}) return invalid("its bias must be f32 of shape " + std::to_string(p.outputs) + ", not " + to_string(t.shape));
  const auto from = t.data.as<float>();
  std::vector<float> to(static_cast<std::size_t>(p.channels()));
  for (std::int64_t o = 0; o < p.outputs; ++o)
    for (std::int64_t r = 0; r < p.h.stride; ++r)
      for (std::int64_t c = 0; c < p.w.stride; ++c) to[static_cast<std::size_t>(p.channel(o, r, c))] = from[static_cast<std::size_t>(o)];
  Tensor made = t;
  made.shape = {p.channels()};
  made.data = Constant::of(std::move(to));
  return made;
}

/// [N, QH, QW, phases of outputs] -> [N, QH sh, QW sw, O], then what was asked for of it.
Result<int> lay_out(NodeImport& node, int y, const Phases& p) {
  if (p.h.stride * p.w.stride > 1) {
    const bool last = p.groups == 1;
    OCTET_TRY(auto apart, to_shape<schema::ReshapeT>(last ? std::vector<std::int64_t>{-1, p.h.blocks, p.w.blocks, p.h.stride, p.w.stride, p.outputs}
                                          : std::vector<std::int64_t>{-1, p.h.blocks, p.w.blocks, p.outputs, p.h.stride, p.w.stride}));
    OCTET_TRY(y, node.emit_inner(std::move(apart), {y}, "@phases"));
    schema::TransposeT swap;
    swap.perm = last ? std::vector<int>{0, 1, 3, 2, 4, 5} : std::vector<int>{0, 1, 4, 2, 5, 3};
    OCTET_TRY(y, node.emit_inner(std::move(swap), {y}, "@laid"));
    OCTET_TRY(auto together, to_shape<schema::ReshapeT>({-1, p.h.blocks * p.h.stride, p.w.blocks * p.w.stride, p.outputs}));
    OCTET_TRY(y, node.emit_inner(std::move(together), {y}, "@full"));
  }
  if (node.shape(y)[1] == p.h.size && node.shape(y)[2] == p.w.size) return y;
  schema::SliceT crop;
  crop.starts = {0, 0, 0, 0}, crop.steps = {1, 1, 1, 1}, crop.sizes = {0, 0, 0, 0};
  OCTET_TRY(crop.starts[1], to_int(p.h.start, "start"));
  OCTET_TRY(crop.starts[2], to_int(p.w.start, "start"));
  OCTET_TRY(crop.sizes[1], to_int(p.h.size, "size"));
  OCTET_TRY(crop.sizes[2], to_int(p.w.size, "size"));
  return node.emit_inner(std::move(crop), {y}, NodeImport::kChannelsLast);
}

/// Weights that are computed, or more than two axes: zeros are put between the elements of x.
Result<void> import_general(NodeImport& node, int x) {
  OCTET_TRY(const int weights, node.input(1));
  const Shape w = node.shape(weights);
  if (w.size() != node.rank(x) || w.size() < 3) return invalid("its weights have shape " + to_string(w));
  const std::vector<std::int64_t> kernel(w.begin() + 2, w.end());
  OCTET_TRY(const auto declared, node.attributes.integers("kernel_shape", kernel));
  if (declared != kernel) return invalid("kernel_shape is not that of its weights, " + to_string(w));
  OCTET_TRY(const Taps taps, read_taps(node, node.shape(x), kernel, false));
  OCTET_TRY(const TransposedTarget target, read_transposed_target(node, taps, node.shape(x)));
  OCTET_TRY(const std::int64_t groups, node.attributes.integer("group", 1));
  int bias = kAbsent;
  if (node.has_input(2)) {
    OCTET_TRY(bias, node.input(2));
  }
  Compose make(node);
  OCTET_TRY(const int y, convolve_transposed(node, make, x, weights, bias, taps, target, groups));
  return make.finish(y);
}

Result<void> import_conv_transpose(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  const bool constant_bias = !node.has_input(2) || node.constant(2);
  if (!node.constant(1) || !constant_bias || node.rank(x) > 4) return import_general(node, x);
  OCTET_CHECK(check_image(node, x));
  const Shape shape = node.shape(x);
  OCTET_TRY(const Tensor w, node.constant(1, "weights"));
  if (w.type != Type::f32) return unsupported(std::string("its weights are ") + name_of(w.type) + ", not f32");
  if (w.shape.size() != shape.size() || element_count(w.shape) < 1) return invalid("its weights have shape " + to_string(w.shape));
  const std::vector<std::int64_t> kernel(w.shape.begin() + 2, w.shape.end());
  OCTET_TRY(const auto declared, node.attributes.integers("kernel_shape", kernel));
  if (declared != kernel) return invalid("kernel_shape is not that of its weights, " + to_string(w.shape));
  OCTET_TRY(const Window window, read_explicit_window(node, shape, kernel));
  OCTET_TRY(const std::int64_t groups, node.attributes.integer("group", 1));
  if (groups < 1 || w.shape[0] % groups != 0 || w.shape[0] != shape[1])
    return invalid(std::to_string(groups) + " groups of weights " + to_string(w.shape) + " for " + std::to_string(shape[1]) + " channels");
  OCTET_TRY(const TransposedTarget target, read_transposed_target(node, taps_of(window, kernel.size()), shape));

  Phases p{};
  p.groups = groups;
  p.outputs = w.shape[1] * groups;
  const std::size_t last = target.size.size() - 1;
  if (last == 0) {
    p.h = {1, 1, 1, 0, 0, 1, 0, 1};
  } else {
    OCTET_TRY(p.h, phase_axis(shape[2], window.stride[0], window.reach(0), target.pad_begin[0], target.size[0]));
  }
  OCTET_TRY(p.w, phase_axis(shape.back(), window.stride[1], window.reach(1), target.pad_begin[last], target.size[last]));
  // Phases without taps and dilation leave zeros: refuse what would be nearly nothing else.
  constexpr std::int64_t kMostElements = std::int64_t{1} << 31;
  const std::int64_t elements = element_count({p.channels(), p.h.taps, p.w.taps, w.shape[0] / groups});
  if (elements < 0 || elements > kMostElements || !node.may_make(elements)) return unsupported("its weights are too large for its strides and dilations");

  schema::ConvT op;
  OCTET_TRY(op.pad_top, to_int(p.h.pad_begin, "padding"));
  OCTET_TRY(op.pad_bottom, to_int(p.h.pad_end, "padding"));
  OCTET_TRY(op.pad_left, to_int(p.w.pad_begin, "padding"));
  OCTET_TRY(op.pad_right, to_int(p.w.pad_end, "padding"));
  OCTET_TRY(op.groups, to_int(groups, "group"));
  const std::string how = "phases " + std::to_string(groups) + " " + std::to_string(window.stride[0]) + " " + std::to_string(window.stride[1]) + " " +
                          std::to_string(window.dilation[0]) + " " + std::to_string(window.dilation[1]);
  OCTET_TRY(const int weights, node.derived(1, how, [&](const Tensor& t) { return phase_weights(t, p, window.dilation[0], window.dilation[1]); }));
  OCTET_TRY(const int image, node.to_image(x));
  std::vector<int> inputs = {image, weights};
  if (node.has_input(2)) {
    OCTET_TRY(const Tensor b, node.constant(2, "bias"));
    OCTET_TRY(const int bias, node.derived(2, how, [&](const Tensor& t) { return phase_bias(t, p); }));
    inputs.push_back(bias);
  }
  OCTET_TRY(int y, node.emit_inner(std::move(op), std::move(inputs), "@conv"));
  OCTET_TRY(y, lay_out(node, y, p));
  return node.emit_image(y, shape.size());
}

}  // namespace

void register_conv_transpose(ImporterTable& table) { table.add("ConvTranspose", {2, 3, import_conv_transpose}); }

}  // namespace octet
