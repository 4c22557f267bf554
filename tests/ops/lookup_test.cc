// Lookup: y = tables[256 c + x], c the index along `axis`, or 0. It is an int8 operator; there is no f32 form.
#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::LookupT;

Result<Model> build(const Shape& shape, int axis, std::vector<std::uint8_t> tables, Type in = Type::u8,
                    Type out = Type::u8) {
  LookupT t;
  t.axis = axis;
  t.tables = std::move(tables);
  GraphBuilder b;
  b.node("y", t, {b.input("x", in, shape, {}, false)}, out);
  return b.model();
}

TEST_CASE("one table for all, and one for each index of any axis") {
  Random random(1);
  const Shape shape = {2, 3, 4, 5};
  const auto x = random.integers<std::uint8_t>(120, 0, 255);
  const std::int64_t inner[] = {60, 20, 5, 1};
  for (int axis = -1; axis < 4; ++axis) {
    const std::int64_t channels = axis == -1 ? 1 : shape[static_cast<std::size_t>(axis)];
    const auto tables = random.integers<std::uint8_t>(static_cast<std::size_t>(256 * channels), 0, 255);
    const auto model = must(build(shape, axis, tables));
    CHECK(model.outputs()[0].shape == shape);
    const auto y = run_every_isa<std::uint8_t>(model, x);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto c = axis == -1 ? 0 : static_cast<std::int64_t>(i) / inner[axis] % channels;
      CHECK(y[i] == tables[static_cast<std::size_t>(256 * c) + x[i]]);
    }
  }
}

TEST_CASE("every byte, and a scalar") {
  std::vector<std::uint8_t> table(256);
  std::vector<std::uint8_t> x(256);
  for (std::size_t i = 0; i < 256; ++i)
    x[i] = static_cast<std::uint8_t>(i), table[i] = static_cast<std::uint8_t>(255 - i);
  const auto y = run_every_isa<std::uint8_t>(must(build({256}, -1, table)), x);
  CHECK(y == table);
  CHECK(run_one<std::uint8_t>(must(build({}, -1, table)), std::vector<std::uint8_t>{3}) ==
        std::vector<std::uint8_t>{252});
}

TEST_CASE("bytes of s8 index the table as u8 ones do") {
  std::vector<std::uint8_t> shift(256);
  for (std::size_t i = 0; i < 256; ++i) shift[i] = static_cast<std::uint8_t>(i ^ 0x80U);
  const std::vector<std::int8_t> x = {-128, -1, 0, 127};
  CHECK(run_one<std::uint8_t>(must(build({4}, -1, shift, Type::s8, Type::u8)), x) == std::vector<std::uint8_t>{0, 127, 128, 255});
  CHECK(run_one<std::int8_t>(must(build({4}, -1, shift, Type::u8, Type::s8)), std::vector<std::uint8_t>{0, 127, 128, 255}) == x);
}

TEST_CASE("refused") {
  const std::vector<std::uint8_t> one(256);
  for (const std::size_t size : {std::size_t{0}, std::size_t{255}, std::size_t{257}, std::size_t{512}})
    check_invalid(build({2, 3}, -1, std::vector<std::uint8_t>(size)),
                  {"'y' (Lookup)", std::to_string(size) + " bytes"});
  check_invalid(build({2, 3}, 1, one), {"'y' (Lookup)", "256 bytes", "3"});
  for (const int axis : {-2, 2, 2147483647}) check_invalid(build({2, 3}, axis, one), {"'y' (Lookup)", "axis"});
  check_invalid(build({2, 3}, -1, one, Type::f32), {"'y' (Lookup)", "u8"});
  check_invalid(build({2, 3}, -1, one, Type::u8, Type::f32), {"'y' (Lookup)", "u8"});
  check_invalid(build({2, 3}, -1, one, Type::s8, Type::s32), {"'y' (Lookup)", "u8"});
}

}  // namespace
}  // namespace octet_test
