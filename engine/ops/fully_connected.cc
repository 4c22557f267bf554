#include "engine/ops/common.h"
#include "engine/ops/dynamic.h"
#include "engine/ops/product.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/packed.h"
#include "kernels/gemm/quad_gemm.h"
#include "kernels/onednn.h"

namespace octet::fully_connected {
namespace {

struct Sizes {
  std::int64_t rows, depth, out;
};

Sizes sizes_of(const NodeView& node) {
  const Shape& w = node.input_shape(1);
  return {element_count(node.input_shape(0)) / w[1], w[1], w[0]};
}

Step prepare_f32(const NodeView& node, const Sizes& s, const PrepareOptions& options) {
  const auto& a = node.as<schema::FullyConnectedT>();
  const float* weights = node.input(1).data.as<float>().data();
  const float* bias = node.has_input(2) ? node.input(2).data.as<float>().data() : nullptr;
  if (options.isa != kernels::Isa::reference) {
    auto primitive =
        kernels::onednn::make_matmul_f32({s.rows, s.depth, s.out}, weights, bias, a.clamp_min, a.clamp_max, options.isa, {options.threads, options.lanes});
    if (primitive != nullptr) return onednn_f32_step(node, "gemm_f32", std::move(primitive), options);
  }
  const kernels::GemmF32 gemm{s.rows, s.depth, s.out, nullptr, weights, bias, a.clamp_min, a.clamp_max, nullptr, options.threads};
  return make_step("gemm_f32_reference", [gemm, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::GemmF32 g = gemm;
    g.x = b.tensor<float>(in);
    g.y = b.tensor<float>(out);
    kernels::gemm_f32_reference(g);
    return nullptr;
  });
}

ProductEpilogue epilogue_of(const NodeView& node) {
  const auto& a = node.as<schema::FullyConnectedT>();
  return {node, a.clamp_min, a.clamp_max};
}

Step tiled_step(const NodeView& node, const Sizes& s, const kernels::TileKernel& kernel, const PrepareOptions& options) {
  ProductEpilogue epilogue = epilogue_of(node);
  auto gemm = std::make_shared<const kernels::TiledGemm>(kernels::TiledGemm{
      &kernel,
      kernels::pack_gemm(node.input(1).data.as<std::int8_t>().data(), s.out, s.depth, epilogue.folded_bias.data(), epilogue.multiplier.data()),
      s.rows, options.threads});
  const auto& g = *gemm;
  Step step = make_step(std::string("gemm_") + kernel.name, [gemm = std::move(gemm), epilogue = std::move(epilogue), in = node.input_index(0),
                                                              out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::gemm_u8s8_tiled(*gemm, b.tensor<std::uint8_t>(in), epilogue.at(b, out, true), b.scratch);
    return nullptr;
  });
  step.isa = kernel.isa;
  step.scratch_bytes = g.scratch_bytes();
  step.packed_bytes = g.packed.bytes();
  return step;
}

Step quad_step(const NodeView& node, const Sizes& s, const kernels::QuadKernel& kernel, const PrepareOptions& options) {
  ProductEpilogue epilogue = epilogue_of(node);
  auto gemm = std::make_shared<const kernels::QuadGemm>(kernel, node.input(1).data.as<std::int8_t>().data(), s.rows, s.out, s.depth,
                                                        epilogue.folded_bias.data(), epilogue.multiplier.data(), options.threads);
  return packed_step(node, std::string("gemm_") + kernel.name, kernel.isa, std::move(gemm), std::move(epilogue));
}

std::optional<Step> onednn_step(const NodeView& node, const Sizes& s, const PrepareOptions& options) {
  const std::int8_t* weights = node.input(1).data.as<std::int8_t>().data();
  auto primitive = kernels::onednn::make_matmul_u8s8s32({s.rows, s.depth, s.out}, weights, options.isa, {options.threads, options.lanes});
  if (primitive == nullptr) return std::nullopt;
  return onednn_s32_step(node, "gemm_u8s8", std::move(primitive), epilogue_of(node), s.rows, options);
}

Step reference_step(const NodeView& node, const Sizes& s, const PrepareOptions& options) {
  const kernels::GemmU8 gemm{s.rows, s.depth, s.out, nullptr, node.input(0).quant.zero_point(), node.input(1).data.as<std::int8_t>().data(), {}, options.threads};
  return make_step("gemm_u8s8_reference", [gemm, epilogue = epilogue_of(node), in = node.input_index(0),
                                           out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::GemmU8 g = gemm;
    g.x = b.tensor<std::uint8_t>(in);
    g.epilogue = epilogue.at(b, out, false);
    kernels::gemm_u8s8_reference(g);
    return nullptr;
  });
}

/// The one place that chooses among the int8 kernels. All of them give the same bytes.
Step prepare_u8(const NodeView& node, const Sizes& s, const PrepareOptions& options) {
  Offers offers(options);
  const auto* quad = s.depth <= kernels::kMaxQuadDepth ? kernels::find_quad_kernel(options.isa) : nullptr;
  const ProductWork work{s.rows, s.depth, s.out, 1};
  const bool library = onednn_first(quad, work, options.isa);
  const bool widened = quad != nullptr && widened_first(*quad, work);
  const auto onednn = [&] { return onednn_step(node, s, options); };
  const auto own = [&] { return quad_step(node, s, *quad, options); };
  if (library) offers.add(kWhyLibrary, onednn);
  if (quad != nullptr && !widened) offers.add(kWhyOwn, own);
  if (const auto* kernel = kernels::find_tile_kernel(options.isa))
    offers.add(widened ? kWhyWidened : kWhyLeft, [&] { return tiled_step(node, s, *kernel, options); });
  if (quad != nullptr && widened) offers.add(kWhyOwn, own);
  if (!library) offers.add(kWhyLibrary, onednn);
  if (offers.empty()) offers.add(kWhyLeft, [&] { return reference_step(node, s, options); });
  return std::move(offers).take();
}

/// A row is the last axis.
Result<Step> prepare_dynamic(const NodeView& node, const Sizes& s, const PrepareOptions& options) {
  const auto& a = node.as<schema::FullyConnectedT>();
  kernels::PaddedImage rows;
  rows.batch = s.rows, rows.channels = s.depth;
  schema::OperatorUnion product;
  product.Set(schema::FullyConnectedT());
  return dynamic_step(node, rows, std::move(product), a.clamp_min, a.clamp_max, options);
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::FullyConnectedT>();
  const Shape& x = node.input_shape(0);
  const Shape& w = node.input_shape(1);
  if (x.empty()) return invalid("its input must not be a scalar");
  if (w.size() != 2) return invalid("its weights must have rank 2, not " + std::to_string(w.size()));
  if (x.back() != w[1]) return invalid("weights for " + std::to_string(w[1]) + " inputs, but the last axis has " + std::to_string(x.back()));
  OCTET_CHECK(check_clamp(a.clamp_min, a.clamp_max));
  Shape y = x;
  y.back() = w[0];
  return y;
}

Result<void> check(const NodeView& node) { return check_product(node); }

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const Sizes s = sizes_of(node);
  if (is_dynamic(node)) return prepare_dynamic(node, s, options);
  if (node.input(0).type == Type::f32) return prepare_f32(node, s, options);
  return prepare_u8(node, s, options);
}

std::uint64_t macs(const NodeView& node) {
  const Sizes s = sizes_of(node);
  return static_cast<std::uint64_t>(s.rows) * static_cast<std::uint64_t>(s.depth) * static_cast<std::uint64_t>(s.out);
}

}  // namespace octet::fully_connected
