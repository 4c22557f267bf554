// Steps that run a oneDNN primitive, shared by convolution and matrix product.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/ops/common.h"
#include "kernels/gemm/quad.h"
#include "kernels/layout/layout.h"
#include "kernels/onednn.h"

namespace octet {

/// What an int8 product asks of a kernel: output rows, and depth and channels of one group.
struct ProductWork {
  std::int64_t rows, depth, channels, groups;
};

/// Whether oneDNN is to be tried before Octet's own kernel (null: there is none). Measured on one thread, s32 output and
/// epilogue included: with AVX-512 VNNI the own kernel reaches 420 to 550 GMAC/s of a peak of 549 where oneDNN 2.6 reaches 30
/// to 525, and is 3 % slower at worst; in groups of few channels, whose vectors stay half empty, oneDNN takes half its time.
/// oneDNN's AMX does four times the work a cycle, if there are rows enough to fill its tiles.
[[nodiscard]] bool onednn_first(const kernels::QuadKernel* own, const ProductWork& work, kernels::Isa isa) noexcept;

/// Whether a kernel that wants its rows widened to s16 beforehand is faster than one that takes quads of bytes apart as it goes:
/// with AVX2, where a row serves many channels and need not be gathered first. Measured: 94 to 108 GMAC/s against 82 to 90, of a
/// peak of 129.
[[nodiscard]] bool widened_first(const kernels::QuadKernel& own, const ProductWork& work) noexcept;

/// The kernels that can run a node, offered in the order in which the rules prefer them: makes the first, and all where
/// PrepareOptions asks for them.
class Offers {
 public:
  explicit Offers(const PrepareOptions& options) : others_(options.others) {}

  /// `make` gives a Step or, where it turns out that it cannot, std::nullopt.
  template <class Make>
  void add(const char* why, const Make& make) {
    if (first_ && others_ == nullptr) return;
    std::optional<Step> step = make();
    if (!step) return;
    step->why = why;
    if (first_) others_->push_back(*std::move(step));
    else first_ = std::move(step);
  }
  [[nodiscard]] bool empty() const noexcept { return !first_; }
  [[nodiscard]] Step take() && { return *std::move(first_); }

 private:
  std::vector<Step>* others_;
  std::optional<Step> first_;
};

/// What a rule of onednn_first() or widened_first() has to say, and what speaks for the rest.
inline constexpr const char* kWhyLibrary = "rule: enough work for AMX tiles, groups too narrow for the own kernel, or a shape it does not take";
inline constexpr const char* kWhyWidened = "rule: without VNNI, rows widened to s16 once serve 64 channels or more";
inline constexpr const char* kWhyOwn = "rule: the own kernel of the best instruction set, which reads its windows in place";
inline constexpr const char* kWhyLeft = "rule: no faster kernel takes this shape";

/// y = kernel(x).
template <class K>
[[nodiscard]] Step packed_function(std::string name, std::shared_ptr<const K> kernel, std::shared_ptr<const ProductEpilogue> epilogue, int in, int out) {
  const K& k = *kernel;
  Step step = make_step(std::move(name), [kernel = std::move(kernel), epilogue = std::move(epilogue), in, out](const Buffers& b) noexcept -> const char* {
    kernel->run(b.tensor<std::uint8_t>(in), epilogue->at(b, out, true), b.scratch);
    return nullptr;
  });
  step.scratch_bytes = k.scratch_bytes();
  step.packed_bytes = k.packed_bytes();
  return step;
}

/// y = kernel(x) + another tensor.
template <class K>
[[nodiscard]] Step packed_sum(std::shared_ptr<const K> kernel, std::shared_ptr<const ProductEpilogue> epilogue, int in, const Tail& tail) {
  kernels::Residual residual = *tail.residual;
  residual.own = epilogue->out;
  const std::size_t scratch_bytes = kernel->scratch_bytes();
  Step step = make_step("", [kernel = std::move(kernel), epilogue = std::move(epilogue), residual, sum = tail.out, in, other = tail.other,
                             out = tail.output](const Buffers& b) noexcept -> const char* {
    kernels::Epilogue e = epilogue->at(b, out, true);
    e.out = sum;
    e.residual = &residual;
    e.other = b.tensor<std::uint8_t>(other);
    kernel->run(b.tensor<std::uint8_t>(in), e, b.scratch);
    return nullptr;
  });
  step.scratch_bytes = scratch_bytes;
  return step;
}

/// Steps of kernels that pack their weights: K has run(x, epilogue, scratch), scratch_bytes(), packed_bytes(), and maybe pooled() and
/// takes_residual().
template <class K>
[[nodiscard]] Step packed_step(const NodeView& node, std::string name, kernels::Isa isa, std::shared_ptr<const K> kernel,
                               ProductEpilogue product_epilogue) {
  const auto epilogue = std::make_shared<const ProductEpilogue>(std::move(product_epilogue));
  const int in = node.input_index(0);
  Step step = packed_function(std::move(name), kernel, epilogue, in, node.output_index());
  step.isa = isa;
  step.with_tail = [=](const Tail& tail) -> std::optional<Step> {
    if constexpr (requires { kernel->pooled(); })
      if (tail.max_pool_2x2) return packed_function("", std::make_shared<const K>(kernel->pooled()), epilogue, in, tail.output);
    if constexpr (requires { kernel->takes_residual(); })
      if (tail.residual && kernel->takes_residual()) return packed_sum(kernel, epilogue, in, tail);
    return std::nullopt;
  };
  return step;
}

/// y = primitive(x), f32.
[[nodiscard]] Step onednn_f32_step(const NodeView& node, const std::string& family, kernels::onednn::PrimitivePtr primitive,
                                   const PrepareOptions& options);

/// s32 accumulators in scratch, then the epilogue; `pad`, if given, is written out first and is what the primitive reads.
[[nodiscard]] Step onednn_s32_step(const NodeView& node, const std::string& family, kernels::onednn::PrimitivePtr primitive,
                                   ProductEpilogue epilogue, std::int64_t rows, const PrepareOptions& options,
                                   std::optional<kernels::PaddedImage> pad = std::nullopt);

}  // namespace octet
