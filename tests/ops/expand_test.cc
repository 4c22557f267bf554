// Expand: x broadcast to a shape.
#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::ExpandT;

ExpandT expand(std::vector<int> shape) {
  ExpandT t;
  t.shape = std::move(shape);
  return t;
}

template <class T>
void check_values(const Shape& x, const std::vector<int>& shape, const Quantization& q = {}) {
  GraphBuilder b;
  b.node("y", expand(shape), {b.input("x", octet::type_of<T>(), x, q, false)}, octet::type_of<T>(), q);
  const auto model = must(b.model());
  const Shape expected(shape.begin(), shape.end());
  REQUIRE(model.outputs()[0].shape == expected);
  const auto values = Random(3).integers<T>(static_cast<std::size_t>(octet::element_count(x)), 0, 100);
  const auto y = run_one<T>(model, values);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == values[source_of(static_cast<std::int64_t>(i), expected, x)]);
}

TEST_CASE("sizes of 1 and missing axes repeat") {
  check_values<float>({3}, {2, 3});
  check_values<float>({3, 1}, {3, 4});
  check_values<float>({2, 1, 3, 1}, {2, 5, 3, 4});
  check_values<float>({1, 3}, {1, 3});
  check_values<float>({}, {2, 2});
  check_values<std::uint8_t>({1, 4}, {3, 4}, affine(0.5F, 9));
  check_values<std::int64_t>({1}, {7});
  check_values<float>({2, 1, 2, 1, 2, 1, 2, 1}, {2, 3, 2, 3, 2, 3, 2, 3});
}

TEST_CASE("a second input tells the batch") {
  GraphBuilder b;
  const int ids = b.input("ids", Type::s64, {1, 5});
  const int row = b.constant<float>("row", {1, 2}, {1, 2});
  b.node("y", expand({2, 2}), {row, ids});
  const auto model = must(b.model());
  CHECK(model.outputs()[0].shape == Shape{2, 2});
  CHECK(model.outputs()[0].batched);
  octet::SessionOptions options;
  options.batch = 2;
  auto session = must(model.session(options));
  std::vector<float> y(8);
  must(session.run({std::vector<std::int64_t>(10, -1)}, {y}));
  CHECK(y == std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2});
}

TEST_CASE("refused") {
  const auto build = [](const Shape& x, std::vector<int> shape, bool like = false) {
    GraphBuilder b;
    std::vector<int> inputs = {b.input("x", Type::f32, x, {}, false)};
    if (like) inputs.push_back(b.input("like", Type::f32, {}, {}, false));
    b.node("y", expand(std::move(shape)), inputs);
    return b.model();
  };
  check_invalid(build({3}, {2}), {"'y' (Expand)"});
  check_invalid(build({3}, {1}), {"'y' (Expand)", "cannot expand"});
  check_invalid(build({1, 3}, {3}), {"'y' (Expand)", "cannot expand"});
  check_invalid(build({1}, {0}), {"'y' (Expand)"});
  check_invalid(build({1}, {-2}), {"'y' (Expand)"});
  check_invalid(build({1}, {1 << 30, 1 << 30, 1 << 30}), {"overflows"});
  check_invalid(build({1}, {2}, true), {"'y' (Expand)", "batch"});
}

}  // namespace
}  // namespace octet_test
