// oneDNN behind one small interface. kernels/onednn.cc is the only file of the library that includes its headers, so that 2.x and 3.x,
// whose APIs differ, are told apart in one place.
//
// int8: u8 x s8 products with plain s32 accumulators: no bias, scales, zero-points or post-ops, because oneDNN's own
// rounds differently from release to release. Only at avx512vnni and above: below, its u8 x s8 saturates at 16 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/conv/conv.h"
#include "kernels/isa.h"

namespace octet::kernels::onednn {

/// y = x W^T: x [rows, depth], W [out, depth], y [rows, out].
struct MatmulShape {
  std::int64_t rows = 1, depth = 1, out = 1;
};

/// A compiled primitive with its packed weights. It belongs to one step of one session, which runs it in lanes of one thread
/// at a time: each remembers where its x, y and scratch were, and only tells oneDNN when they move.
class Primitive {
 public:
  struct Impl;
  explicit Primitive(std::unique_ptr<Impl> impl) noexcept;
  ~Primitive();

  /// x and y as the factory says; scratch of scratch_bytes(), 64-byte aligned; `lane` in [0, lanes). False if oneDNN failed. It
  /// takes as many of OpenMP's threads as it was made for.
  [[nodiscard]] bool run(const void* x, void* y, void* scratch, int lane = 0) const noexcept;

  [[nodiscard]] std::size_t scratch_bytes() const noexcept;
  /// Bytes of the packed weights (and bias).
  [[nodiscard]] std::size_t packed_bytes() const noexcept;
  /// oneDNN's name of the implementation, for example "brgconv:avx512_core_vnni".
  [[nodiscard]] const std::string& name() const noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

using PrimitivePtr = std::shared_ptr<const Primitive>;

/// What run() will have: the threads of one run, and how many runs there may be at the same time.
struct Parallelism {
  int threads = 1;
  int lanes = 1;
};

// The factories copy weights and bias. oneDNN takes a cap once a process, from the
// first factory call that reaches it: a later `cap` still decides what int8 may use, but no longer the code of float
// layers.

/// u8 [batch, in_h, in_w, in_c] x s8 weights [out_c, kernel_h, kernel_w, in_c/groups] -> s32 [batch, out_h, out_w,
/// out_c]. Padding counts as q = 0. Null where the contract does not allow oneDNN: the cap is below avx512vnni; or
/// oneDNN has no implementation within the cap for which 255 * sum|w| of every channel stays within what it was tested
/// to sum exactly (2^24 where it was not tested).
[[nodiscard]] PrimitivePtr make_conv_u8s8s32(const ConvShape& shape, const std::int8_t* weights, Isa cap,
                                             Parallelism parallelism) noexcept;

/// u8 [rows, depth] x s8 weights [out, depth] -> s32 [rows, out]. Null as above.
[[nodiscard]] PrimitivePtr make_matmul_u8s8s32(const MatmulShape& shape, const std::int8_t* weights, Isa cap,
                                               Parallelism parallelism) noexcept;

/// f32 convolution with bias (null: none) and clamp; layouts as above. Null only if oneDNN has no such primitive or
/// failed.
[[nodiscard]] PrimitivePtr make_conv_f32(const ConvShape& shape, const float* weights, const float* bias,
                                         float clamp_min, float clamp_max, Isa cap, Parallelism parallelism) noexcept;

/// f32 matrix product with bias (null: none) and clamp.
[[nodiscard]] PrimitivePtr make_matmul_f32(const MatmulShape& shape, const float* weights, const float* bias,
                                           float clamp_min, float clamp_max, Isa cap, Parallelism parallelism) noexcept;

/// "2.6.3".
[[nodiscard]] std::string version();

}  // namespace octet::kernels::onednn
