// Softmax: exp(x - max) / sum along an axis. u8, last axis: S = sum E[max - q]; r = f32(1 / (f64(S) s_out));
// q = clamp(rne(f32(E[d]) r) + z).
#include <algorithm>
#include <cmath>
#include <limits>

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

// ---- Masks

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct MaskedCase {
  Shape x, mask;
  float value = -10000;
  bool replaces = false;
  Quantization in = affine(0.05F, 100), out = affine(1.0F / 255, 0);
};

Result<Model> build(const MaskedCase& c, Type type) {
  GraphBuilder b;
  SoftmaxT t;
  t.mask_value = c.value;
  t.mask_replaces = c.replaces;
  const bool u8 = type == Type::u8;
  if (u8) t.table = table_of(static_cast<double>(c.in.scale()));
  b.node("y", t, {b.input("x", type, c.x, u8 ? c.in : Quantization{}, false), b.input("mask", Type::boolean, c.mask, {}, false)}, type, u8 ? c.out : Quantization{});
  return b.model();
}

template <class T>
std::vector<T> run_masked(const Model& model, const std::vector<T>& x, const std::vector<std::uint8_t>& mask, const std::string& isa) {
  octet::SessionOptions options;
  options.isa = isa;
  options.threads = 2;
  auto session = must(model.session(options));
  const auto y = run_bytes(session, {bytes_of(x), bytes_of(mask)})[0];
  std::vector<T> values(y.size() / sizeof(T));
  std::memcpy(values.data(), y.data(), y.size());
  return values;
}

/// The mask's byte for each element of x, aligned at the last axis.
std::vector<std::uint8_t> spread(const Shape& x, const Shape& mask, const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint8_t> all;
  for (std::int64_t i = 0; i < octet::element_count(x); ++i) {
    std::int64_t rest = i, stride = 1, offset = 0;
    for (std::size_t k = 1; k <= x.size(); ++k) {
      const std::int64_t at = rest % x[x.size() - k];
      rest /= x[x.size() - k];
      if (k > mask.size()) continue;
      if (mask[mask.size() - k] != 1) offset += at * stride;
      stride *= mask[mask.size() - k];
    }
    all.push_back(bytes[static_cast<std::size_t>(offset)]);
  }
  return all;
}

TEST_CASE("masked f32: what an addition, or a replacement, before a softmax gives, masked rows included") {
  Random random(7);
  for (const float value : {-10000.0F, -1e9F, std::numeric_limits<float>::lowest()}) {
    for (const bool replaces : {false, true}) {
      const MaskedCase c{{2, 3, 4, 9}, {2, 1, 4, 9}, value, replaces};
      const auto x = random.reals(216, -4, 4);
      auto mask = random.integers<std::uint8_t>(72, 0, 1);
      std::fill_n(mask.begin(), 9, std::uint8_t{0});  // a row without any
      const auto all = spread(c.x, c.mask, mask);
      std::vector<float> added = x;
      for (std::size_t i = 0; i < x.size(); ++i) added[i] = all[i] != 0 ? x[i] : replaces ? value : x[i] + value;
      const auto expected = run_one<float>(must(build(c.x, {}, Type::f32)), added);
      CHECK(run_masked<float>(must(build(c, Type::f32)), x, mask, "reference") == expected);
    }
  }
}

TEST_CASE("masked f32: minus infinity takes no part, and a row of it is 0") {
  const MaskedCase c{{2, 3}, {2, 3}, -kInfinity};
  const auto y = run_masked<float>(must(build(c, Type::f32)), {1, 1, 5, 1, 2, 3}, {1, 1, 0, 0, 0, 0}, "reference");
  CHECK(y == std::vector<float>{0.5F, 0.5F, 0, 0, 0, 0});
}

TEST_CASE("masked u8: E is 0 where the mask is, the maximum is of the others; every mask shape, every ISA") {
  Random random(8);
  const std::vector<std::pair<Shape, Shape>> shapes = {{{2, 3, 4, 130}, {2, 1, 1, 130}}, {{2, 3, 4, 64}, {4, 64}}, {{2, 3, 4, 7}, {2, 3, 4, 7}},
                                                       {{5, 200}, {200}},               {{3}, {3}},                {{2, 2, 2, 65}, {1, 2, 1, 65}}};
  for (const auto& [x_shape, mask_shape] : shapes) {
    MaskedCase c{x_shape, mask_shape};
    INFO(octet::to_string(c.x), " ", octet::to_string(c.mask));
    c.out = affine(0.003F, 2);
    const auto table = table_of(static_cast<double>(c.in.scale()));
    const auto x = random.integers<std::uint8_t>(static_cast<std::size_t>(octet::element_count(x_shape)), 0, 255);
    auto mask = random.integers<std::uint8_t>(static_cast<std::size_t>(octet::element_count(mask_shape)), 0, 1);
    const auto columns = static_cast<std::size_t>(x_shape.back());
    for (std::size_t r = 0; r < mask.size(); r += columns) mask[r + 1] = 1;  // no row without any
    const auto all = spread(x_shape, mask_shape, mask);
    std::vector<std::uint8_t> expected(x.size());
    for (std::size_t r = 0; r < x.size(); r += columns) {
      int peak = 0;
      for (std::size_t i = r; i < r + columns; ++i)
        if (all[i] != 0) peak = std::max<int>(peak, x[i]);
      std::uint64_t sum = 0;
      const auto e = [&](std::size_t i) { return all[i] != 0 ? table[static_cast<std::size_t>(peak - x[i])] : 0; };
      for (std::size_t i = r; i < r + columns; ++i) sum += e(i);
      const auto reciprocal = static_cast<float>(1.0 / (static_cast<double>(sum) * static_cast<double>(c.out.scale())));
      for (std::size_t i = r; i < r + columns; ++i)
        expected[i] = static_cast<std::uint8_t>(std::min(255.0F, std::nearbyint(static_cast<float>(e(i)) * reciprocal) + 2));
    }
    const Model model = must(build(c, Type::u8));
    CHECK(run_masked<std::uint8_t>(model, x, mask, "reference") == expected);
    for (const auto isa : octet::kernels::available_isas())
      CHECK(run_masked<std::uint8_t>(model, x, mask, octet::kernels::name_of(isa)) == expected);
  }
}

TEST_CASE("masked u8: a row that is masked throughout") {
  Random random(9);
  const auto x = random.integers<std::uint8_t>(100, 50, 90);
  const std::vector<std::uint8_t> none(100, 0), every(100, 1);
  const auto run = [&](float value, bool replaces, const std::vector<std::uint8_t>& bytes, const std::vector<std::uint8_t>& mask) {
    const Model model = must(build(MaskedCase{{100}, {100}, value, replaces}, Type::u8));
    const auto y = run_masked<std::uint8_t>(model, bytes, mask, "reference");
    for (const auto isa : octet::kernels::available_isas())
      CHECK(run_masked<std::uint8_t>(model, bytes, mask, octet::kernels::name_of(isa)) == y);
    return y;
  };
  CHECK(run(-kInfinity, false, x, none) == std::vector<std::uint8_t>(100, 0));
  CHECK(run(-10000, false, x, none) == run(-10000, false, x, every));  // -10000 added to all changes nothing
  const auto uniform = run(-10000, true, std::vector<std::uint8_t>(100, 7), every);
  CHECK(uniform == std::vector<std::uint8_t>(100, 3));  // 255 / 100
  CHECK(run(-10000, true, x, none) == uniform);
  CHECK(run(-3e38F, false, x, none) == uniform);  // scores vanish in it
}

TEST_CASE("masks that are refused") {
  const auto of = [](Shape mask) { return build(MaskedCase{{2, 3, 4}, std::move(mask)}, Type::f32); };
  check_invalid(of({2, 3, 1}), {"mask", "2x3x1"});
  check_invalid(of({2, 2, 4}), {});
  check_invalid(of({}), {"mask"});
  check_invalid(of({5, 2, 3, 4}), {"mask"});
  MaskedCase weak{{2, 4}, {2, 4}, -20};
  CHECK(build(weak, Type::f32).has_value());
  check_invalid(build(weak, Type::u8), {"mask_value", "outweigh"});
  weak.value = -(255 * 0.05F + 17) - 0.01F;
  CHECK(build(weak, Type::u8).has_value());
  weak.replaces = true;
  weak.value = -21.9F;  // the least score is -5
  check_invalid(build(weak, Type::u8), {"outweigh"});
  weak.value = -22.1F;
  CHECK(build(weak, Type::u8).has_value());
  for (const float bad : {kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    weak.value = bad;
    check_invalid(build(weak, Type::f32), {"mask_value"});
  }
  GraphBuilder other_axis;
  SoftmaxT t;
  t.axis = 0;
  other_axis.node("y", t, {other_axis.input("x", Type::f32, {3, 3}, {}, false), other_axis.input("m", Type::boolean, {3, 3}, {}, false)});
  check_invalid(other_axis.model(), {"last axis"});
  GraphBuilder numbers;
  numbers.node("y", SoftmaxT{}, {numbers.input("x", Type::f32, {3}, {}, false), numbers.input("m", Type::f32, {3}, {}, false)});
  check_invalid(numbers.model(), {"mask", "bool"});
}

}  // namespace
}  // namespace octet_test
