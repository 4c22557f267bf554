// Gather: slices that indices name, checked when they are used.
#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::GatherT;

GatherT along(int axis) {
  GatherT t;
  t.axis = axis;
  return t;
}

template <class Index>
std::vector<float> gather(const Shape& x, int axis, const Shape& shape, const std::vector<Index>& indices, const Shape& expected) {
  GraphBuilder b;
  const int data = b.input("x", Type::f32, x, {}, false);
  const int at = b.input("i", octet::type_of<Index>(), shape, {}, false);
  b.node("y", along(axis), {data, at});
  const auto model = must(b.model());
  CHECK(model.outputs()[0].shape == expected);
  auto session = must(model.session());
  std::vector<float> values(static_cast<std::size_t>(octet::element_count(x)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<float> y(session.outputs()[0].elements());
  must(session.run({values, indices}, {y}));
  return y;
}

TEST_CASE("any axis, any shape of indices, negative ones from the end") {
  CHECK(gather<std::int64_t>({3, 2}, 0, {2}, {2, 0}, {2, 2}) == std::vector<float>{4, 5, 0, 1});
  CHECK(gather<std::int32_t>({3, 2}, 1, {1}, {-1}, {3, 1}) == std::vector<float>{1, 3, 5});
  CHECK(gather<std::int64_t>({3, 2}, 1, {}, {1}, {3}) == std::vector<float>{1, 3, 5});
  CHECK(gather<std::int64_t>({2, 3, 2}, 1, {2, 2}, {0, -3, 2, 1}, {2, 2, 2, 2}) ==
        std::vector<float>{0, 1, 0, 1, 4, 5, 2, 3, 6, 7, 6, 7, 10, 11, 8, 9});
}

TEST_CASE("a quantized table, indices that follow the batch") {
  GraphBuilder b;
  const auto q = affine(0.5F, 3);
  const int table = b.constant<std::uint8_t>("table", {4, 2}, {0, 1, 10, 11, 20, 21, 30, 31}, q);
  const int ids = b.input("ids", Type::s64, {1, 3});
  b.node("y", along(0), {table, ids}, Type::u8, q);
  const auto model = must(b.model());
  CHECK(model.outputs()[0].shape == Shape{1, 3, 2});
  CHECK(model.outputs()[0].batched);
  octet::SessionOptions options;
  options.batch = 2;
  auto session = must(model.session(options));
  std::vector<std::uint8_t> y(12);
  must(session.run({std::vector<std::int64_t>{3, 0, 1, 2, 2, -4}}, {y}));
  CHECK(y == std::vector<std::uint8_t>{30, 31, 0, 1, 10, 11, 20, 21, 20, 21, 0, 1});
  for (const std::int64_t bad : {std::int64_t{4}, std::int64_t{-5}, std::int64_t{1} << 62, -(std::int64_t{1} << 62)})
    check_error(session.run({std::vector<std::int64_t>{0, 0, 0, 0, 0, bad}}, {y}), ErrorCode::run_failed, {"'y' (Gather)", "index"});
}

TEST_CASE("refused") {
  const auto build = [](int axis, Type indices, const Quantization& qx, const Quantization& qy) {
    GraphBuilder b;
    const int x = b.input("x", Type::u8, {3, 2}, qx, false);
    b.node("y", along(axis), {x, b.input("i", indices, {2}, {}, false)}, Type::u8, qy);
    return b.model();
  };
  const auto q = affine(0.1F, 3);
  must(build(1, Type::s32, q, q));
  for (const int axis : {-1, 2, 2147483647}) check_invalid(build(axis, Type::s32, q, q), {"'y' (Gather)", "axis"});
  check_invalid(build(0, Type::f32, q, q), {"'y' (Gather)", "indices"});
  check_invalid(build(0, Type::u8, q, q), {"'y' (Gather)", "indices"});
  check_invalid(build(0, Type::s64, q, affine(0.1F, 4)), {"'y' (Gather)", "one scale"});
}

}  // namespace
}  // namespace octet_test
