// Slice: start, start + step, ... along every axis.
#include <numeric>

#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::SliceT;
using Ints = std::vector<int>;

SliceT slice(Ints starts, Ints steps, Ints sizes) {
  SliceT t;
  t.starts = std::move(starts), t.steps = std::move(steps), t.sizes = std::move(sizes);
  return t;
}

Result<Model> build(const Shape& x, const SliceT& t, Type type = Type::f32, const Quantization& q = {}, const Quantization& qy = {},
                    bool batched = false) {
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q, batched)}, type, qy);
  return b.model();
}

template <class T>
void check_values(const Shape& x, const SliceT& t, const Shape& expected, const Quantization& q = {}) {
  std::vector<T> values(static_cast<std::size_t>(octet::element_count(x)));
  std::iota(values.begin(), values.end(), T{0});
  const auto model = must(build(x, t, octet::type_of<T>(), q, q));
  REQUIRE(model.outputs()[0].shape == expected);
  const auto y = run_one<T>(model, values);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto to = index_of(static_cast<std::int64_t>(i), expected);
    std::int64_t at = 0;
    for (std::size_t k = 0; k < x.size(); ++k) at = at * x[k] + t.starts[k] + to[k] * t.steps[k];
    CHECK(y[i] == values[static_cast<std::size_t>(at)]);
  }
}

TEST_CASE("starts, steps and sizes, of every element size") {
  check_values<float>({4, 5, 6}, slice({1, 0, 2}, {2, 1, 3}, {2, 5, 2}), {2, 5, 2});
  check_values<float>({4, 5, 6}, slice({3, 4, 5}, {-1, -2, -5}, {4, 3, 2}), {4, 3, 2});
  check_values<float>({4, 5, 6}, slice({0, 0, 0}, {1, 1, 1}, {0, 0, 0}), {4, 5, 6});
  check_values<std::uint8_t>({3, 4, 5}, slice({0, 1, 0}, {1, 1, 1}, {0, 2, 0}), {3, 2, 5}, affine(0.1F, 4));
  check_values<std::int8_t>({10}, slice({9}, {-3}, {4}), {4});
  check_values<std::int64_t>({2, 3}, slice({1, 1}, {1, 1}, {1, 1}), {1, 1});
  check_values<float>({}, slice({}, {}, {}), {});
  check_values<float>({2, 1, 2, 1, 2, 1, 2, 2}, slice({1, 0, 1, 0, 1, 0, 1, 1}, {-1, 1, -1, 1, -1, 1, -1, -1}, {2, 1, 2, 1, 2, 1, 2, 2}),
                      {2, 1, 2, 1, 2, 1, 2, 2});
}

TEST_CASE("a whole axis follows the batch, a counted one cannot") {
  const auto model = must(build({1, 4}, slice({0, 1}, {1, 1}, {0, 2}), Type::f32, {}, {}, true));
  CHECK(model.outputs()[0].batched);
  octet::SessionOptions options;
  options.batch = 2;
  auto session = must(model.session(options));
  std::vector<float> y(4);
  must(session.run({std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}}, {y}));
  CHECK(y == std::vector<float>{2, 3, 6, 7});
  check_error(build({1, 4}, slice({0, 1}, {1, 1}, {1, 2}), Type::f32, {}, {}, true), ErrorCode::unsupported, {"'y' (Slice)", "batch"});
}

TEST_CASE("refused") {
  const Shape x = {3, 4};
  constexpr int kMost = 2147483647;
  constexpr int kLeast = -2147483647 - 1;
  for (const SliceT& t :
       {slice({0}, {1}, {0}), slice({0, 0}, {1, 1}, {0}), slice({0, 0, 0}, {1, 1, 1}, {0, 0, 0}), slice({1, 0}, {1, 1}, {0, 0}),
        slice({0, 0}, {2, 1}, {0, 0}), slice({0, 0}, {1, 1}, {4, 0}), slice({3, 0}, {1, 1}, {1, 0}), slice({-1, 0}, {1, 1}, {1, 0}),
        slice({0, 0}, {-1, 1}, {2, 0}), slice({0, 0}, {1, 1}, {-1, 0}), slice({0, 0}, {kMost, 1}, {kMost, 0}),
        slice({2, 0}, {kLeast, 1}, {kMost, 0}), slice({kMost, 0}, {kMost, 1}, {2, 0}), slice({0, 0}, {0, 1}, {kMost, 0}),
        slice({kLeast, kLeast}, {kLeast, kLeast}, {kLeast, kLeast})})
    if (t.steps[0] != 0) check_invalid(build(x, t), {"'y' (Slice)"});
  check_invalid(build(x, slice({0, 0}, {1, 1}, {0, 0}), Type::u8, affine(0.1F, 1), affine(0.1F, 2)), {"'y' (Slice)", "one scale"});
}

TEST_CASE("a step of 0 repeats an element") {
  CHECK(run_one<float>(must(build({3}, slice({1}, {0}, {4}))), std::vector<float>{1, 2, 3}) == std::vector<float>{2, 2, 2, 2});
}

}  // namespace
}  // namespace octet_test
