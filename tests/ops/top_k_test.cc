// TopK: the largest elements along an axis, and where they are: an operator with two outputs.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::TopKT;
using Indices = std::vector<std::int64_t>;

TopKT top(int k, int axis, bool largest = true) {
  TopKT t;
  t.k = k, t.axis = axis, t.largest = largest;
  return t;
}

/// Both outputs, or with `one` the values alone.
Result<Model> build(const Shape& x, const TopKT& t, bool one = false, Type type = Type::f32, Type indices = Type::s64, bool batched = false) {
  GraphBuilder b;
  const auto q = type == Type::u8 ? affine(0.1F, 3) : Quantization{};
  const int values = b.node("y", t, {b.input("x", type, x, q, batched)}, type, q);
  if (one) return b.model({values});
  const int second = b.add({"indices", indices, {}, false, {}, {}});
  b.graph.nodes.back().outputs.push_back(second);
  return b.model({values, second});
}

struct Both {
  std::vector<float> values;
  Indices indices;
};

Both run_top(const Model& model, const std::vector<float>& x) {
  auto session = must(model.session());
  Both y{std::vector<float>(session.outputs()[0].elements()), Indices(session.outputs()[1].elements())};
  must(session.run({x}, {y.values, y.indices}));
  return y;
}

TEST_CASE("in order, ties to the first, along every axis") {
  const std::vector<float> x = {1, 5, 5, 7, 0, 2};
  const Both last = run_top(must(build({2, 3}, top(2, 1))), x);
  CHECK(last.values == std::vector<float>{5, 5, 7, 2});
  CHECK(last.indices == Indices{1, 2, 0, 2});
  const Both first = run_top(must(build({2, 3}, top(1, 0))), x);
  CHECK(first.values == std::vector<float>{7, 5, 5});
  CHECK(first.indices == Indices{1, 0, 0});
  const Both least = run_top(must(build({6}, top(3, 0, false))), x);
  CHECK(least.values == std::vector<float>{0, 1, 2});
  CHECK(least.indices == Indices{4, 0, 5});
  const Both all = run_top(must(build({4}, top(4, 0))), {2, std::nanf(""), 4, 4});
  CHECK(all.indices == Indices{1, 2, 3, 0});
}

TEST_CASE("the second output may be left out; both follow the batch") {
  CHECK(run_one<float>(must(build({2, 3}, top(1, 1), true)), std::vector<float>{1, 3, 2, 9, 8, 7}) == std::vector<float>{3, 9});
  CHECK(run_every_isa<std::uint8_t>(must(build({5}, top(2, 0), true, Type::u8)), std::vector<std::uint8_t>{1, 9, 3, 200, 7}) ==
        std::vector<std::uint8_t>{200, 9});
  const auto model = must(build({1, 3}, top(2, 1), false, Type::f32, Type::s64, true));
  CHECK(model.outputs()[0].batched);
  CHECK(model.outputs()[1].batched);
  octet::SessionOptions options;
  options.batch = 2;
  options.threads = 2;
  auto session = must(model.session(options));
  Both y{std::vector<float>(4), Indices(4)};
  must(session.run({std::vector<float>{1, 2, 3, 6, 5, 4}}, {y.values, y.indices}));
  CHECK(y.values == std::vector<float>{3, 2, 6, 5});
  CHECK(y.indices == Indices{2, 1, 0, 1});
}

TEST_CASE("s32, s64") {
  const std::int64_t large = std::int64_t{1} << 60;  // not told from large + 1 in floating point
  CHECK(run_one<std::int64_t>(must(build({4}, top(2, 0), true, Type::s64)), std::vector<std::int64_t>{large, -1, large + 1, 5}) ==
        std::vector<std::int64_t>{large + 1, large});
  CHECK(run_one<std::int32_t>(must(build({4}, top(2, 0, false), true, Type::s32)), std::vector<std::int32_t>{4, -1, 3, -5}) ==
        std::vector<std::int32_t>{-5, -1});
  check_invalid(build({4}, top(2, 0), true, Type::boolean), {"'y' (TopK)", "bool"});
}

TEST_CASE("refused") {
  for (const int axis : {-1, 2, 2147483647}) check_invalid(build({2, 3}, top(1, axis)), {"'y' (TopK)", "axis"});
  for (const int k : {0, 4, -1}) check_invalid(build({2, 3}, top(k, 1)), {"'y' (TopK)", "cannot take"});
  check_invalid(build({2, 3}, top(1, 1), false, Type::f32, Type::s32), {"'y' (TopK)", "s64"});
  check_error(build({1, 3}, top(1, 0), false, Type::f32, Type::s64, true), ErrorCode::unsupported, {"'y' (TopK)", "batch"});
  GraphBuilder b;
  const int values = b.node("y", top(1, 0), {b.input("x", Type::f32, {3}, {}, false)});
  for (const char* name : {"i", "j"}) b.graph.nodes.back().outputs.push_back(b.add({name, Type::s64, {1}, false, {}, {}}));
  b.graph.outputs = {values};
  check_invalid(octet::make_model(b.graph), {"'y' (TopK)", "3 outputs"});
}

}  // namespace
}  // namespace octet_test
