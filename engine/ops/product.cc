#include "engine/ops/product.h"

#include "kernels/requantize/requantize.h"

namespace octet {
namespace {

constexpr const char* kLibraryFailed = "oneDNN failed";

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + 63) / 64 * 64; }

Step finish(Step step, const kernels::onednn::Primitive& primitive, const PrepareOptions& options, std::size_t own_scratch) {
  step.isa = options.isa;
  step.openmp = options.threads > 1;
  step.scratch_bytes = own_scratch + primitive.scratch_bytes();
  step.packed_bytes = primitive.packed_bytes();
  return step;
}

}  // namespace

bool onednn_first(const kernels::QuadKernel* own, const ProductWork& w, kernels::Isa isa) noexcept {
  if (own == nullptr) return true;
  if (w.groups > 1 && 2 * w.channels < own->lanes) return true;
  constexpr std::int64_t kTileRows = 32;
  constexpr std::int64_t kTileDepth = 64;
  constexpr std::int64_t kLeastMacs = 1'000'000;
  return allows(isa, kernels::Isa::amx) && w.rows >= kTileRows && w.depth >= kTileDepth && w.rows * w.depth * w.channels >= kLeastMacs;
}

bool widened_first(const kernels::QuadKernel& own, const ProductWork& w) noexcept {
  constexpr std::int64_t kRows = 8;
  constexpr std::int64_t kDepth = 256;
  constexpr std::int64_t kChannels = 64;
  return own.weight_bytes != 4 && w.groups == 1 && w.rows >= kRows && w.depth >= kDepth && w.channels >= kChannels;
}

Step onednn_f32_step(const NodeView& node, const std::string& family, kernels::onednn::PrimitivePtr primitive,
                     const PrepareOptions& options) {
  const auto& p = *primitive;
  return finish(make_step(family + "_onednn(" + p.name() + ")",
                          [primitive = std::move(primitive), in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept {
                            return primitive->run(b.tensor<float>(in), b.tensor<float>(out), b.scratch, b.lane) ? nullptr : kLibraryFailed;
                          }),
                p, options, 0);
}

Step onednn_s32_step(const NodeView& node, const std::string& family, kernels::onednn::PrimitivePtr primitive, ProductEpilogue epilogue,
                     std::int64_t rows, const PrepareOptions& options, std::optional<kernels::PaddedImage> pad) {
  const auto& p = *primitive;
  const auto channels = static_cast<std::int64_t>(epilogue.multiplier.size());
  // Sums that are the output themselves need no place of their own.
  const std::size_t acc_bytes = epilogue.type == Type::s32 ? 0 : aligned(static_cast<std::size_t>(rows * channels) * sizeof(std::int32_t));
  const std::size_t pad_bytes = pad ? aligned(static_cast<std::size_t>(pad->elements())) : 0;
  const kernels::RequantizeKernel& requantize = kernels::find_requantize_kernel(options.isa);
  auto body = [primitive = std::move(primitive), &requantize, epilogue = std::move(epilogue), pad, rows, channels, acc_bytes, pad_bytes,
               threads = options.threads, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    auto* acc = reinterpret_cast<std::int32_t*>(b.scratch);
    const std::uint8_t* x = b.tensor<std::uint8_t>(in);
    if (pad) {
      auto* image = reinterpret_cast<std::uint8_t*>(b.scratch + acc_bytes);
      kernels::pad_image_reference(*pad, x, image);
      x = image;
    }
    const kernels::Epilogue e = epilogue.at(b, out, true);
    if (e.sums != nullptr) acc = e.sums;
    if (!primitive->run(x, acc, b.scratch + acc_bytes + pad_bytes, b.lane)) return kLibraryFailed;
    if (e.sums == nullptr) kernels::requantize(requantize, acc, rows, channels, e, threads);
    return nullptr;
  };
  return finish(make_step(family + "_onednn(" + p.name() + ")", std::move(body)), p, options, acc_bytes + pad_bytes);
}

}  // namespace octet
