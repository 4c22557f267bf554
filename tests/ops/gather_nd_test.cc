// GatherND: slices that tuples of indices name, checked when they are used.
#include "tests/support/typed_checks.h"

namespace octet_test {
namespace {

using octet::schema::GatherNDT;
using S32 = std::vector<std::int32_t>;
using S64 = std::vector<std::int64_t>;

GatherNDT with_batch(int axes) {
  GatherNDT t;
  t.batch_axes = axes;
  return t;
}

template <class Index>
S32 gather(const Shape& x, int batch, const Shape& shape, const std::vector<Index>& indices, const Shape& expected) {
  S32 values(static_cast<std::size_t>(octet::element_count(x)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  return compute<std::int32_t>(with_batch(batch), {typed(x, values), typed(shape, indices)}, Type::s32, expected);
}

TEST_CASE("tuples of any length, negative indices from the end") {
  CHECK(gather<std::int64_t>({2, 3}, 0, {2, 2}, {0, 2, -1, -3}, {2}) == S32{2, 3});
  CHECK(gather<std::int32_t>({2, 3}, 0, {3, 1}, {1, 0, -1}, {3, 3}) == S32{3, 4, 5, 0, 1, 2, 3, 4, 5});
  CHECK(gather<std::int64_t>({2, 2, 2}, 0, {1, 2, 2}, {0, 1, 1, 0}, {1, 2, 2}) == S32{2, 3, 4, 5});
  CHECK(gather<std::int64_t>({3}, 0, {1}, {2}, {}) == S32{2});
}

TEST_CASE("batch axes are walked through together") {
  CHECK(gather<std::int64_t>({2, 3}, 1, {2, 2, 1}, {0, 2, -1, 1}, {2, 2}) == S32{0, 2, 5, 4});
  CHECK(gather<std::int32_t>({2, 2, 2}, 1, {2, 1}, {1, 0}, {2, 2}) == S32{2, 3, 4, 5});
  CHECK(gather<std::int64_t>({2, 2, 3}, 2, {2, 2, 1}, {0, 1, 2, 0}, {2, 2}) == S32{0, 4, 8, 9});
}

TEST_CASE("bytes, quantized; following the batch") {
  GraphBuilder b;
  const auto q = affine(0.5F, 3);
  const int x = b.input("x", Type::u8, {1, 3}, q);
  const int at = b.input("at", Type::s64, {1, 2, 1});
  b.node("y", with_batch(1), {x, at}, Type::u8, q);
  const auto model = must(b.model());
  octet::SessionOptions options;
  options.batch = 2;
  auto session = must(model.session(options));
  std::vector<std::uint8_t> y(4);
  must(session.run({std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}, S64{2, 0, -1, 1}}, {y}));
  CHECK(y == std::vector<std::uint8_t>{3, 1, 6, 5});
  for (const std::int64_t bad : {std::int64_t{3}, std::int64_t{-4}, std::int64_t{1} << 62, -(std::int64_t{1} << 62)})
    check_error(session.run({std::vector<std::uint8_t>(6), S64{0, 0, 0, bad}}, {y}), ErrorCode::run_failed, {"'y' (GatherND)", "index"});
}

TEST_CASE("refused") {
  const auto build = [](int batch, const Shape& x, const Shape& at, Type indices = Type::s64, bool batched = false) {
    GraphBuilder b;
    b.node("y", with_batch(batch), {b.input("x", Type::f32, x, {}, batched), b.input("i", indices, at, {}, false)});
    return b.model();
  };
  must(build(1, {2, 3}, {2, 1}));
  for (const int batch : {-1, 2, 2147483647}) check_invalid(build(batch, {2, 3}, {2, 3, 1}), {"'y' (GatherND)", "batch axes"});
  check_invalid(build(1, {2, 3}, {2}), {"'y' (GatherND)", "batch axes"});
  check_invalid(build(0, {}, {1}), {"'y' (GatherND)", "batch axes"});
  check_invalid(build(0, {2, 3}, {}), {"'y' (GatherND)", "batch axes"});
  check_invalid(build(1, {2, 3}, {3, 1}), {"'y' (GatherND)", "3x1", "leading"});
  check_invalid(build(0, {2, 3}, {4, 3}), {"'y' (GatherND)", "tuples of 3"});
  check_invalid(build(1, {2, 3}, {2, 2}), {"'y' (GatherND)", "tuples of 2"});
  check_invalid(build(0, {2, 3}, {4, 1}, Type::f32), {"'y' (GatherND)", "indices"});
  check_error(build(0, {1, 3}, {4, 1}, Type::s64, true), ErrorCode::unsupported, {"'y' (GatherND)", "along the batch"});
}

}  // namespace
}  // namespace octet_test
