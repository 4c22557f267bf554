// Pointwise: functions of one f32 value, as the schema's enum defines them.
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
    const auto y = run_one<float>(model, x);
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i] == static_cast<float>(c.expected(static_cast<double>(x[i]))));
  }
}

TEST_CASE("far ends are limits, not NaN") {
  PointwiseT t;
  std::vector<float> x(41, 1e30F);
  x[1] = -1e30F;
  for (const auto& [function, high, low] :
       {std::tuple{Function::Sigmoid, 1.0F, 0.0F}, std::tuple{Function::Silu, 1e30F, 0.0F},
        std::tuple{Function::Tanh, 1.0F, -1.0F}, std::tuple{Function::HardSwish, 1e30F, 0.0F}}) {
    t.function = function;
    const auto y = run_one<float>(must(build(t)), x);
    CHECK(y[0] == high);
    CHECK(y[1] == low);
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
}

}  // namespace
}  // namespace octet_test
