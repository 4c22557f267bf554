#include "engine/ops/dynamic.h"

#include <array>

#include "kernels/dynamic/dynamic.h"

namespace octet {
namespace {

using kernels::RowParameters;

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + 63) / 64 * 64; }

/// The static product in the middle: u8 rows, as they were quantized and padded, to the sums of q * w.
struct Inner {
  enum Index : int { x, weights, sums };
  Graph graph;
  std::vector<Shape> shapes;

  Inner(const NodeView& node, const kernels::PaddedImage& rows, schema::OperatorUnion attributes) {
    Shape padded = {rows.batch, rows.padded_h(), rows.padded_w(), rows.channels};
    if (attributes.type == schema::Operator::FullyConnected) padded = node.input_shape(0);
    shapes = {std::move(padded), node.input_shape(1), node.output_shape()};
    Tensor w = node.input(1);
    w.quant = {{1.0F}, {}, -1};
    graph.tensors = {{"x", Type::u8, shapes[x], false, {{1.0F}, {0}, -1}, {}}, std::move(w), {"sums", Type::s32, shapes[sums], false, {}, {}}};
    graph.nodes.push_back({"product", std::move(attributes), {x, weights}, {sums}, {}, {}});
  }

  [[nodiscard]] Result<Step> prepare(const PrepareOptions& options) const {
    return find_operator(graph.nodes[0].op())->prepare(NodeView(graph, graph.nodes[0], shapes), options);
  }
};

/// What the sums become, by channel.
struct Constants {
  std::vector<std::int32_t> weight_sums;
  std::vector<float> scales, bias;
  float clamp_min, clamp_max;

  Constants(const NodeView& node, float min, float max) : clamp_min(min), clamp_max(max) {
    const Tensor& w = node.input(1);
    const auto channels = static_cast<std::size_t>(w.shape[0]);
    const auto values = w.data.as<std::int8_t>();
    const std::size_t depth = values.size() / channels;
    weight_sums.assign(channels, 0);
    for (std::size_t i = 0; i < values.size(); ++i) weight_sums[i / depth] += values[i];
    scales = w.quant.scales;
    scales.resize(channels, scales[0]);
    bias.assign(channels, 0.0F);
    if (node.has_input(2)) std::ranges::copy(node.input(2).data.as<float>(), bias.begin());
  }

  [[nodiscard]] kernels::RowEpilogue epilogue() const noexcept {
    return {static_cast<std::int64_t>(bias.size()), weight_sums.data(), scales.data(), bias.data(), clamp_min, clamp_max};
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bias.size() * (sizeof(std::int32_t) + 2 * sizeof(float)); }
};

}  // namespace

Result<Step> dynamic_step(const NodeView& node, const kernels::PaddedImage& rows, schema::OperatorUnion product, float clamp_min,
                          float clamp_max, const PrepareOptions& options) {
  PrepareOptions alone = options;
  alone.others = nullptr;  // they would be of the product, not of this node
  OCTET_TRY(const Step inner, Inner(node, rows, std::move(product)).prepare(alone));
  const std::size_t image_bytes = aligned(static_cast<std::size_t>(rows.elements()));
  const std::size_t parameter_bytes = aligned(static_cast<std::size_t>(rows.batch) * sizeof(RowParameters));
  const Constants constants(node, clamp_min, clamp_max);
  const std::int64_t pixels = element_count(node.output_shape()) / rows.batch / constants.epilogue().channels;
  auto body = [inner, constants, rows, pixels, image_bytes, parameter_bytes, &kernel = kernels::find_row_kernel(options.isa), threads = options.threads,
               in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    auto* q = reinterpret_cast<std::uint8_t*>(b.scratch);
    auto* parameters = reinterpret_cast<RowParameters*>(b.scratch + image_bytes);
    if (!kernels::quantize_rows(kernel, rows, b.tensor<float>(in), q, parameters, threads)) return "its input has a NaN or an infinity";
    // The sums are as large as the output, and become it in place.
    const std::array<std::byte*, 3> tensors = {b.scratch, nullptr, b.tensor<std::byte>(out)};
    if (const char* failure = inner.function(inner.parameters.get(), {tensors.data(), b.scratch + image_bytes + parameter_bytes, b.lane})) return failure;
    kernels::finish_rows(kernel, constants.epilogue(), b.tensor<std::int32_t>(out), parameters, rows.batch, pixels, b.tensor<float>(out), threads);
    return nullptr;
  };
  Step step = make_step("dynamic_" + inner.kernel, std::move(body));
  step.isa = inner.isa;
  step.openmp = inner.openmp;
  step.scratch_bytes = image_bytes + parameter_bytes + inner.scratch_bytes;
  step.packed_bytes = inner.packed_bytes == 0 ? 0 : inner.packed_bytes + constants.bytes();
  return step;
}

}  // namespace octet
