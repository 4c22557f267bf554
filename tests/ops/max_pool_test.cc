// MaxPool: the largest element of x in each window; padding never wins.
#include "tests/support/pool_checks.h"

namespace octet_test {
namespace {

using octet::schema::MaxPoolT;

TEST_CASE("f32 and u8: values and shapes") {
  Random random(1);
  for (const auto& c : pool_cases<MaxPoolT>()) {
    // Everything is negative, or below the zero-point: padding with 0 would show.
    const auto x = random.reals(c.elements(), -9, -1);
    std::vector<float> expected;
    c.for_each_window([&](const std::vector<std::size_t>& window, std::int64_t) {
      float most = -kInf;
      for (const std::size_t i : window) most = std::max(most, x[i]);
      expected.push_back(most);
    });
    GraphBuilder f;
    f.node("y", c.t, {f.input("x", Type::f32, c.x, {}, false)});
    const auto model = must(f.model());
    CHECK(model.outputs()[0].shape == c.y);
    for (const auto isa : octet::kernels::available_isas())
      CHECK(run_one<float>(model, x, octet::kernels::name_of(isa)) == expected);

    std::vector<std::uint8_t> bytes;
    for (const float v : x) bytes.push_back(static_cast<std::uint8_t>(-10 * v));
    std::vector<std::uint8_t> most;
    c.for_each_window([&](const std::vector<std::size_t>& window, std::int64_t) {
      std::uint8_t m = 0;
      for (const std::size_t i : window) m = std::max(m, bytes[i]);
      most.push_back(m);
    });
    for (const Quantization& q : {affine(0.1F, 250), Quantization{}}) {
      GraphBuilder u;
      u.node("y", c.t, {u.input("x", Type::u8, c.x, q, false)}, Type::u8, q);
      CHECK(run_every_isa<std::uint8_t>(must(u.model()), bytes) == most);
    }
  }
}

TEST_CASE("refused") {
  check_pool_refusals<MaxPoolT>("MaxPool");
  GraphBuilder other;
  other.node("y", MaxPoolT{}, {other.input("x", Type::u8, {1, 2, 2, 1}, affine(0.1F, 3))}, Type::u8, affine(0.1F, 4));
  check_invalid(other.model(), {"'y' (MaxPool)", "one scale"});
  GraphBuilder type;
  type.node("y", MaxPoolT{}, {type.input("x", Type::u8, {1, 2, 2, 1})}, Type::f32);
  check_invalid(type.model(), {"'y' (MaxPool)", "one type"});
  GraphBuilder wide;
  wide.node("y", MaxPoolT{}, {wide.input("x", Type::s32, {1, 2, 2, 1})}, Type::s32);
  check_invalid(wide.model(), {"'y' (MaxPool)", "s32"});
}

}  // namespace
}  // namespace octet_test
