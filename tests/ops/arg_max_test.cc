// ArgMax: where the largest element lies along an axis.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::ArgMaxT;
using Indices = std::vector<std::int64_t>;

ArgMaxT along(int axis, bool keep_dims = true, bool last = false, bool least = false) {
  ArgMaxT t;
  t.axis = axis, t.keep_dims = keep_dims, t.last = last, t.least = least;
  return t;
}

Result<Model> build(const Shape& x, const ArgMaxT& t, Type type = Type::f32, Type y = Type::s64) {
  GraphBuilder b;
  const auto q = type == Type::u8 ? affine(0.1F, 3) : Quantization{};
  b.node("y", t, {b.input("x", type, x, q, false)}, y);
  return b.model();
}

TEST_CASE("every axis, ties, the smallest") {
  const std::vector<float> x = {1, 5, 2, 7, 0, 7};
  CHECK(run_one<std::int64_t>(must(build({2, 3}, along(1))), x) == Indices{1, 0});
  CHECK(run_one<std::int64_t>(must(build({2, 3}, along(0))), x) == Indices{1, 0, 1});
  CHECK(run_one<std::int64_t>(must(build({2, 3}, along(1, true, true))), x) == Indices{1, 2});
  CHECK(run_one<std::int64_t>(must(build({2, 3}, along(1, true, false, true))), x) == Indices{0, 1});
  CHECK(run_one<std::int64_t>(must(build({6}, along(0, false))), x) == Indices{3});
  CHECK(must(build({2, 3}, along(1))).outputs()[0].shape == Shape{2, 1});
  CHECK(must(build({2, 3}, along(1, false))).outputs()[0].shape == Shape{2});
  const float nan = std::nanf("");
  CHECK(run_one<std::int64_t>(must(build({4}, along(0))), std::vector<float>{1, nan, 3, nan}) == Indices{1});
  CHECK(run_one<std::int64_t>(must(build({4}, along(0, true, true))), std::vector<float>{1, nan, 3, nan}) == Indices{3});
}

TEST_CASE("u8") {
  const std::vector<std::uint8_t> x = {1, 200, 200, 7, 0, 3};
  CHECK(run_every_isa<std::int64_t>(must(build({2, 3}, along(1), Type::u8)), x) == Indices{1, 0});
  CHECK(run_every_isa<std::int64_t>(must(build({2, 3}, along(1, true, true), Type::u8)), x) == Indices{2, 0});
}

TEST_CASE("s32, s64") {
  const std::int64_t large = std::int64_t{1} << 60;  // not told from large + 1 in floating point
  CHECK(run_one<std::int64_t>(must(build({2, 3}, along(1), Type::s64)), std::vector<std::int64_t>{large, large + 1, 2, -7, -9, -7}) == Indices{1, 0});
  CHECK(run_one<std::int64_t>(must(build({3}, along(0, true, true, true), Type::s32)), std::vector<std::int32_t>{-5, 3, -5}) == Indices{2});
}

TEST_CASE("refused") {
  for (const int axis : {-1, 2, 2147483647}) check_invalid(build({2, 3}, along(axis)), {"'y' (ArgMax)", "axis"});
  check_invalid(build({2, 3}, along(0), Type::f32, Type::s32), {"'y' (ArgMax)", "s64"});
  check_invalid(build({2, 3}, along(0), Type::boolean), {"'y' (ArgMax)", "s64"});
}

}  // namespace
}  // namespace octet_test
