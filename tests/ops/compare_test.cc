// Compare: numbers, and what is made of bools.
#include <cmath>

#include "tests/support/binary_checks.h"
#include "tests/support/typed_checks.h"

namespace octet_test {
namespace {

using octet::schema::Comparison;
using octet::schema::CompareT;
using Bools = std::vector<std::uint8_t>;

CompareT compare(Comparison f) {
  CompareT t;
  t.function = f;
  return t;
}

template <class T>
void check_numbers() {
  const auto y = [](Comparison f) {
    return compute<std::uint8_t>(compare(f), {typed<T>({3}, {1, 2, 3}), typed<T>({3}, {2, 2, 2})}, Type::boolean, {3});
  };
  CHECK(y(Comparison::Equal) == Bools{0, 1, 0});
  CHECK(y(Comparison::Less) == Bools{1, 0, 0});
  CHECK(y(Comparison::LessOrEqual) == Bools{1, 1, 0});
  CHECK(y(Comparison::Greater) == Bools{0, 0, 1});
  CHECK(y(Comparison::GreaterOrEqual) == Bools{0, 1, 1});
}

TEST_CASE("numbers") {
  check_numbers<float>();
  check_numbers<std::int32_t>();
  check_numbers<std::int64_t>();
  // Beyond what f64 can tell apart.
  const std::int64_t large = std::int64_t{1} << 60;
  CHECK(compute<std::uint8_t>(compare(Comparison::Less), {typed<std::int64_t>({1}, {large}), typed<std::int64_t>({1}, {large + 1})},
                              Type::boolean, {1}) == Bools{1});
}

TEST_CASE("NaN equals nothing and is on no side of anything") {
  const float nan = std::nanf("");
  for (int f = 0; f <= static_cast<int>(Comparison::GreaterOrEqual); ++f)
    CHECK(compute<std::uint8_t>(compare(static_cast<Comparison>(f)), {typed<float>({2}, {nan, nan}), typed<float>({2}, {nan, 1})},
                                Type::boolean, {2}) == Bools{0, 0});
}

TEST_CASE("bools, which are true as any byte but 0") {
  const auto y = [](Comparison f) {
    return compute<std::uint8_t>(compare(f), {bools({4}, {0, 0, 7, 1}), bools({4}, {0, 1, 0, 255})}, Type::boolean, {4});
  };
  CHECK(y(Comparison::Equal) == Bools{1, 0, 0, 1});
  CHECK(y(Comparison::And) == Bools{0, 0, 0, 1});
  CHECK(y(Comparison::Or) == Bools{0, 1, 1, 1});
  CHECK(y(Comparison::Xor) == Bools{0, 1, 1, 0});
}

TEST_CASE("broadcast as sums are") {
  Random random(4);
  for (const auto& c : broadcast_cases()) {
    const auto a = random.integers<std::int32_t>(static_cast<std::size_t>(octet::element_count(c.a)), 0, 3);
    const auto b = random.integers<std::int32_t>(static_cast<std::size_t>(octet::element_count(c.b)), 0, 3);
    const auto y = compute<std::uint8_t>(compare(Comparison::Less), {typed(c.a, a), typed(c.b, b)}, Type::boolean, c.y);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      CHECK(y[i] == (a[source_of(at, c.y, c.a)] < b[source_of(at, c.y, c.b)] ? 1 : 0));
    }
  }
}

TEST_CASE("refused") {
  const auto build = [](Comparison f, Type a, Type b, Type out = Type::boolean, const Shape& shape = {2}) {
    return model_of(compare(f), {{a, {2}, {}}, {b, shape, {}}}, out);
  };
  must(build(Comparison::Less, Type::f32, Type::f32));
  check_error(build(static_cast<Comparison>(8), Type::f32, Type::f32), ErrorCode::unsupported, {"'y' (Compare)", "comparison"});
  check_invalid(build(Comparison::Less, Type::f32, Type::s32), {"'y' (Compare)", "one type"});
  check_invalid(build(Comparison::Less, Type::f32, Type::f32, Type::f32), {"'y' (Compare)", "must be bool"});
  check_invalid(build(Comparison::Less, Type::f32, Type::f32, Type::boolean, {3}), {"'y' (Compare)", "broadcast"});
  check_invalid(build(Comparison::Less, Type::boolean, Type::boolean), {"'y' (Compare)", "Less of bool"});
  check_invalid(build(Comparison::And, Type::s64, Type::s64), {"'y' (Compare)", "And of s64"});
  check_invalid(build(Comparison::Equal, Type::u8, Type::u8), {"'y' (Compare)", "Equal of u8"});
}

}  // namespace
}  // namespace octet_test
