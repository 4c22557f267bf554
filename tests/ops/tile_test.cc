// Tile: x repeated along its axes.
#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::TileT;

Result<Model> build(const Shape& x, std::vector<int> repeats, Type type = Type::f32, const Quantization& q = {}) {
  TileT t;
  t.repeats = std::move(repeats);
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q, false)}, type, q);
  return b.model();
}

template <class T>
void check_values(const Shape& x, const std::vector<int>& repeats, const Quantization& q = {}) {
  const auto model = must(build(x, repeats, octet::type_of<T>(), q));
  Shape expected = x;
  for (std::size_t k = 0; k < x.size(); ++k) expected[k] *= repeats[k];
  REQUIRE(model.outputs()[0].shape == expected);
  const auto values = Random(3).integers<T>(static_cast<std::size_t>(octet::element_count(x)), 0, 100);
  const auto y = run_one<T>(model, values);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto to = index_of(static_cast<std::int64_t>(i), expected);
    std::int64_t at = 0;
    for (std::size_t k = 0; k < x.size(); ++k) at = at * x[k] + to[k] % x[k];
    CHECK(y[i] == values[static_cast<std::size_t>(at)]);
  }
}

TEST_CASE("every axis, every element size") {
  check_values<float>({2, 3}, {1, 1});
  check_values<float>({2, 3}, {2, 1});
  check_values<float>({2, 3}, {1, 3});
  check_values<float>({2, 3, 4}, {3, 2, 2});
  check_values<float>({}, {});
  check_values<std::uint8_t>({2, 3}, {2, 2}, affine(0.1F, 3));
  check_values<std::int64_t>({1, 2}, {4, 2});
  check_values<float>({2, 2, 2, 2, 2, 2, 2, 2}, {2, 2, 2, 2, 2, 2, 2, 2});
}

TEST_CASE("refused") {
  check_invalid(build({2, 3}, {2}), {"'y' (Tile)"});
  check_invalid(build({2, 3}, {0, 1}), {"'y' (Tile)", "axis 0"});
  check_invalid(build({2, 3}, {1, -1}), {"'y' (Tile)", "axis 1"});
  check_invalid(build({1 << 20, 1 << 20}, {1 << 20, 1 << 20}), {"overflows"});
}

}  // namespace
}  // namespace octet_test
