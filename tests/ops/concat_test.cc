// Concat: inputs joined along an axis, of any one type.
#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::ConcatT;

template <class T>
void check_values(const Quantization& q) {
  Random random(1);
  for (int axis = 0; axis < 3; ++axis) {
    const auto k = static_cast<std::size_t>(axis);
    Shape shapes[3] = {{2, 3, 4}, {2, 3, 4}, {2, 3, 4}};
    shapes[0][k] = 1, shapes[2][k] = 5;
    GraphBuilder b;
    std::vector<int> inputs;
    std::vector<std::vector<T>> values;
    for (std::size_t i = 0; i < 3; ++i) {
      values.push_back(random.integers<T>(static_cast<std::size_t>(octet::element_count(shapes[i])), 0, 100));
      inputs.push_back(b.input("x" + std::to_string(i), octet::type_of<T>(), shapes[i], q, false));
    }
    inputs.push_back(inputs[0]);  // the same tensor again
    ConcatT t;
    t.axis = axis;
    b.node("y", t, inputs, octet::type_of<T>(), q);
    const auto model = must(b.model());
    Shape expected = shapes[1];
    expected[k] += 1 + 5 + 1;
    CHECK(model.outputs()[0].shape == expected);
    auto session = must(model.session());
    std::vector<T> y(session.outputs()[0].elements());
    must(session.run({values[0], values[1], values[2]}, {y}));
    for (std::size_t i = 0; i < y.size(); ++i) {
      auto index = index_of(static_cast<std::int64_t>(i), expected);
      std::size_t from = 0;
      for (; from < 3 && index[k] >= shapes[from][k]; ++from) index[k] -= shapes[from][k];
      if (from == 3) from = 0;
      const Shape& s = shapes[from];
      CHECK(y[i] == values[from][static_cast<std::size_t>((index[0] * s[1] + index[1]) * s[2] + index[2])]);
    }
  }
}

TEST_CASE("values of every type") {
  check_values<float>({});
  check_values<std::uint8_t>(affine(0.1F, 7));
  check_values<std::uint8_t>({});
  check_values<std::int8_t>({});
  check_values<std::int32_t>({});
  check_values<std::int64_t>({});
}

TEST_CASE("one input is a copy; the leading axis follows the batch") {
  ConcatT t;
  t.axis = 1;
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 2});
  b.node("y", t, {x, x});
  const auto model = must(b.model());
  octet::SessionOptions options;
  options.batch = 2;
  auto session = must(model.session(options));
  std::vector<float> y(8);
  must(session.run({std::vector<float>{1, 2, 3, 4}}, {y}));
  CHECK(y == std::vector<float>{1, 2, 1, 2, 3, 4, 3, 4});
}

TEST_CASE("refused") {
  const auto build = [](const Shape& a, const Shape& b, int axis, const Quantization& qa, const Quantization& qb,
                        const Quantization& qy) {
    GraphBuilder g;
    ConcatT t;
    t.axis = axis;
    const int x = g.input("a", Type::u8, a, qa, false);
    g.node("y", t, {x, g.input("b", Type::u8, b, qb, false)}, Type::u8, qy);
    return g.model();
  };
  const auto q = affine(0.1F, 3);
  must(build({2, 3}, {2, 1}, 1, q, q, q));
  for (const int axis : {-1, 2, 2147483647})
    check_invalid(build({2, 3}, {2, 3}, axis, q, q, q), {"'y' (Concat)", "axis"});
  check_invalid(build({}, {}, 0, q, q, q), {"'y' (Concat)", "axis"});
  check_invalid(build({2, 3}, {3, 3}, 1, q, q, q), {"'y' (Concat)", "3x3", "2x3"});
  check_invalid(build({2, 3}, {2, 3, 1}, 1, q, q, q), {"'y' (Concat)", "rank"});
  check_invalid(build({2, 3}, {2, 3}, 1, q, affine(0.2F, 3), q), {"'y' (Concat)", "one scale"});
  check_invalid(build({2, 3}, {2, 3}, 1, q, affine(0.1F, 4), q), {"'y' (Concat)", "zero-point"});
  check_invalid(build({2, 3}, {2, 3}, 1, q, q, {}), {"'y' (Concat)", "one scale"});
  const Quantization each = {{1, 1}, {0, 0}, 0};
  check_invalid(build({2, 3}, {2, 3}, 1, each, each, each), {"'y' (Concat)", "one scale a tensor"});
  GraphBuilder types;
  const int x = types.input("a", Type::u8, {2}, {}, false);
  types.node("y", ConcatT{}, {x, types.input("b", Type::s8, {2}, {}, false)}, Type::u8);
  check_invalid(types.model(), {"'y' (Concat)", "one type"});
}

}  // namespace
}  // namespace octet_test
