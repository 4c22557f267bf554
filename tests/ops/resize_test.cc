// Resize: an image by tables of rows and columns.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::ResizeT;

ResizeT nearest(std::vector<int> rows, std::vector<int> columns) {
  ResizeT t;
  t.rows = std::move(rows), t.columns = std::move(columns);
  return t;
}

ResizeT linear(std::vector<int> rows, std::vector<float> row_weights, std::vector<int> columns, std::vector<float> column_weights) {
  ResizeT t = nearest(std::move(rows), std::move(columns));
  t.row_weights = std::move(row_weights), t.column_weights = std::move(column_weights);
  return t;
}

Result<Model> build(const Shape& x, const ResizeT& t, Type type = Type::f32, const Quantization& q = {}, const Quantization& qy = {}) {
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q)}, type, qy);
  return b.model();
}

TEST_CASE("nearest: rows and columns as listed, of any type") {
  const auto t = nearest({1, 0, 0}, {0, 1, 1});
  CHECK(run_one<float>(must(build({1, 2, 2, 1}, t)), std::vector<float>{1, 2, 3, 4}) == std::vector<float>{3, 4, 4, 1, 2, 2, 1, 2, 2});
  const auto q = affine(0.5F, 3);
  CHECK(run_every_isa<std::uint8_t>(must(build({1, 1, 2, 2}, nearest({0}, {1, 0, 1}), Type::u8, q, q)), std::vector<std::uint8_t>{1, 2, 3, 4}) ==
        std::vector<std::uint8_t>{3, 4, 1, 2, 3, 4});
  CHECK(run_one<std::int64_t>(must(build({1, 1, 2, 1}, nearest({0}, {1, 1}), Type::s64)), std::vector<std::int64_t>{7, 8}) == std::vector<std::int64_t>{8, 8});
}

TEST_CASE("linear: between neighbours, the last one with itself") {
  const auto t = linear({0, 1}, {0.25F, 0.5F}, {0, 1}, {0.5F, 1.0F});
  const auto y = run_one<float>(must(build({1, 2, 2, 1}, t)), std::vector<float>{0, 8, 16, 32});
  CHECK(y == std::vector<float>{0.75F * 4 + 0.25F * 24, 0.75F * 8 + 0.25F * 32, 24, 32});
}

TEST_CASE("u8, linear: the formula of schema/README.md, at the ends of its ranges") {
  Random random(8);
  for (const std::int32_t z : {0, 131, 255}) {
    for (const bool extreme : {false, true}) {
      const auto t = linear({0, 0, 1, 2}, {0.0F, 0.3F, 1.0F, 0.7F}, {0, 1, 4}, {0.123F, 0.999F, 0.5F});
      const auto q = affine(0.02F, z);
      const auto qy = affine(extreme ? 0.02F : 0.013F, 77);
      const auto x = extreme ? std::vector<std::uint8_t>(2 * 3 * 5 * 7, 255) : random.integers<std::uint8_t>(2 * 3 * 5 * 7, 0, 255);
      const auto y = run_every_isa<std::uint8_t>(must(build({2, 3, 5, 7}, t, Type::u8, q, qy)), x);
      const auto m = static_cast<float>(static_cast<double>(0.02F) / (static_cast<double>(qy.scale()) * 4194304.0));
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t c = i % 7;
        const std::size_t column = i / 7 % 3;
        const std::size_t row = i / 21 % 4;
        const std::size_t image = i / 84;
        std::int32_t acc = 0;
        for (const std::size_t dy : {0U, 1U}) {
          for (const std::size_t dx : {0U, 1U}) {
            const auto wy = static_cast<std::int32_t>(std::nearbyint(t.row_weights[row] * 2048));
            const auto wx = static_cast<std::int32_t>(std::nearbyint(t.column_weights[column] * 2048));
            const std::size_t r = std::min<std::size_t>(static_cast<std::size_t>(t.rows[row]) + dy, 2);
            const std::size_t k = std::min<std::size_t>(static_cast<std::size_t>(t.columns[column]) + dx, 4);
            acc += (x[((image * 3 + r) * 5 + k) * 7 + c] - z) * (dy == 1 ? wy : 2048 - wy) * (dx == 1 ? wx : 2048 - wx);
          }
        }
        const float wanted = std::nearbyint(static_cast<float>(acc) * m) + 77.0F;
        CHECK(y[i] == static_cast<std::uint8_t>(std::clamp(wanted, 0.0F, 255.0F)));
      }
    }
  }
}

TEST_CASE("refused") {
  const Shape x = {1, 2, 3, 1};
  must(build(x, nearest({0}, {0})));
  check_invalid(build({1, 2, 3}, nearest({0}, {0})), {"'y' (Resize)", "rank 4"});
  check_invalid(build(x, nearest({}, {0})), {"'y' (Resize)", "empty"});
  check_invalid(build(x, nearest({2}, {0})), {"'y' (Resize)", "2 of 2"});
  check_invalid(build(x, nearest({0}, {-1})), {"'y' (Resize)", "-1 of 3"});
  check_invalid(build(x, linear({0}, {0.5F}, {0}, {})), {"'y' (Resize)", "weight"});
  check_invalid(build(x, linear({0}, {}, {0}, {0.5F})), {"'y' (Resize)", "weight"});
  check_invalid(build(x, linear({0}, {0.5F, 0.5F}, {0}, {0.5F})), {"'y' (Resize)", "weight"});
  check_invalid(build(x, linear({0}, {1.5F}, {0}, {0.5F})), {"'y' (Resize)", "1.5"});
  check_invalid(build(x, linear({0}, {std::nanf("")}, {0}, {0.5F})), {"'y' (Resize)"});
  check_invalid(build(x, nearest({0}, {0}), Type::u8, affine(1, 0), affine(2, 0)), {"'y' (Resize)", "one scale"});
}

}  // namespace
}  // namespace octet_test
