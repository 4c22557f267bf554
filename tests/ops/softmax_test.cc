// Softmax: exp(x - max) / sum along an axis. u8, last axis: S = sum E[max - q]; r = f32(1 / (f64(S) s_out));
// q = clamp(rne(f32(E[d]) r) + z).
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::SoftmaxT;

Result<Model> build(const Shape& x, const SoftmaxT& t, Type type, const Quantization& q = {},
                    const Quantization& qy = {}) {
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q, false)}, type, qy);
  return b.model();
}

std::vector<std::uint32_t> table_of(double scale) {
  std::vector<std::uint32_t> table;
  for (int d = 0; d < 256; ++d)
    table.push_back(static_cast<std::uint32_t>(std::nearbyint(8388608.0 * std::exp(-scale * d))));
  return table;
}

TEST_CASE("f32: along every axis") {
  const Shape shape = {2, 3, 4};
  const auto x = Random(1).reals(24, -5, 5);
  const std::size_t inner[] = {12, 4, 1};
  for (int axis = -1; axis < 3; ++axis) {
    SoftmaxT t;
    t.axis = axis;
    const auto model = must(build(shape, t, Type::f32));
    CHECK(model.outputs()[0].shape == shape);
    const auto y = run_one<float>(model, x);
    const auto k = static_cast<std::size_t>(axis == -1 ? 2 : axis);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto n = static_cast<std::size_t>(shape[k]);
      const std::size_t base = i / (inner[k] * n) * inner[k] * n + i % inner[k];
      double sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += std::exp(static_cast<double>(x[base + j * inner[k]]));
      CHECK(static_cast<double>(y[i]) == doctest::Approx(std::exp(static_cast<double>(x[i])) / sum).epsilon(1e-6));
    }
  }
}

TEST_CASE("f32: large values do not overflow") {
  const auto y = run_one<float>(must(build({2}, {}, Type::f32)), std::vector<float>{3e38F, -3e38F});
  CHECK(y == std::vector<float>{1, 0});
}

TEST_CASE("u8: values, rows of many lengths") {
  Random random(2);
  for (const std::int64_t columns : {1, 2, 7, 10, 100, 1000}) {
    const float s_in = 0.05F;
    const Quantization out = affine(columns > 50 ? 0.0005F : 1.0F / 255, columns == 7 ? 3 : 0);
    SoftmaxT t;
    t.table = table_of(static_cast<double>(s_in));
    t.axis = columns == 7 ? 1 : -1;
    const auto x = random.integers<std::uint8_t>(static_cast<std::size_t>(3 * columns), 0, 255);
    const auto y = run_every_isa<std::uint8_t>(must(build({3, columns}, t, Type::u8, affine(s_in, 77), out)), x);
    for (std::size_t r = 0; r < 3; ++r) {
      const auto n = static_cast<std::size_t>(columns);
      const auto row = x.begin() + static_cast<std::ptrdiff_t>(r * n);
      const int peak = *std::max_element(row, row + columns);
      std::uint64_t sum = 0;
      for (std::size_t c = 0; c < n; ++c) sum += t.table[static_cast<std::size_t>(peak - x[r * n + c])];
      const auto reciprocal = static_cast<float>(1.0 / (static_cast<double>(sum) * static_cast<double>(out.scale())));
      for (std::size_t c = 0; c < n; ++c) {
        const float e = static_cast<float>(t.table[static_cast<std::size_t>(peak - x[r * n + c])]);
        const float q = std::nearbyint(e * reciprocal) + static_cast<float>(out.zero_point());
        CHECK(y[r * n + c] == static_cast<std::uint8_t>(std::min(std::max(q, 0.0F), 255.0F)));
      }
    }
  }
}

TEST_CASE("u8: one of one is everything; equals share") {
  SoftmaxT t;
  t.table = table_of(0.1);
  const auto out = affine(1.0F / 255, 0);
  CHECK(run_every_isa<std::uint8_t>(must(build({1, 1}, t, Type::u8, affine(0.1F, 0), out)),
                                    std::vector<std::uint8_t>{9})[0] == 255);
  const auto y = run_every_isa<std::uint8_t>(must(build({1, 5}, t, Type::u8, affine(0.1F, 0), out)),
                                             std::vector<std::uint8_t>(5, 200));
  CHECK(y == std::vector<std::uint8_t>(5, 51));
}

TEST_CASE("refused") {
  const auto q = affine(0.1F, 0);
  SoftmaxT t;
  t.table = table_of(0.1);
  must(build({2, 3}, t, Type::u8, q, q));
  for (const int axis : {-2, 2, 2147483647}) {
    t.axis = axis;
    check_invalid(build({2, 3}, t, Type::f32), {"'y' (Softmax)", "axis"});
  }
  t.axis = -1;
  check_invalid(build({}, t, Type::f32), {"'y' (Softmax)", "axis"});
  t.axis = 0;
  check_invalid(build({2, 3}, t, Type::u8, q, q), {"'y' (Softmax)", "last axis"});
  t.axis = -1;
  check_invalid(build({2, 3}, t, Type::u8, q, {}), {"'y' (Softmax)", "without scales"});
  check_invalid(build({2, 3}, t, Type::s32), {"'y' (Softmax)", "s32"});
  for (const std::size_t size : {std::size_t{0}, std::size_t{255}, std::size_t{257}}) {
    t.table.assign(size, 1);
    check_invalid(build({2, 3}, t, Type::u8, q, q), {"'y' (Softmax)", std::to_string(size)});
  }
  t.table.assign(256, 1);
  t.table[0] = 0;
  check_invalid(build({2, 3}, t, Type::u8, q, q), {"'y' (Softmax)", "starts with 0"});
}

}  // namespace
}  // namespace octet_test
