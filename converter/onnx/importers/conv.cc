#include "converter/onnx/importers/taps.h"

namespace octet {
namespace {

/// ONNX's weights [O, C/groups, KH, KW], or [O, C/groups, K], as [O, KH, KW, C/groups].
Result<Tensor> channels_last(const Tensor& w) {
  const auto from = w.data.as<float>();
  const auto out = static_cast<std::size_t>(w.shape[0]);
  const auto channels = static_cast<std::size_t>(w.shape[1]);
  const std::int64_t height = w.shape.size() == 4 ? w.shape[2] : 1;
  const auto positions = static_cast<std::size_t>(height * w.shape.back());
  std::vector<float> to(from.size());
  for (std::size_t o = 0; o < out; ++o)
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t p = 0; p < positions; ++p)
        to[(o * positions + p) * channels + c] = from[(o * channels + c) * positions + p];
  Tensor made = w;
  made.shape = {w.shape[0], height, w.shape.back(), w.shape[1]};
  made.data = Constant::of(std::move(to));
  if (w.source.quant.axis > 0) made.source = {};  // scales along another axis than the outputs': there is no such product
  return made;
}

Result<Tensor> read_weights(const NodeImport& node, std::size_t rank) {
  OCTET_TRY(Tensor w, node.constant(1, "weights"));
  if (w.type != Type::f32) return unsupported(std::string("its weights are ") + name_of(w.type) + ", not f32");
  if (w.shape.size() != rank)
    return invalid("its weights have rank " + std::to_string(w.shape.size()) + ", not " + std::to_string(rank));
  if (element_count(w.shape) < 1) return invalid("its weights of shape " + to_string(w.shape) + " are empty");
  return w;
}

/// Weights that are computed, or more than two axes.
Result<void> import_general_conv(NodeImport& node, int x) {
  OCTET_TRY(const int weights, node.input(1));
  if (node.rank(weights) != node.rank(x)) return invalid("its weights have rank " + std::to_string(node.rank(weights)) + ", not " + std::to_string(node.rank(x)));
  const Shape w = node.shape(weights);
  const std::vector<std::int64_t> kernel(w.begin() + std::min<std::ptrdiff_t>(2, std::ssize(w)), w.end());
  OCTET_TRY(const auto declared, node.attributes.integers("kernel_shape", kernel));
  if (declared != kernel) return invalid("kernel_shape is not that of its weights, " + to_string(w));
  OCTET_TRY(const Taps taps, read_taps(node, node.shape(x), kernel));
  OCTET_TRY(const std::int64_t groups, node.attributes.integer("group", 1));
  int bias = kAbsent;
  if (node.has_input(2)) {
    OCTET_TRY(bias, node.input(2));
  }
  Compose make(node);
  OCTET_TRY(const int y, convolve(node, make, x, weights, bias, taps, groups));
  return make.finish(y);
}

Result<void> import_conv(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  const bool constant_bias = !node.has_input(2) || node.constant(2);
  if (!node.constant(1) || !constant_bias || node.rank(x) > 4) return import_general_conv(node, x);
  OCTET_CHECK(check_image(node, x));
  OCTET_TRY(const Tensor w, read_weights(node, node.rank(x)));
  const std::vector<std::int64_t> kernel(w.shape.begin() + 2, w.shape.end());
  OCTET_TRY(const auto declared, node.attributes.integers("kernel_shape", kernel));
  if (declared != kernel) return invalid("kernel_shape is not that of its weights, " + to_string(w.shape));
  OCTET_TRY(const Window window, read_window(node, node.shape(x), kernel));
  OCTET_TRY(const std::int64_t group, node.attributes.integer("group", 1));

  schema::ConvT op;
  set_pads_and_strides(window, op);
  op.dilation_h = window.dilation[0], op.dilation_w = window.dilation[1];
  OCTET_TRY(op.groups, to_int(group, "group"));
  OCTET_TRY(const int weights, node.derived(1, "channels last", channels_last));
  OCTET_TRY(const int image, node.to_image(x));
  std::vector<int> inputs = {image, weights};
  if (node.has_input(2)) {
    OCTET_TRY(const int bias, node.input(2));
    inputs.push_back(bias);
  }
  OCTET_TRY(const int y, node.emit_inner(std::move(op), std::move(inputs), NodeImport::kChannelsLast));
  return node.emit_image(y, node.rank(x));
}

}  // namespace

void register_conv(ImporterTable& table) { table.add("Conv", {2, 3, import_conv}); }

}  // namespace octet
