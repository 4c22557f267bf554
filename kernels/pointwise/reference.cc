#include <algorithm>
#include <cmath>

#include "kernels/pointwise/pointwise.h"

namespace octet::kernels {
namespace {

constexpr double kSqrtHalf = 0.70710678118654752440;      // 1 / sqrt(2)
constexpr double kSqrtTwoOverPi = 0.79788456080286535588;  // sqrt(2 / pi)

double sigmoid(double x) noexcept { return 1.0 / (1.0 + std::exp(-x)); }
/// log(1 + exp(x)), without overflow.
double softplus(double x) noexcept { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double elu(double x, double a, double scale) noexcept { return x < 0 ? a * std::expm1(x / scale) : x; }
double gelu_tanh(double x) noexcept { return 0.5 * x * (1.0 + std::tanh(kSqrtTwoOverPi * (x + 0.044715 * x * x * x))); }
double sign(double x) noexcept { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }

}  // namespace

double evaluate(Function function, double x, double a, double b) noexcept {
  switch (function) {
    case Function::clip: return std::min(std::max(x, a), b);
    case Function::sigmoid: return sigmoid(x);
    case Function::hard_sigmoid: return std::min(std::max(a * x + b, 0.0), 1.0);
    case Function::hard_swish: return x * std::min(std::max(x / 6.0 + 0.5, 0.0), 1.0);
    case Function::silu: return x / (1.0 + std::exp(-x));
    case Function::tanh: return std::tanh(x);
    case Function::leaky_relu: return x < 0 ? a * x : x;
    case Function::elu: return elu(x, a, 1.0);
    case Function::selu: return b * elu(x, a, 1.0);
    case Function::celu: return elu(x, a, a);
    case Function::swish: return x / (1.0 + std::exp(-a * x));
    case Function::mish: return x * std::tanh(softplus(x));
    case Function::gelu: return 0.5 * x * (1.0 + std::erf(x * kSqrtHalf));
    case Function::gelu_tanh: return gelu_tanh(x);
    case Function::erf: return std::erf(x);
    case Function::softplus: return softplus(x);
    case Function::softsign: return x / (1.0 + std::abs(x));
    case Function::thresholded_relu: return x > a ? x : 0.0;
    case Function::exp: return std::exp(x);
    case Function::log: return std::log(x);
    case Function::sqrt: return std::sqrt(x);
    case Function::reciprocal: return 1.0 / x;
    case Function::abs: return std::abs(x);
    case Function::neg: return -x;
    case Function::power: return std::pow(x, a);
    case Function::sign: return sign(x);
    case Function::floor: return std::floor(x);
    case Function::ceil: return std::ceil(x);
    case Function::round: return std::nearbyint(x);
    case Function::sin: return std::sin(x);
    case Function::cos: return std::cos(x);
    case Function::tan: return std::tan(x);
    case Function::asin: return std::asin(x);
    case Function::acos: return std::acos(x);
    case Function::atan: return std::atan(x);
    case Function::sinh: return std::sinh(x);
    case Function::cosh: return std::cosh(x);
    case Function::asinh: return std::asinh(x);
    case Function::acosh: return std::acosh(x);
    case Function::atanh: return std::atanh(x);
    case Function::shrink: return x < -a ? x + b : x > a ? x - b : 0.0;
  }
  return x;
}

void pointwise_f32_reference(const PointwiseF32& p) noexcept {
  for (std::int64_t i = 0; i < p.n; ++i)
    p.y[i] = static_cast<float>(evaluate(p.function, static_cast<double>(p.x[i]), static_cast<double>(p.a), static_cast<double>(p.b)));
}

}  // namespace octet::kernels
