// Eight values at a time. Every function is inlined into one loop of its own ("flatten"), so that this file defines no
// symbol that baseline code could be linked with.
#include <xsimd/xsimd.hpp>

#include "kernels/pointwise/pointwise.h"

namespace octet::kernels {
namespace {

using Floats = xsimd::batch<float, xsimd::avx2>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(Floats::size);

/// A function and its parameters.
struct Parameters {
  Floats a, b;
};

Floats zero() noexcept { return Floats(0.0F); }
Floats one() noexcept { return Floats(1.0F); }
// The second operand where both are equal or one is NaN, as vminps and vmaxps do.
Floats at_least(Floats x, Floats least) noexcept { return xsimd::max(least, x); }
Floats at_most(Floats x, Floats most) noexcept { return xsimd::min(most, x); }
Floats sigmoid(Floats x) noexcept { return one() / (one() + xsimd::exp(-x)); }
Floats softplus(Floats x) noexcept { return at_least(x, zero()) + xsimd::log1p(xsimd::exp(-xsimd::abs(x))); }
Floats elu(Floats x, Floats a, Floats scale) noexcept {
  return xsimd::select(x < zero(), a * xsimd::expm1(at_most(x, zero()) / scale), x);
}

// clang-format off
struct Clip { Floats operator()(Floats x, const Parameters& p) const noexcept { return at_most(at_least(x, p.a), p.b); } };
struct Sigmoid { Floats operator()(Floats x, const Parameters&) const noexcept { return sigmoid(x); } };
struct HardSigmoid { Floats operator()(Floats x, const Parameters& p) const noexcept { return at_most(at_least(p.a * x + p.b, zero()), one()); } };
struct HardSwish { Floats operator()(Floats x, const Parameters&) const noexcept { return x * at_most(at_least(x / Floats(6.0F) + Floats(0.5F), zero()), one()); } };
struct Silu { Floats operator()(Floats x, const Parameters&) const noexcept { return x * sigmoid(x); } };
struct Tanh { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::tanh(x); } };
struct LeakyRelu { Floats operator()(Floats x, const Parameters& p) const noexcept { return xsimd::select(x < zero(), p.a * x, x); } };
struct Elu { Floats operator()(Floats x, const Parameters& p) const noexcept { return elu(x, p.a, one()); } };
struct Selu { Floats operator()(Floats x, const Parameters& p) const noexcept { return p.b * elu(x, p.a, one()); } };
struct Celu { Floats operator()(Floats x, const Parameters& p) const noexcept { return elu(x, p.a, p.a); } };
struct Swish { Floats operator()(Floats x, const Parameters& p) const noexcept { return x * sigmoid(p.a * x); } };
struct Mish { Floats operator()(Floats x, const Parameters&) const noexcept { return x * xsimd::tanh(softplus(x)); } };
struct Gelu { Floats operator()(Floats x, const Parameters&) const noexcept { return Floats(0.5F) * x * (one() + xsimd::erf(x * Floats(0.70710678118F))); } };
struct GeluTanh {
  Floats operator()(Floats x, const Parameters&) const noexcept {
    return Floats(0.5F) * x * (one() + xsimd::tanh(Floats(0.79788456080F) * (x + Floats(0.044715F) * x * x * x)));
  }
};
struct Erf { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::erf(x); } };
struct Softplus { Floats operator()(Floats x, const Parameters&) const noexcept { return softplus(x); } };
struct Softsign { Floats operator()(Floats x, const Parameters&) const noexcept { return x / (one() + xsimd::abs(x)); } };
struct ThresholdedRelu { Floats operator()(Floats x, const Parameters& p) const noexcept { return xsimd::select(x > p.a, x, zero()); } };
struct Exp { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::exp(x); } };
struct Log { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::log(x); } };
struct Sqrt { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::sqrt(x); } };
struct Reciprocal { Floats operator()(Floats x, const Parameters&) const noexcept { return one() / x; } };
struct Abs { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::abs(x); } };
struct Neg { Floats operator()(Floats x, const Parameters&) const noexcept { return -x; } };
struct Floor { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::floor(x); } };
struct Ceil { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::ceil(x); } };
struct Round { Floats operator()(Floats x, const Parameters&) const noexcept { return xsimd::nearbyint(x); } };
// clang-format on

template <class F>
__attribute__((flatten)) void run(const PointwiseF32& p) noexcept {
  const F f;
  const Parameters parameters{Floats(p.a), Floats(p.b)};
  std::int64_t i = 0;
  for (; i + kLanes <= p.n; i += kLanes) f(Floats::load_unaligned(p.x + i), parameters).store_unaligned(p.y + i);
  if (i == p.n) return;
  alignas(32) float rest[kLanes] = {};
  const auto bytes = static_cast<unsigned long>(p.n - i) * sizeof(float);
  __builtin_memcpy(rest, p.x + i, bytes);
  f(Floats::load_aligned(rest), parameters).store_aligned(rest);
  __builtin_memcpy(p.y + i, rest, bytes);
}

}  // namespace

void (*pointwise_f32_avx2(Function function) noexcept)(const PointwiseF32&) noexcept;

void (*pointwise_f32_avx2(Function function) noexcept)(const PointwiseF32&) noexcept {
  switch (function) {
    case Function::clip: return run<Clip>;
    case Function::sigmoid: return run<Sigmoid>;
    case Function::hard_sigmoid: return run<HardSigmoid>;
    case Function::hard_swish: return run<HardSwish>;
    case Function::silu: return run<Silu>;
    case Function::tanh: return run<Tanh>;
    case Function::leaky_relu: return run<LeakyRelu>;
    case Function::elu: return run<Elu>;
    case Function::selu: return run<Selu>;
    case Function::celu: return run<Celu>;
    case Function::swish: return run<Swish>;
    case Function::mish: return run<Mish>;
    case Function::gelu: return run<Gelu>;
    case Function::gelu_tanh: return run<GeluTanh>;
    case Function::erf: return run<Erf>;
    case Function::softplus: return run<Softplus>;
    case Function::softsign: return run<Softsign>;
    case Function::thresholded_relu: return run<ThresholdedRelu>;
    case Function::exp: return run<Exp>;
    case Function::log: return run<Log>;
    case Function::sqrt: return run<Sqrt>;
    case Function::reciprocal: return run<Reciprocal>;
    case Function::abs: return run<Abs>;
    case Function::neg: return run<Neg>;
    case Function::floor: return run<Floor>;
    case Function::ceil: return run<Ceil>;
    case Function::round: return run<Round>;
    case Function::power:  // rare in f32, and their vector forms are no faster
    case Function::sign:
    case Function::sin:
    case Function::cos:
    case Function::tan:
    case Function::asin:
    case Function::acos:
    case Function::atan:
    case Function::sinh:
    case Function::cosh:
    case Function::asinh:
    case Function::acosh:
    case Function::atanh:
    case Function::shrink: break;
  }
  return nullptr;
}

}  // namespace octet::kernels
