// Pointwise: functions of one f32 value, as the schema's enum defines them.
#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::Function;
using octet::schema::PointwiseT;

Result<Model> build(const PointwiseT& t, Type in = Type::f32, Type out = Type::f32) {
  GraphBuilder b;
  b.node("y", t, {b.input("x", in, {1, 41}, in == Type::u8 ? affine(0.1F, 3) : Quantization{})}, out,
         out == Type::u8 ? affine(0.1F, 3) : Quantization{});
  return b.model();
}

TEST_CASE("values") {
  struct Case {
    Function function;
    float a, b;
    std::function<double(double)> expected;
  };
  const std::vector<Case> cases = {
      {Function::Clip, -1.5F, 2.25F, [](double x) { return x < -1.5   ? -1.5
                                                           : x > 2.25 ? 2.25
                                                                      : x; }},
      {Function::Sigmoid, 0, 0, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {Function::HardSigmoid, 0.25F, 0.5F, [](double x) { return std::fmin(std::fmax(0.25 * x + 0.5, 0), 1); }},
      {Function::HardSwish, 0, 0, [](double x) { return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1); }},
      {Function::Silu, 0, 0, [](double x) { return x / (1 + std::exp(-x)); }},
      {Function::Tanh, 0, 0, [](double x) { return std::tanh(x); }},
      {Function::LeakyRelu, 0.125F, 0, [](double x) { return x < 0 ? 0.125 * x : x; }},
      {Function::Elu, 0.5F, 0, [](double x) { return x < 0 ? 0.5 * (std::exp(x) - 1) : x; }},
      {Function::Selu, 1.5F, 1.25F, [](double x) { return 1.25 * (x < 0 ? 1.5 * (std::exp(x) - 1) : x); }},
      {Function::Celu, 2, 0, [](double x) { return std::fmax(0, x) + std::fmin(0, 2 * (std::exp(x / 2) - 1)); }},
      {Function::Swish, 1.5F, 0, [](double x) { return x / (1 + std::exp(-1.5 * x)); }},
      {Function::Mish, 0, 0, [](double x) { return x * std::tanh(std::log(1 + std::exp(x))); }},
      {Function::Gelu, 0, 0, [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
      {Function::GeluTanh, 0, 0,
       [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x))); }},
      {Function::Erf, 0, 0, [](double x) { return std::erf(x); }},
      {Function::Softplus, 0, 0, [](double x) { return std::log(1 + std::exp(x)); }},
      {Function::Softsign, 0, 0, [](double x) { return x / (1 + std::fabs(x)); }},
      {Function::ThresholdedRelu, 1.125F, 0, [](double x) { return x > 1.125 ? x : 0; }},
      {Function::Exp, 0, 0, [](double x) { return std::exp(x); }},
      {Function::Log, 0, 0, [](double x) { return std::log(x); }},
      {Function::Sqrt, 0, 0, [](double x) { return std::sqrt(x); }},
      {Function::Reciprocal, 0, 0, [](double x) { return 1 / x; }},
      {Function::Abs, 0, 0, [](double x) { return std::fabs(x); }},
      {Function::Neg, 0, 0, [](double x) { return -x; }},
      {Function::Power, 3, 0, [](double x) { return x * x * x; }},
      {Function::Sign, 0, 0, [](double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }},
      {Function::Floor, 0, 0, [](double x) { return std::floor(x); }},
      {Function::Ceil, 0, 0, [](double x) { return std::ceil(x); }},
      {Function::Round, 0, 0, [](double x) { return x - std::remainder(x, 1.0); }},  // remainder() takes the nearest, ties to even
      {Function::Sin, 0, 0, [](double x) { return std::sin(x); }},
      {Function::Cos, 0, 0, [](double x) { return std::cos(x); }},
      {Function::Tan, 0, 0, [](double x) { return std::sin(x) / std::cos(x); }},
      {Function::Asin, 0, 0, [](double x) { return std::atan2(x, std::sqrt(1 - x * x)); }},
      {Function::Acos, 0, 0, [](double x) { return std::atan2(std::sqrt(1 - x * x), x); }},
      {Function::Atan, 0, 0, [](double x) { return std::atan2(x, 1.0); }},
      {Function::Sinh, 0, 0, [](double x) { return (std::exp(x) - std::exp(-x)) / 2; }},
      {Function::Cosh, 0, 0, [](double x) { return (std::exp(x) + std::exp(-x)) / 2; }},
      {Function::Asinh, 0, 0, [](double x) { return std::copysign(std::log(std::fabs(x) + std::sqrt(x * x + 1)), x); }},
      {Function::Acosh, 0, 0, [](double x) { return std::log(x + std::sqrt(x - 1) * std::sqrt(x + 1)); }},
      {Function::Atanh, 0, 0, [](double x) { return std::log((1 + x) / (1 - x)) / 2; }},
      {Function::Shrink, 1.5F, 0.25F, [](double x) { return x < -1.5 ? x + 0.25 : x > 1.5 ? x - 0.25 : 0; }},
  };
  CHECK(cases.size() == static_cast<std::size_t>(Function::MAX) + 1);
  std::vector<float> x;
  for (int i = -20; i <= 20; ++i) x.push_back(static_cast<float>(i) * 0.375F);
  for (const Case& c : cases) {
    PointwiseT t;
    t.function = c.function, t.a = c.a, t.b = c.b;
    INFO(octet::schema::EnumNameFunction(c.function));
    const auto model = must(build(t));
    CHECK(model.outputs()[0].shape == Shape{1, 41});
    for (const auto isa : octet::kernels::available_isas()) {
      const auto y = run_one<float>(model, x, octet::kernels::name_of(isa));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto v = static_cast<double>(x[i]);
        const auto expected = static_cast<float>(c.expected(v));
        if (std::isfinite(expected))
          CHECK(std::abs(y[i] - expected) <= 1e-6F * (std::abs(expected) + std::min(std::abs(x[i]), 1.0F)));
        else
          CHECK((std::isnan(expected) ? std::isnan(y[i]) : y[i] == expected));
      }
    }
  }
}

TEST_CASE("rounding is to even") {
  PointwiseT t;
  t.function = Function::Round;
  std::vector<float> x(41, 0.0F);
  std::ranges::copy(std::vector<float>{0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 2.4F, -2.6F}, x.begin());
  for (const auto isa : octet::kernels::available_isas()) {
    auto y = run_one<float>(must(build(t)), x, octet::kernels::name_of(isa));
    y.resize(7);
    CHECK(y == std::vector<float>{0, 2, 2, 0, -2, 2, -3});
  }
}

TEST_CASE("far ends are limits, not NaN") {
  PointwiseT t;
  std::vector<float> x(41, 1e30F);
  x[1] = -1e30F;
  for (const auto& [function, high, low] :
       {std::tuple{Function::Sigmoid, 1.0F, 0.0F}, std::tuple{Function::Silu, 1e30F, 0.0F},
        std::tuple{Function::Tanh, 1.0F, -1.0F}, std::tuple{Function::HardSwish, 1e30F, 0.0F},
        std::tuple{Function::Swish, 1e30F, 0.0F}, std::tuple{Function::Mish, 1e30F, 0.0F},
        std::tuple{Function::Gelu, 1e30F, 0.0F}, std::tuple{Function::GeluTanh, 1e30F, 0.0F},
        std::tuple{Function::Elu, 1e30F, -1.0F}, std::tuple{Function::Softplus, 1e30F, 0.0F},
        std::tuple{Function::Erf, 1.0F, -1.0F}, std::tuple{Function::Exp, kInf, 0.0F}}) {
    t.a = 1;
    t.function = function;
    for (const auto isa : octet::kernels::available_isas()) {
      INFO(octet::schema::EnumNameFunction(t.function));
      const auto y = run_one<float>(must(build(t)), x, octet::kernels::name_of(isa));
      CHECK(y[0] == high);
      CHECK(y[1] == low);
    }
  }
}

TEST_CASE("refused") {
  PointwiseT t;
  t.function = static_cast<Function>(static_cast<int>(Function::MAX) + 1);
  check_error(build(t), ErrorCode::unsupported, {"'y' (Pointwise)", "function"});
  t.function = Function::Clip;
  check_invalid(build(t, Type::u8, Type::u8), {"'y' (Pointwise)", "f32"});
  check_invalid(build(t, Type::f32, Type::s32), {"'y' (Pointwise)", "f32"});
  t.a = std::nanf("");
  check_invalid(build(t), {"'y' (Pointwise)", "NaN"});
  t.a = 0, t.b = std::nanf("");
  check_invalid(build(t), {"'y' (Pointwise)", "NaN"});
  t.function = Function::Celu, t.b = 0;
  check_invalid(build(t), {"'y' (Pointwise)", "a is 0"});
}

}  // namespace
}  // namespace octet_test
