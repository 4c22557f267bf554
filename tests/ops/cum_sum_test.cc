// CumSum: running sums along an axis.
#include <limits>

#include "tests/support/typed_checks.h"

namespace octet_test {
namespace {

using octet::schema::CumSumT;
using Values = std::vector<float>;

CumSumT sums(int axis, bool exclusive = false, bool reverse = false) {
  CumSumT t;
  t.axis = axis, t.exclusive = exclusive, t.reverse = reverse;
  return t;
}

TEST_CASE("along every axis, forwards and backwards, with and without the element itself") {
  const auto x = typed<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto f = [&](const CumSumT& t) { return compute<float>(t, {x}, Type::f32, {2, 3}); };
  CHECK(f(sums(1)) == Values{1, 3, 6, 4, 9, 15});
  CHECK(f(sums(0)) == Values{1, 2, 3, 5, 7, 9});
  CHECK(f(sums(1, true)) == Values{0, 1, 3, 0, 4, 9});
  CHECK(f(sums(1, false, true)) == Values{6, 5, 3, 15, 11, 6});
  CHECK(f(sums(1, true, true)) == Values{5, 3, 0, 11, 6, 0});
}

TEST_CASE("integers wrap around, reals do not lose small ones") {
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  CHECK(compute<std::int32_t>(sums(0), {typed<std::int32_t>({3}, {kMost, 1, 1})}, Type::s32, {3}) ==
        std::vector<std::int32_t>{kMost, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min() + 1});
  CHECK(compute<std::int64_t>(sums(0), {typed<std::int64_t>({2}, {std::int64_t{1} << 40, 1})}, Type::s64, {2}) ==
        std::vector<std::int64_t>{std::int64_t{1} << 40, (std::int64_t{1} << 40) + 1});
  CHECK(compute<float>(sums(0), {typed<float>({3}, {1e8F, 1, -1e8F})}, Type::f32, {3})[2] == 1.0F);
}

TEST_CASE("refused") {
  const auto build = [](int axis, Type type = Type::f32, Type out = Type::f32, bool batched = false) {
    GraphBuilder b;
    b.node("y", sums(axis), {b.input("x", type, {1, 3}, {}, batched)}, out);
    return b.model();
  };
  must(build(1, Type::f32, Type::f32, true));
  for (const int axis : {-1, 2, 2147483647}) check_invalid(build(axis), {"'y' (CumSum)", "axis"});
  check_error(build(0, Type::f32, Type::f32, true), ErrorCode::unsupported, {"'y' (CumSum)", "along the batch"});
  check_invalid(build(0, Type::u8, Type::u8), {"'y' (CumSum)", "u8"});
  check_invalid(build(0, Type::s64, Type::f32), {"'y' (CumSum)", "one type"});
}

}  // namespace
}  // namespace octet_test
