#include "kernels/conv/conv.h"

#include "engine/ops/common.h"
#include "engine/ops/dynamic.h"
#include "engine/ops/product.h"
#include "kernels/conv/pixel_conv.h"
#include "kernels/conv/quad_conv.h"
#include "kernels/conv/tiled.h"
#include "kernels/depthwise/column_depthwise.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/depthwise/quad_depthwise.h"
#include "kernels/gemm/quad_gemm.h"
#include "kernels/layout/layout.h"
#include "kernels/onednn.h"

namespace octet::conv {
namespace {

using kernels::ConvShape;

ConvShape shape_of(const NodeView& node, const Shape& y) {
  const auto& a = node.as<schema::ConvT>();
  const Shape& x = node.input_shape(0);
  const Shape& w = node.input_shape(1);
  ConvShape s;
  s.batch = x[0], s.in_h = x[1], s.in_w = x[2], s.in_c = x[3];
  s.out_h = y[1], s.out_w = y[2], s.out_c = y[3];
  s.kernel_h = w[1], s.kernel_w = w[2];
  s.stride_h = a.stride_h, s.stride_w = a.stride_w;
  s.pad_top = a.pad_top, s.pad_left = a.pad_left, s.pad_bottom = a.pad_bottom, s.pad_right = a.pad_right;
  s.dilation_h = a.dilation_h, s.dilation_w = a.dilation_w;
  s.groups = a.groups;
  return s;
}

Step prepare_f32(const NodeView& node, const ConvShape& shape, const PrepareOptions& options) {
  const auto& a = node.as<schema::ConvT>();
  const float* weights = node.input(1).data.as<float>().data();
  const float* bias = node.has_input(2) ? node.input(2).data.as<float>().data() : nullptr;
  if (options.isa != kernels::Isa::reference) {
    auto primitive = kernels::onednn::make_conv_f32(shape, weights, bias, a.clamp_min, a.clamp_max, options.isa, {options.threads, options.lanes});
    if (primitive != nullptr) return onednn_f32_step(node, "conv_f32", std::move(primitive), options);
  }
  kernels::ConvF32 conv{shape, nullptr, weights, bias, a.clamp_min, a.clamp_max, nullptr, options.threads};
  return make_step("conv_f32_reference", [conv, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::ConvF32 c = conv;
    c.x = b.tensor<float>(in);
    c.y = b.tensor<float>(out);
    kernels::conv_f32_reference(c);
    return nullptr;
  });
}

/// Elements of a padded copy, beyond which none is made: a file may pad one pixel by 2^31 on every side.
constexpr std::int64_t kMostPadded = std::int64_t{1} << 32;

/// x with its padding written out, so that oneDNN, which pads with q = 0, sees the zero-point there.
kernels::PaddedImage padded_image(const ConvShape& s, std::int32_t zero_point) {
  return {s.batch, s.in_h, s.in_w, s.in_c, s.pad_top, s.pad_left, s.pad_bottom, s.pad_right, static_cast<std::uint8_t>(zero_point)};
}

std::optional<Step> onednn_step(const NodeView& node, const ConvShape& shape, const PrepareOptions& options) {
  const std::int32_t zero_point = node.input(0).quant.zero_point();
  const bool pad = shape.padded() && zero_point != 0;
  const kernels::PaddedImage image = padded_image(shape, zero_point);
  ConvShape seen = shape;
  if (pad) {
    const std::int64_t elements = element_count({image.batch, image.padded_h(), image.padded_w(), image.channels});
    if (elements < 0 || elements > kMostPadded) return std::nullopt;  // kernels that skip the padding need no copy of it
    seen.in_h = image.padded_h(), seen.in_w = image.padded_w();
    seen.pad_top = seen.pad_left = seen.pad_bottom = seen.pad_right = 0;
  }
  auto primitive = kernels::onednn::make_conv_u8s8s32(seen, node.input(1).data.as<std::int8_t>().data(), options.isa, {options.threads, options.lanes});
  if (primitive == nullptr) return std::nullopt;
  const auto& a = node.as<schema::ConvT>();
  return onednn_s32_step(node, "conv_u8s8", std::move(primitive), ProductEpilogue(node, a.clamp_min, a.clamp_max), shape.out_pixels(),
                         options, pad ? std::optional(image) : std::nullopt);
}

Step depthwise_step(const NodeView& node, const ConvShape& shape, const kernels::DepthwiseKernel& kernel, const PrepareOptions& options) {
  const auto& a = node.as<schema::ConvT>();
  ProductEpilogue epilogue(node, a.clamp_min, a.clamp_max);
  auto conv = std::make_shared<const kernels::Depthwise>(kernel, shape, node.input(1).data.as<std::int8_t>().data(), epilogue.folded_bias.data(),
                                                         epilogue.multiplier.data(), node.input(0).quant.zero_point(), options.threads);
  const std::size_t packed_bytes = conv->packed_bytes();
  Step step = make_step(kernel.name, [conv = std::move(conv), epilogue = std::move(epilogue), in = node.input_index(0),
                                      out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::depthwise_u8s8(*conv, b.tensor<std::uint8_t>(in), epilogue.at(b, out, true));
    return nullptr;
  });
  step.isa = kernel.isa;
  step.packed_bytes = packed_bytes;
  return step;
}

Step tiled_step(const NodeView& node, const ConvShape& shape, const kernels::TileKernel& kernel, const PrepareOptions& options) {
  const auto& a = node.as<schema::ConvT>();
  ProductEpilogue epilogue(node, a.clamp_min, a.clamp_max);
  auto conv = std::make_shared<const kernels::TiledConv>(kernel, shape, node.input(1).data.as<std::int8_t>().data(), epilogue.folded_bias.data(),
                                                         epilogue.multiplier.data(), node.input(0).quant.zero_point(), options.threads);
  const auto& c = *conv;
  Step step = make_step(std::string("conv_") + kernel.name, [conv = std::move(conv), epilogue = std::move(epilogue), in = node.input_index(0),
                                                              out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::conv_u8s8_tiled(*conv, b.tensor<std::uint8_t>(in), epilogue.at(b, out, true), b.scratch);
    return nullptr;
  });
  step.isa = kernel.isa;
  step.scratch_bytes = c.scratch_bytes();
  step.packed_bytes = c.packed_bytes();
  return step;
}

/// A matrix product of pixels.
bool pointwise(const ConvShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.stride_h == 1 && s.stride_w == 1 && !s.padded() && s.groups == 1;
}

Step quad_step(const NodeView& node, const ConvShape& shape, const kernels::QuadKernel& kernel, const PrepareOptions& options) {
  const auto& a = node.as<schema::ConvT>();
  ProductEpilogue epilogue(node, a.clamp_min, a.clamp_max);
  const std::int8_t* weights = node.input(1).data.as<std::int8_t>().data();
  if (pointwise(shape)) {
    auto gemm = std::make_shared<const kernels::QuadGemm>(kernel, weights, shape.out_pixels(), shape.out_c, shape.in_c, epilogue.folded_bias.data(),
                                                          epilogue.multiplier.data(), options.threads);
    return packed_step(node, std::string("conv_1x1_") + kernel.name, kernel.isa, std::move(gemm), std::move(epilogue));
  }
  auto conv = std::make_shared<const kernels::QuadConv>(kernel, shape, weights, epilogue.folded_bias.data(), epilogue.multiplier.data(),
                                                        node.input(0).quant.zero_point(), options.threads);
  return packed_step(node, std::string("conv_") + kernel.name, kernel.isa, std::move(conv), std::move(epilogue));
}

Step pixel_step(const NodeView& node, const ConvShape& shape, const kernels::PixelConvKernel& kernel, const PrepareOptions& options) {
  const auto& a = node.as<schema::ConvT>();
  ProductEpilogue epilogue(node, a.clamp_min, a.clamp_max);
  auto conv = std::make_shared<const kernels::PixelConv>(kernel, shape, node.input(1).data.as<std::int8_t>().data(), epilogue.folded_bias.data(),
                                                         epilogue.multiplier.data(), node.input(0).quant.zero_point(), options.threads);
  return packed_step(node, std::string("conv_") + kernel.name, kernel.isa, std::move(conv), std::move(epilogue));
}

/// Conv is QuadDepthwise or ColumnDepthwise, of a kernel of its own.
template <class Conv, class Kernel>
Step depthwise_step_of(const NodeView& node, const ConvShape& shape, const Kernel& kernel, const PrepareOptions& options) {
  const auto& a = node.as<schema::ConvT>();
  ProductEpilogue epilogue(node, a.clamp_min, a.clamp_max);
  auto conv = std::make_shared<const Conv>(kernel, shape, node.input(1).data.as<std::int8_t>().data(), epilogue.folded_bias.data(),
                                           epilogue.multiplier.data(), node.input(0).quant.zero_point(), options.threads);
  return packed_step(node, kernel.name, kernel.isa, std::move(conv), std::move(epilogue));
}

Step reference_step(const NodeView& node, const ConvShape& shape, const PrepareOptions& options) {
  const auto& a = node.as<schema::ConvT>();
  const auto epilogue = std::make_shared<const ProductEpilogue>(node, a.clamp_min, a.clamp_max);
  const kernels::ConvU8 conv{shape, nullptr, node.input(0).quant.zero_point(), node.input(1).data.as<std::int8_t>().data(), {}, options.threads};
  return make_step("conv_u8s8_reference",
                   [conv, epilogue, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
                     kernels::ConvU8 c = conv;
                     c.x = b.tensor<std::uint8_t>(in);
                     c.epilogue = epilogue->at(b, out, false);
                     kernels::conv_u8s8_reference(c);
                     return nullptr;
                   });
}

/// The one place that chooses among the int8 kernels. All of them give the same bytes.
Step prepare_u8(const NodeView& node, const ConvShape& shape, const PrepareOptions& options) {
  Offers offers(options);
  const auto* columns = kernels::find_column_depthwise_kernel(options.isa);
  if (columns != nullptr && !kernels::ColumnDepthwise::fits(shape)) columns = nullptr;
  const auto by_columns = [&] { return depthwise_step_of<kernels::ColumnDepthwise>(node, shape, *columns, options); };
  const bool columns_first = columns != nullptr && kernels::ColumnDepthwise::pays(shape);
  if (columns_first) offers.add("rule: depthwise, of 32 channels or more and enough columns to keep weights in registers", by_columns);
  if (const auto* kernel = kernels::find_quad_depthwise_kernel(options.isa); kernel != nullptr && kernels::QuadDepthwise::fits(*kernel, shape))
    offers.add("rule: depthwise windows have a kernel of their own", [&] { return depthwise_step_of<kernels::QuadDepthwise>(node, shape, *kernel, options); });
  if (columns != nullptr && !columns_first) offers.add("rule: depthwise windows have a kernel of their own", by_columns);
  const auto* quad = kernels::find_quad_kernel(options.isa);
  if (quad != nullptr && !kernels::QuadConv::fits(*quad, shape)) quad = nullptr;
  if (const auto* kernel = kernels::find_pixel_conv_kernel(options.isa); kernel != nullptr && quad != nullptr && kernels::PixelConv::fits(shape) &&
                                                                         kernels::PixelConv::pays(shape, quad->lanes))
    offers.add("rule: few channels, so pixels fill the vectors", [&] { return pixel_step(node, shape, *kernel, options); });
  const ProductWork work{shape.out_pixels(), shape.filter_size(), shape.out_c / shape.groups, shape.groups};
  const bool library = onednn_first(quad, work, options.isa);
  const auto onednn = [&] { return onednn_step(node, shape, options); };
  const auto own = [&] { return quad_step(node, shape, *quad, options); };
  const bool widened = quad != nullptr && pointwise(shape) && widened_first(*quad, work);
  if (library) offers.add(kWhyLibrary, onednn);
  if (const auto* kernel = kernels::find_depthwise_kernel(options.isa, shape))
    offers.add("rule: depthwise, of a shape that kernel takes", [&] { return depthwise_step(node, shape, *kernel, options); });
  if (quad != nullptr && !widened) offers.add(kWhyOwn, own);
  if (const auto* kernel = kernels::find_tile_kernel(options.isa))
    offers.add(widened ? kWhyWidened : kWhyLeft, [&] { return tiled_step(node, shape, *kernel, options); });
  if (quad != nullptr && widened) offers.add(kWhyOwn, own);
  if (!library) offers.add(kWhyLibrary, onednn);
  if (offers.empty()) offers.add(kWhyLeft, [&] { return reference_step(node, shape, options); });
  return std::move(offers).take();
}

/// A row is an image.
Result<Step> prepare_dynamic(const NodeView& node, const ConvShape& s, const PrepareOptions& options) {
  schema::ConvT a = node.as<schema::ConvT>();
  const float lo = a.clamp_min;
  const float hi = a.clamp_max;
  const kernels::PaddedImage rows = padded_image(s, 0);
  const Shape padded = {rows.batch, rows.padded_h(), rows.padded_w(), rows.channels};
  if (element_count(padded) < 0) return Error{ErrorCode::run_failed, "its padded input of " + to_string(padded) + " bytes is too large", {}};
  a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = 0;
  a.clamp_min = schema::ConvT().clamp_min, a.clamp_max = schema::ConvT().clamp_max;
  schema::OperatorUnion product;
  product.Set(std::move(a));
  return dynamic_step(node, rows, std::move(product), lo, hi, options);
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::ConvT>();
  const Shape& x = node.input_shape(0);
  const Shape& w = node.input_shape(1);
  if (x.size() != 4) return invalid("its input must have rank 4, not " + std::to_string(x.size()));
  if (w.size() != 4) return invalid("its weights must have rank 4, not " + std::to_string(w.size()));
  if (a.groups < 1 || x[3] % a.groups != 0 || w[0] % a.groups != 0)
    return invalid(std::to_string(a.groups) + " groups do not divide " + std::to_string(x[3]) + " input and " + std::to_string(w[0]) +
                   " output channels");
  if (w[3] != x[3] / a.groups)
    return invalid("weights for " + std::to_string(w[3]) + " input channels a group, but there are " + std::to_string(x[3] / a.groups));
  OCTET_CHECK(check_clamp(a.clamp_min, a.clamp_max));
  OCTET_TRY(const std::int64_t out_h, window_output({x[1], w[1], a.stride_h, a.pad_top, a.pad_bottom, a.dilation_h}));
  OCTET_TRY(const std::int64_t out_w, window_output({x[2], w[2], a.stride_w, a.pad_left, a.pad_right, a.dilation_w}));
  return Shape{x[0], out_h, out_w, w[0]};
}

Result<void> check(const NodeView& node) { return check_product(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const ConvShape shape = shape_of(node, node.output_shape());
  if (is_dynamic(node)) return prepare_dynamic(node, shape, options);
  if (node.input(0).type == Type::f32) return prepare_f32(node, shape, options);
  return prepare_u8(node, shape, options);
}

std::uint64_t macs(const NodeView& node) {
  const ConvShape s = shape_of(node, node.output_shape());
  return static_cast<std::uint64_t>(s.out_pixels()) * static_cast<std::uint64_t>(s.out_c) * static_cast<std::uint64_t>(s.filter_size());
}

}  // namespace octet::conv
