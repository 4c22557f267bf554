// ScatterND: slices that tuples of indices name, replaced or combined with others.
#include <limits>

#include "tests/support/typed_checks.h"

namespace octet_test {
namespace {

using octet::schema::Combination;
using octet::schema::ScatterNDT;
using Values = std::vector<float>;
using S64 = std::vector<std::int64_t>;

ScatterNDT scatter(Combination how, int batch = 0) {
  ScatterNDT t;
  t.combination = how;
  t.batch_axes = batch;
  return t;
}

TEST_CASE("replaced, the last one wins; others stay") {
  const auto x = typed<float>({4}, {1, 2, 3, 4});
  CHECK(compute<float>(scatter(Combination::Replace), {x, typed<std::int64_t>({3, 1}, {1, -1, 1}), typed<float>({3}, {9, 8, 7})}, Type::f32, {4}) ==
        Values{1, 7, 3, 8});
  const auto rows = typed<std::int32_t>({3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK(compute<std::int32_t>(scatter(Combination::Replace), {rows, typed<std::int32_t>({1, 1}, {2}), typed<std::int32_t>({1, 2}, {8, 9})}, Type::s32,
                              {3, 2}) == std::vector<std::int32_t>{1, 2, 3, 4, 8, 9});
  CHECK(compute<std::uint8_t>(scatter(Combination::Replace), {bools({3}, {0, 0, 1}), typed<std::int64_t>({1, 1}, {0}), bools({1}, {1})}, Type::boolean, {3}) ==
        std::vector<std::uint8_t>{1, 0, 1});
}

TEST_CASE("combined, one after the other") {
  const auto x = typed<float>({3}, {1, 2, 3});
  const auto at = typed<std::int64_t>({4, 1}, {0, 2, 0, 1});
  const auto by = typed<float>({4}, {5, 4, -3, 0.5F});
  const auto f = [&](Combination how) { return compute<float>(scatter(how), {x, at, by}, Type::f32, {3}); };
  CHECK(f(Combination::Add) == Values{3, 2.5F, 7});
  CHECK(f(Combination::Mul) == Values{-15, 1, 12});
  CHECK(f(Combination::Min) == Values{-3, 0.5F, 3});
  CHECK(f(Combination::Max) == Values{5, 2, 4});
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(compute<std::int64_t>(scatter(Combination::Add), {typed<std::int64_t>({1}, {kMost}), typed<std::int64_t>({2, 1}, {0, 0}), typed<std::int64_t>({2}, {1, 1})},
                              Type::s64, {1}) == S64{std::numeric_limits<std::int64_t>::min() + 1});
}

TEST_CASE("batch axes are walked through together") {
  CHECK(compute<float>(scatter(Combination::Add, 1), {typed<float>({2, 3}, {0, 0, 0, 10, 10, 10}), typed<std::int32_t>({2, 2, 1}, {0, 2, 1, 1}), typed<float>({2, 2}, {1, 2, 3, 4})},
                       Type::f32, {2, 3}) == Values{1, 0, 2, 10, 17, 10});
}

TEST_CASE("an index out of range is an error of the run") {
  const Model model = must(model_of(scatter(Combination::Replace), {typed<float>({2}, {1, 2}), typed<std::int64_t>({1, 1}, {0}), typed<float>({1}, {3})}, Type::f32));
  auto session = must(model.session());
  Values y(2);
  must(session.run({Values{1, 2}, S64{-2}, Values{5}}, {y}));
  CHECK(y == Values{5, 2});
  for (const std::int64_t bad : {std::int64_t{2}, std::int64_t{-3}, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
    check_error(session.run({Values{1, 2}, S64{bad}, Values{5}}, {y}), ErrorCode::run_failed, {"'y' (ScatterND)", "index"});
}

TEST_CASE("refused") {
  const auto build = [](const ScatterNDT& t, const Shape& at, const Shape& updates, Type type = Type::f32, Type indices = Type::s64, bool batched = false) {
    GraphBuilder b;
    const int x = b.input("x", type, {2, 3}, {}, false);
    b.node("y", t, {x, b.input("i", indices, at, {}, batched), b.input("u", type, updates, {}, batched)}, type);
    return b.model();
  };
  const ScatterNDT replace = scatter(Combination::Replace);
  must(build(replace, {1, 1}, {1, 3}));
  const auto constant = [&](std::int32_t row) {
    GraphBuilder b;
    const int x = b.input("x", Type::f32, {2, 3}, {}, false);
    b.node("y", replace, {x, b.constant("i", {1, 1}, std::vector<std::int32_t>{row}), b.input("u", Type::f32, {1, 3}, {}, false)}, Type::f32);
    return b.model();
  };
  must(constant(-2));
  check_invalid(constant(2), {"'y' (ScatterND)", "index 2 is out of range for an axis of 2"});
  check_invalid(constant(-3), {"'y' (ScatterND)", "index -3"});
  check_invalid(build(replace, {1, 1}, {1, 2}), {"'y' (ScatterND)", "1x3", "1x2"});
  check_invalid(build(replace, {1, 3}, {1}), {"'y' (ScatterND)", "tuples of 3"});
  check_invalid(build(scatter(Combination::Replace, 2), {2, 3, 1}, {2, 3}), {"'y' (ScatterND)", "batch axes"});
  check_invalid(build(scatter(Combination::Replace, -1), {1, 1}, {1, 3}), {"'y' (ScatterND)", "batch axes"});
  check_invalid(build(replace, {1, 1}, {1, 3}, Type::f32, Type::u8), {"'y' (ScatterND)", "indices"});
  check_invalid(build(scatter(Combination::Add), {1, 1}, {1, 3}, Type::u8), {"'y' (ScatterND)", "combine", "u8"});
  check_error(build(replace, {1, 1}, {1, 3}, Type::f32, Type::s64, true), ErrorCode::unsupported, {"'y' (ScatterND)", "along the batch"});
  ScatterNDT unknown;
  unknown.combination = static_cast<Combination>(static_cast<int>(Combination::MAX) + 1);
  check_error(build(unknown, {1, 1}, {1, 3}), ErrorCode::unsupported, {"'y' (ScatterND)", "combination"});
}

}  // namespace
}  // namespace octet_test
