// Binary: functions of two reals or two integers.
#include <cmath>
#include <limits>

#include "tests/support/binary_checks.h"
#include "tests/support/typed_checks.h"

namespace octet_test {
namespace {

using octet::schema::BinaryFunction;
using octet::schema::BinaryT;

BinaryT binary(BinaryFunction f) {
  BinaryT t;
  t.function = f;
  return t;
}

using Values = std::vector<float>;

Values reals(BinaryFunction f, const Values& a, const Values& b) {
  const Shape shape = {static_cast<std::int64_t>(a.size())};
  return compute<float>(binary(f), {typed(shape, a), typed(shape, b)}, Type::f32, shape);
}

template <class T>
std::vector<T> integers(BinaryFunction f, const std::vector<T>& a, const std::vector<T>& b) {
  const Shape shape = {static_cast<std::int64_t>(a.size())};
  return compute<T>(binary(f), {typed(shape, a), typed(shape, b)}, octet::type_of<T>(), shape);
}

TEST_CASE("reals") {
  CHECK(reals(BinaryFunction::Div, {1, -6, 1}, {4, 3, 0}) == Values{0.25F, -2, kInf});
  CHECK(reals(BinaryFunction::Min, {1, -6, 3}, {4, -7, 3}) == Values{1, -7, 3});
  CHECK(reals(BinaryFunction::Max, {1, -6, 3}, {4, -7, 3}) == Values{4, -6, 3});
  CHECK(reals(BinaryFunction::Pow, {2, 9, -2, 5}, {10, 0.5F, 3, 0}) == Values{1024, 3, -8, 1});
  CHECK(reals(BinaryFunction::Remainder, {7, -7, 5.5F}, {3, 3, -2}) == Values{1, -1, 1.5F});
  CHECK(reals(BinaryFunction::PRelu, {-2, 3, -8}, {0.5F, 9, -0.25F}) == Values{-1, 3, 2});
}

TEST_CASE("extremes of a NaN are NaN, on either side") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const BinaryFunction f : {BinaryFunction::Min, BinaryFunction::Max})
    for (const float y : reals(f, {nan, 1, nan, nan}, {1, nan, nan, -kInf})) CHECK(std::isnan(y));
}

TEST_CASE("reals broadcast as sums do") {
  Random random(3);
  for (const auto& c : broadcast_cases()) {
    const auto a = random.reals(static_cast<std::size_t>(octet::element_count(c.a)), 1, 2);
    const auto b = random.reals(static_cast<std::size_t>(octet::element_count(c.b)), 1, 2);
    const auto y = compute<float>(binary(BinaryFunction::Div), {typed(c.a, a), typed(c.b, b)}, Type::f32, c.y);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      CHECK(y[i] == a[source_of(at, c.y, c.a)] / b[source_of(at, c.y, c.b)]);
    }
  }
}

template <class T>
void check_integers() {
  constexpr T kLeast = std::numeric_limits<T>::min();
  constexpr T kMost = std::numeric_limits<T>::max();
  using V = std::vector<T>;
  CHECK(integers<T>(BinaryFunction::Add, {5, kMost}, {-7, 1}) == V{-2, kLeast});
  CHECK(integers<T>(BinaryFunction::Sub, {5, kLeast}, {-7, 1}) == V{12, kMost});
  CHECK(integers<T>(BinaryFunction::Mul, {5, kMost, kLeast}, {-7, 2, -1}) == V{-35, -2, kLeast});
  CHECK(integers<T>(BinaryFunction::Div, {7, -7, 7, kLeast, kLeast}, {2, 2, -2, -1, 1}) == V{3, -3, -3, kLeast, kLeast});
  CHECK(integers<T>(BinaryFunction::Min, {5, kLeast}, {-7, 1}) == V{-7, kLeast});
  CHECK(integers<T>(BinaryFunction::Max, {5, kLeast}, {-7, 1}) == V{5, 1});
  CHECK(integers<T>(BinaryFunction::Mod, {7, -7, 7, -7, 6, kLeast}, {3, 3, -3, -3, -3, -1}) == V{1, 2, -2, -1, 0, 0});
  CHECK(integers<T>(BinaryFunction::Remainder, {7, -7, 7, -7, kLeast}, {3, 3, -3, -3, -1}) == V{1, -1, 1, -1, 0});
  CHECK(integers<T>(BinaryFunction::Pow, {3, -2, 7, 0, 2, -1, -1, 1, kMost}, {4, 3, 0, 0, -1, -3, kLeast, kLeast, 2}) == V{81, -8, 1, 1, 0, -1, 1, 1, 1});
  CHECK(integers<T>(BinaryFunction::ShiftLeft, {3, kMost, 1, 1, 1}, {2, 1, -1, 8 * sizeof(T), kMost}) == V{12, -2, 0, 0, 0});
  CHECK(integers<T>(BinaryFunction::ShiftRight, {12, -3, 1, 1}, {2, 1, -1, 8 * sizeof(T)}) == V{3, -2, 0, 0});
  for (const BinaryFunction f : {BinaryFunction::Div, BinaryFunction::Mod, BinaryFunction::Remainder}) {
    const auto model = must(model_of(binary(f), {typed<T>({2}, {}), typed<T>({2}, {})}, octet::type_of<T>()));
    auto session = must(model.session());
    V y(2);
    check_error(session.run({V{1, 2}, V{1, 0}}, {y}), ErrorCode::run_failed, {"'y' (Binary)", "divided by 0"});
    must(session.run({V{1, 2}, V{1, 2}}, {y}));
    CHECK(y == (f == BinaryFunction::Div ? V{1, 1} : V{0, 0}));
  }
  const auto model = must(model_of(binary(BinaryFunction::Pow), {typed<T>({1}, {}), typed<T>({1}, {})}, octet::type_of<T>()));
  auto session = must(model.session());
  V y(1);
  check_error(session.run({V{0}, V{-1}}, {y}), ErrorCode::run_failed, {"'y' (Binary)", "divided by 0"});
}

TEST_CASE("integers wrap around, quotients are cut, a divisor of 0 is an error") {
  check_integers<std::int32_t>();
  check_integers<std::int64_t>();
}

TEST_CASE("refused") {
  const auto build = [](BinaryFunction f, Type a, Type b, Type out, const Shape& shape = {2}) {
    return model_of(binary(f), {{a, {2}, {}}, {b, shape, {}}}, out);
  };
  must(build(BinaryFunction::Div, Type::f32, Type::f32, Type::f32));
  check_error(build(static_cast<BinaryFunction>(static_cast<int>(BinaryFunction::MAX) + 1), Type::f32, Type::f32, Type::f32), ErrorCode::unsupported, {"'y' (Binary)", "function"});
  check_invalid(build(BinaryFunction::Div, Type::f32, Type::f32, Type::f32, {3}), {"'y' (Binary)", "broadcast"});
  check_invalid(build(BinaryFunction::Div, Type::f32, Type::s64, Type::f32), {"'y' (Binary)", "one type"});
  check_invalid(build(BinaryFunction::Div, Type::s32, Type::s32, Type::s64), {"'y' (Binary)", "one type"});
  check_invalid(build(BinaryFunction::Add, Type::f32, Type::f32, Type::f32), {"'y' (Binary)", "Add of f32"});
  for (const BinaryFunction f : {BinaryFunction::Mod, BinaryFunction::ShiftLeft, BinaryFunction::ShiftRight})
    check_invalid(build(f, Type::f32, Type::f32, Type::f32), {"'y' (Binary)", "of f32"});
  check_invalid(build(BinaryFunction::PRelu, Type::s32, Type::s32, Type::s32), {"'y' (Binary)", "PRelu of s32"});
  check_invalid(build(BinaryFunction::Min, Type::u8, Type::u8, Type::u8), {"'y' (Binary)", "Min of u8"});
  check_invalid(build(BinaryFunction::Min, Type::boolean, Type::boolean, Type::boolean), {"'y' (Binary)", "Min of bool"});
}

}  // namespace
}  // namespace octet_test
