// Sums and products of u8 tensors: every kernel this CPU can run against the scalar ones, byte for byte.
#include "kernels/elementwise/elementwise.h"

#include "engine/ops/broadcast.h"
#include "tests/support/graph_builder.h"
#include "tests/support/guarded.h"

namespace octet_test {
namespace {

using namespace octet::kernels;

struct Operands {
  Shape a, b;
};

/// The broadcast shape of both, and each operand's elements.
struct Case {
  explicit Case(const Operands& o)
      : y(must(octet::broadcast_shape(o.a, o.b))), shape(octet::make_broadcast(o.a, o.b, y)), n(count(y)), a(count(o.a)), b(count(o.b)) {}

  static std::size_t count(const Shape& s) { return static_cast<std::size_t>(octet::element_count(s)); }

  Shape y;
  Broadcast shape;
  std::size_t n, a, b;
};

void check(Random& random, const Operands& operands, int threads = 1) {
  const Case c(operands);
  INFO(octet::to_string(operands.a), " and ", octet::to_string(operands.b), ", threads ", threads);
  constexpr std::int32_t kZeros[] = {0, 255, 128, 17};
  const Guarded<std::uint8_t> a(random.integers<std::uint8_t>(c.a, 0, 255));
  const Guarded<std::uint8_t> b(random.integers<std::uint8_t>(c.b, 0, 255));
  const OutputU8 out{kZeros[random.integer(0, 3)], static_cast<std::int32_t>(random.integer(0, 9)), static_cast<std::int32_t>(random.integer(200, 255))};
  const std::int32_t za = kZeros[random.integer(0, 3)];
  const std::int32_t zb = kZeros[random.integer(0, 3)];
  // 0.5 makes ties; the largest overflow to infinity, or to what no s32 holds.
  constexpr float kMultipliers[] = {0.5F, 1.0F, 0.7F, 1e30F, 0.0F, 1.3e36F};
  const float ma = kMultipliers[random.integer(0, 4)];
  const float mb = kMultipliers[random.integer(0, 4)];
  const float m = random.integer(0, 1) == 0 ? random.real(0.001F, 0.02F) : kMultipliers[random.integer(0, 5)];
  std::vector<std::uint8_t> sum(c.n);
  std::vector<std::uint8_t> product(c.n);
  add_u8_reference({c.shape, a.data(), b.data(), za, zb, ma, mb, out, sum.data(), 1});
  mul_u8_reference({c.shape, a.data(), b.data(), za, zb, m, out, product.data(), 1});
  for (const ElementwiseKernel& kernel : elementwise_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.add_name);
    Guarded<std::uint8_t> y(c.n);
    add_u8(&kernel, {c.shape, a.data(), b.data(), za, zb, ma, mb, out, y.data(), threads});
    CHECK(y.values() == sum);
    mul_u8(&kernel, {c.shape, a.data(), b.data(), za, zb, m, out, y.data(), threads});
    CHECK(y.values() == product);
  }
}

TEST_CASE("sums and products: every length") {
  Random random(1);
  for (std::int64_t n = 1; n <= 140; ++n) check(random, {{n}, {n}});
}

TEST_CASE("sums and products: every kind of broadcasting") {
  Random random(2);
  for (const Operands& o : std::vector<Operands>{{{4, 5, 6}, {6}}, {{6}, {4, 5, 6}}, {{4, 5, 6}, {5, 1}}, {{4, 5, 70}, {4, 1, 70}}, {{1, 1}, {1, 1}},
                                                 {{3, 1, 5}, {1, 4, 1}}, {{2, 3, 4, 5}, {2, 1, 4, 1}}, {{1}, {100}}, {{200}, {1}}, {{7, 7, 1, 20}, {7, 20}},
                                                 {{2, 1, 3, 1, 2}, {1, 4, 1, 5, 1}}}) {
    for (int i = 0; i < 10; ++i) check(random, o);
  }
}

TEST_CASE("sums and products: threads give the same bytes") {
  Random random(3);
  for (const Operands& o : std::vector<Operands>{{{300'007}, {300'007}}, {{500, 401}, {401}}, {{3, 100, 701}, {3, 1, 701}}, {{300'007}, {1}}}) check(random, o, 2);
}

}  // namespace
}  // namespace octet_test
