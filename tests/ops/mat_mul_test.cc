// MatMul: products of two activations, batch axes broadcast, exact in int8.
#include <cmath>

#include "kernels/matmul/matmul.h"
#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::MatMulT;

MatMulT product(bool transpose_b = false, float scale = 1.0F) {
  MatMulT t;
  t.transpose_b = transpose_b;
  t.scale = scale;
  return t;
}

struct Case {
  Shape a, b, y;
  bool transpose_b;
};

std::vector<Case> cases() {
  return {{{2, 3}, {3, 4}, {2, 4}, false},
          {{2, 3}, {4, 3}, {2, 4}, true},
          {{1, 1}, {1, 1}, {1, 1}, false},
          {{2, 5, 7}, {2, 7, 6}, {2, 5, 6}, false},
          {{2, 3, 5, 8}, {2, 3, 9, 8}, {2, 3, 5, 9}, true},
          {{3, 5, 8}, {8, 4}, {3, 5, 4}, false},
          {{5, 8}, {2, 8, 4}, {2, 5, 4}, false},
          {{2, 1, 9, 3}, {4, 3, 5}, {2, 4, 9, 5}, false},
          {{1, 4, 2, 3}, {2, 1, 5, 3}, {2, 4, 2, 5}, true},
          {{2, 17, 33}, {2, 33, 70}, {2, 17, 70}, false},
          {{13, 64}, {65, 64}, {13, 65}, true}};
}

/// The sum over k of f(element of a, element of b) for each element of y, by the definition.
template <class T, class F>
std::vector<double> expected(const Case& c, const std::vector<T>& a, const std::vector<T>& b, const F& f) {
  std::vector<double> y(static_cast<std::size_t>(octet::element_count(c.y)));
  const std::int64_t depth = c.a.back();
  const Shape ya(c.y.begin(), c.y.end() - 2);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto flat = static_cast<std::int64_t>(i);
    const std::int64_t column = flat % c.y.back();
    const std::int64_t row = flat / c.y.back() % c.y[c.y.size() - 2];
    const std::int64_t matrix = flat / (c.y.back() * c.y[c.y.size() - 2]);
    const auto from_a = source_of(matrix, ya, Shape(c.a.begin(), c.a.end() - 2)) * static_cast<std::size_t>(c.a.back() * c.a[c.a.size() - 2]);
    const auto from_b = source_of(matrix, ya, Shape(c.b.begin(), c.b.end() - 2)) * static_cast<std::size_t>(c.b.back() * c.b[c.b.size() - 2]);
    for (std::int64_t k = 0; k < depth; ++k) {
      const std::int64_t at_b = c.transpose_b ? column * depth + k : k * c.b.back() + column;
      y[i] += f(a[from_a + static_cast<std::size_t>(row * depth + k)], b[from_b + static_cast<std::size_t>(at_b)]);
    }
  }
  return y;
}

TEST_CASE("f32: every shape; the same bytes at every ISA") {
  Random random(2);
  for (const Case& c : cases()) {
    GraphBuilder g;
    const int a = g.input("a", Type::f32, c.a, {}, false);
    g.node("y", product(c.transpose_b, 0.5F), {a, g.input("b", Type::f32, c.b, {}, false)});
    const auto model = must(g.model());
    REQUIRE(model.outputs()[0].shape == c.y);
    const auto va = random.reals(static_cast<std::size_t>(octet::element_count(c.a)), -1, 1);
    const auto vb = random.reals(static_cast<std::size_t>(octet::element_count(c.b)), -1, 1);
    const auto wanted = expected(c, va, vb, [](float x, float y) { return static_cast<double>(x) * static_cast<double>(y); });
    std::vector<float> first;
    for (const auto isa : octet::kernels::available_isas()) {
      for (const int threads : {1, 2}) {
        octet::SessionOptions options;
        options.isa = octet::kernels::name_of(isa);
        options.threads = threads;
        auto session = must(model.session(options));
        std::vector<float> y(session.outputs()[0].elements());
        must(session.run({va, vb}, {y}));
        for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(static_cast<double>(y[i]) - 0.5 * wanted[i]) < 1e-5);
        if (first.empty()) first = y;
        CHECK(y == first);
      }
    }
  }
}

TEST_CASE("u8: the exact sum, requantized; the same bytes at every ISA and number of threads") {
  Random random(3);
  for (const Case& c : cases()) {
    for (const bool real : {false, true}) {
      const auto qa = affine(0.02F, static_cast<std::int32_t>(random.integer(0, 255)));
      const auto qb = affine(0.5F, static_cast<std::int32_t>(random.integer(0, 255)));
      const auto qy = affine(0.11F, 100);
      GraphBuilder g;
      const int a = g.input("a", Type::u8, c.a, qa, false);
      const int b = g.input("b", Type::u8, c.b, qb, false);
      g.node("y", product(c.transpose_b, 0.25F), {a, b}, real ? Type::f32 : Type::u8, real ? Quantization{} : qy);
      const auto model = must(g.model());
      const auto va = random.integers<std::uint8_t>(static_cast<std::size_t>(octet::element_count(c.a)), 0, 255);
      const auto vb = random.integers<std::uint8_t>(static_cast<std::size_t>(octet::element_count(c.b)), 0, 255);
      const auto sums = expected(c, va, vb, [&](int x, int y) { return (x - qa.zero_point()) * (y - qb.zero_point()); });
      const auto m = static_cast<float>(0.02F * static_cast<double>(0.5F) * 0.25 / (real ? 1.0 : static_cast<double>(0.11F)));
      std::vector<std::byte> wanted;
      for (const double sum : sums) {
        const float t = static_cast<float>(static_cast<std::int32_t>(sum)) * m;
        const auto q = static_cast<std::uint8_t>(std::clamp(std::nearbyint(t) + 100.0F, 0.0F, 255.0F));
        const auto bytes = real ? bytes_of(std::vector<float>{t}) : bytes_of(std::vector<std::uint8_t>{q});
        wanted.insert(wanted.end(), bytes.begin(), bytes.end());
      }
      for (const auto isa : octet::kernels::available_isas()) {
        for (const int threads : {1, 2}) {
          INFO(octet::kernels::name_of(isa));
          octet::SessionOptions options;
          options.isa = octet::kernels::name_of(isa);
          options.threads = threads;
          auto session = must(model.session(options));
          CHECK(run_bytes(session, {bytes_of(va), bytes_of(vb)})[0] == wanted);
        }
      }
    }
  }
}

TEST_CASE("the largest depth: every sum at its bound") {
  constexpr std::int64_t kDepth = 33025;
  static_assert(kDepth * 255 * 255 < (std::int64_t{1} << 31) && (kDepth + 1) * 255 * 255 >= (std::int64_t{1} << 31));
  const auto build = [](std::int64_t depth) {
    GraphBuilder g;
    const int a = g.input("a", Type::u8, {2, depth}, affine(1.0F, 0), false);
    const int b = g.input("b", Type::u8, {1, depth}, affine(1.0F, 255), false);
    g.node("y", product(true), {a, b});
    return g.model();
  };
  const auto model = must(build(kDepth));
  for (const auto isa : octet::kernels::available_isas()) {
    octet::SessionOptions options;
    options.isa = octet::kernels::name_of(isa);
    auto session = must(model.session(options));
    std::vector<float> y(2);
    must(session.run({std::vector<std::uint8_t>(2 * kDepth, 255), std::vector<std::uint8_t>(kDepth, 0)}, {y}));
    CHECK(y[0] == static_cast<float>(-2147450625));
    CHECK(y[1] == y[0]);
  }
  check_invalid(build(kDepth + 1), {"'y' (MatMul)", "33026"});
}

TEST_CASE("the leading axis follows the batch") {
  GraphBuilder g;
  const int a = g.input("a", Type::f32, {1, 2, 2});
  g.node("y", product(), {a, g.input("b", Type::f32, {1, 2, 1})});
  const auto model = must(g.model());
  CHECK(model.outputs()[0].batched);
  octet::SessionOptions options;
  options.batch = 2;
  auto session = must(model.session(options));
  std::vector<float> y(4);
  must(session.run({std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}, std::vector<float>{1, 1, 1, -1}}, {y}));
  CHECK(y == std::vector<float>{3, 7, -1, -1});
}

TEST_CASE("refused") {
  const auto build = [](const Shape& a, const Shape& b, const MatMulT& t, Type ta, Type tb, Type ty) {
    GraphBuilder g;
    const auto q = [](Type type) { return type == Type::u8 ? affine(0.1F, 1) : Quantization{}; };
    const int x = g.input("a", ta, a, q(ta), false);
    g.node("y", t, {x, g.input("b", tb, b, q(tb), false)}, ty, q(ty));
    return g.model();
  };
  const Type f = Type::f32;
  check_invalid(build({2, 3}, {4, 3}, product(), f, f, f), {"'y' (MatMul)", "2x3", "4x3"});
  check_invalid(build({2, 3}, {3, 4}, product(true), f, f, f), {"'y' (MatMul)", "transposed"});
  check_invalid(build({3}, {3, 4}, product(), f, f, f), {"'y' (MatMul)", "rank 2"});
  check_invalid(build({2, 2, 3}, {3, 3, 4}, product(), f, f, f), {"'y' (MatMul)", "broadcast"});
  check_invalid(build({2, 3}, {3, 4}, product(false, kInf), f, f, f), {"'y' (MatMul)", "scale"});
  check_invalid(build({2, 3}, {3, 4}, product(), f, Type::u8, f), {"'y' (MatMul)", "one type"});
  check_invalid(build({2, 3}, {3, 4}, product(), f, f, Type::u8), {"'y' (MatMul)", "f32"});
  check_invalid(build({2, 3}, {3, 4}, product(), Type::s64, Type::s64, f), {"'y' (MatMul)", "s64"});
}

}  // namespace
}  // namespace octet_test
