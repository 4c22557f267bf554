// Reduce: one value out of many, over any axes.
#include <cmath>
#include <limits>

#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::ReduceT;
using octet::schema::Reduction;

ReduceT reduce(Reduction r, std::vector<int> axes, bool keep_dims = true) {
  ReduceT t;
  t.reduction = r;
  t.axes = std::move(axes);
  t.keep_dims = keep_dims;
  return t;
}

Result<Model> build(const Shape& x, const ReduceT& t, Type type = Type::f32, const Quantization& q = {}, const Quantization& qy = {},
                    bool batched = false) {
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q, batched)}, type, qy);
  return b.model();
}

/// The elements that become output `i` of the kept-dims shape `y`.
template <class T>
std::vector<T> gathered(const std::vector<T>& x, const Shape& shape, const Shape& y, std::size_t i) {
  const auto to = index_of(static_cast<std::int64_t>(i), y);
  std::vector<T> found;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto from = index_of(static_cast<std::int64_t>(k), shape);
    bool same = true;
    for (std::size_t a = 0; a < y.size(); ++a) same = same && (y[a] == 1 || from[a] == to[a]);
    if (same) found.push_back(x[k]);
  }
  return found;
}

double by_definition(Reduction r, const std::vector<float>& x) {
  double sum = 0, product = 1, absolute = 0, squares = 0, exponentials = 0;
  double most = static_cast<double>(x[0]), least = most;
  for (const float f : x) {
    const auto v = static_cast<double>(f);
    sum += v, product *= v, absolute += std::abs(v), squares += v * v, exponentials += std::exp(v);
    most = std::max(most, v), least = std::min(least, v);
  }
  switch (r) {
    case Reduction::Mean: return sum / static_cast<double>(x.size());
    case Reduction::Sum: return sum;
    case Reduction::Max: return most;
    case Reduction::Min: return least;
    case Reduction::Prod: return product;
    case Reduction::L1: return absolute;
    case Reduction::L2: return std::sqrt(squares);
    case Reduction::SumSquare: return squares;
    case Reduction::LogSum: return std::log(sum);
    case Reduction::LogSumExp: return std::log(exponentials);
  }
  return 0;
}

const std::vector<std::vector<int>> kAxes = {{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}, {2, 0}, {}};

Shape kept(Shape shape, const std::vector<int>& axes) {
  for (const int a : axes) shape[static_cast<std::size_t>(a)] = 1;
  return shape;
}

TEST_CASE("f32: every reduction over every choice of axes") {
  const Shape shape = {2, 3, 4};
  const auto x = Random(4).reals(24, 0.1F, 2);
  for (int r = 0; r <= static_cast<int>(Reduction::MAX); ++r) {
    for (const auto& axes : kAxes) {
      const auto reduction = static_cast<Reduction>(r);
      const auto model = must(build(shape, reduce(reduction, axes)));
      const Shape y_shape = kept(shape, axes);
      REQUIRE(model.outputs()[0].shape == y_shape);
      const auto y = run_one<float>(model, x);
      for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(by_definition(reduction, gathered(x, shape, y_shape, i))).epsilon(1e-5));
    }
  }
}

TEST_CASE("axes that go, a scalar, large exponents") {
  CHECK(must(build({2, 3, 4}, reduce(Reduction::Sum, {1}, false))).outputs()[0].shape == Shape{2, 4});
  CHECK(run_one<float>(must(build({2, 2}, reduce(Reduction::Max, {0, 1}, false))), std::vector<float>{1, 5, 2, 3}) == std::vector<float>{5});
  CHECK(run_one<float>(must(build({}, reduce(Reduction::Sum, {}, false))), std::vector<float>{3}) == std::vector<float>{3});
  CHECK(run_one<float>(must(build({2}, reduce(Reduction::LogSumExp, {0}))), std::vector<float>{1000, 1000})[0] == doctest::Approx(1000.693147));
}

TEST_CASE("u8: sums and means requantized, extremes moved") {
  const Shape shape = {2, 3, 4};
  const auto q = affine(0.1F, 17);
  const auto qy = affine(0.3F, 9);
  const auto x = Random(6).integers<std::uint8_t>(24, 0, 255);
  for (const auto& axes : kAxes) {
    const Shape y_shape = kept(shape, axes);
    for (const Reduction r : {Reduction::Mean, Reduction::Sum, Reduction::Max, Reduction::Min}) {
      const bool moves = r == Reduction::Max || r == Reduction::Min;
      const auto y = run_every_isa<std::uint8_t>(must(build(shape, reduce(r, axes), Type::u8, q, moves ? q : qy)), x);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto from = gathered(x, shape, y_shape, i);
        std::int32_t sum = 0;
        for (const std::uint8_t v : from) sum += v - 17;
        const double n = r == Reduction::Mean ? static_cast<double>(from.size()) : 1.0;
        const auto m = static_cast<float>(static_cast<double>(0.1F) / (static_cast<double>(0.3F) * n));
        const float t = std::nearbyint(static_cast<float>(sum) * m) + 9.0F;
        if (moves) {
          CHECK(y[i] == (r == Reduction::Max ? *std::ranges::max_element(from) : *std::ranges::min_element(from)));
        } else {
          CHECK(y[i] == static_cast<std::uint8_t>(std::clamp(t, 0.0F, 255.0F)));
        }
      }
    }
  }
}

/// What a reduction of integers is by definition, but for overflow.
std::int64_t of_integers(Reduction r, const std::vector<std::int64_t>& x) {
  std::int64_t sum = 0, product = 1, absolute = 0, squares = 0;
  for (const std::int64_t v : x) sum += v, product *= v, absolute += std::abs(v), squares += v * v;
  switch (r) {
    case Reduction::Mean: return sum / static_cast<std::int64_t>(x.size());
    case Reduction::Sum: return sum;
    case Reduction::Max: return *std::ranges::max_element(x);
    case Reduction::Min: return *std::ranges::min_element(x);
    case Reduction::Prod: return product;
    case Reduction::L1: return absolute;
    default: return squares;
  }
}

const Reduction kIntegerReductions[] = {Reduction::Mean, Reduction::Sum, Reduction::Max,      Reduction::Min,
                                        Reduction::Prod, Reduction::L1,  Reduction::SumSquare};

template <class T>
void check_integers(Type type) {
  const Shape shape = {2, 3, 2};
  const auto x = Random(8).integers<T>(12, -5, 5);
  for (const Reduction r : kIntegerReductions) {
    for (const auto& axes : kAxes) {
      const Shape y_shape = kept(shape, axes);
      const auto y = run_one<T>(must(build(shape, reduce(r, axes), type)), x);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto from = gathered(x, shape, y_shape, i);
        CHECK(y[i] == static_cast<T>(of_integers(r, {from.begin(), from.end()})));
      }
    }
  }
}

TEST_CASE("s32 and s64: exact, and they wrap") {
  check_integers<std::int32_t>(Type::s32);
  check_integers<std::int64_t>(Type::s64);
  // Beyond what f64 holds.
  const std::int64_t large = (std::int64_t{1} << 60) + 1;
  CHECK(run_one<std::int64_t>(must(build({2}, reduce(Reduction::Sum, {0}), Type::s64)), std::vector<std::int64_t>{large, 2})[0] == large + 2);
  const std::int32_t most = std::numeric_limits<std::int32_t>::max();
  const std::int32_t least = std::numeric_limits<std::int32_t>::min();
  const auto of = [](Reduction r, std::vector<std::int32_t> x) { return run_one<std::int32_t>(must(build({2}, reduce(r, {0}), Type::s32)), x)[0]; };
  CHECK(of(Reduction::Sum, {most, 1}) == least);
  CHECK(of(Reduction::Prod, {1 << 16, 1 << 16}) == 0);
  CHECK(of(Reduction::L1, {least, 0}) == least);
  CHECK(of(Reduction::Mean, {-3, 0}) == -1);
}

TEST_CASE("refused") {
  for (const Reduction r : {Reduction::L2, Reduction::LogSum, Reduction::LogSumExp})
    check_invalid(build({2, 3}, reduce(r, {1}), Type::s64), {"'y' (Reduce)", "integer"});
  const Shape x = {2, 3};
  for (const auto& axes : std::vector<std::vector<int>>{{2}, {-1}, {2147483647}}) check_invalid(build(x, reduce(Reduction::Sum, axes)), {"'y' (Reduce)", "axis"});
  check_invalid(build(x, reduce(Reduction::Sum, {1, 1})), {"'y' (Reduce)", "twice"});
  check_error(build(x, reduce(static_cast<Reduction>(99), {1})), ErrorCode::unsupported, {"'y' (Reduce)"});
  check_invalid(build(x, reduce(Reduction::Prod, {1}), Type::u8, affine(1, 0), affine(1, 0)), {"'y' (Reduce)", "u8"});
  check_invalid(build(x, reduce(Reduction::Max, {1}), Type::u8, affine(1, 0), affine(2, 0)), {"'y' (Reduce)", "one scale"});
  check_invalid(build({1 << 23, 2}, reduce(Reduction::Sum, {0, 1}), Type::u8, affine(1, 0), affine(1, 0)), {"'y' (Reduce)", "too many"});
  check_error(build({1, 3}, reduce(Reduction::Sum, {0}), Type::f32, {}, {}, true), ErrorCode::unsupported, {"'y' (Reduce)", "batch"});
}

}  // namespace
}  // namespace octet_test
