// Pad: constant, edge and reflected borders.
#include <numeric>

#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::PadMode;
using octet::schema::PadT;
using Ints = std::vector<int>;

PadT pad(PadMode mode, Ints begins, Ints ends, double value = 0) {
  PadT t;
  t.mode = mode, t.begins = std::move(begins), t.ends = std::move(ends), t.value = value;
  return t;
}

Result<Model> build(const Shape& x, const PadT& t, Type type = Type::f32, const Quantization& q = {}) {
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q, false)}, type, q);
  return b.model();
}

template <class T>
std::vector<T> run_pad(const std::vector<T>& x, const PadT& t, const Quantization& q = {}) {
  return run_one<T>(must(build({static_cast<std::int64_t>(x.size())}, t, octet::type_of<T>(), q)), x);
}

TEST_CASE("one axis, by hand") {
  const std::vector<float> x = {1, 2, 3};
  CHECK(run_pad(x, pad(PadMode::Constant, {2}, {1}, 9.5)) == std::vector<float>{9.5, 9.5, 1, 2, 3, 9.5});
  CHECK(run_pad(x, pad(PadMode::Edge, {2}, {4})) == std::vector<float>{1, 1, 1, 2, 3, 3, 3, 3, 3});
  CHECK(run_pad(x, pad(PadMode::Reflect, {2}, {2})) == std::vector<float>{3, 2, 1, 2, 3, 2, 1});
  CHECK(run_pad(x, pad(PadMode::Constant, {0}, {0})) == x);
  CHECK(run_pad(std::vector<std::int64_t>{5, 6}, pad(PadMode::Constant, {1}, {0}, -7)) == std::vector<std::int64_t>{-7, 5, 6});
  CHECK(run_pad(std::vector<std::int8_t>{5, 6}, pad(PadMode::Constant, {1}, {0}, -7)) == std::vector<std::int8_t>{-7, 5, 6});
}

TEST_CASE("u8: the quantized form of the value") {
  const std::vector<std::uint8_t> x = {1, 200};
  CHECK(run_pad(x, pad(PadMode::Constant, {1}, {1}), affine(0.5F, 30)) == std::vector<std::uint8_t>{30, 1, 200, 30});
  CHECK(run_pad(x, pad(PadMode::Constant, {1}, {0}, 2.25), affine(0.5F, 30)) == std::vector<std::uint8_t>{34, 1, 200});  // 4.5 to even
  CHECK(run_pad(x, pad(PadMode::Constant, {1}, {0}, -1e9), affine(0.5F, 30)) == std::vector<std::uint8_t>{0, 1, 200});
  CHECK(run_pad(x, pad(PadMode::Constant, {1}, {0}, 7)) == std::vector<std::uint8_t>{7, 1, 200});
}

TEST_CASE("several axes") {
  const Shape x = {2, 3, 4};
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.0F);
  for (const PadMode mode : {PadMode::Constant, PadMode::Edge, PadMode::Reflect}) {
    const Ints begins = {1, 2, 0};
    const Ints ends = {0, 1, 3};
    const auto model = must(build(x, pad(mode, begins, ends, -1)));
    const Shape expected = {3, 6, 7};
    REQUIRE(model.outputs()[0].shape == expected);
    const auto y = run_one<float>(model, values);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto to = index_of(static_cast<std::int64_t>(i), expected);
      std::int64_t at = 0;
      bool inside = true;
      for (std::size_t k = 0; k < 3; ++k) {
        std::int64_t from = to[k] - begins[k];
        if (mode == PadMode::Constant) inside = inside && from >= 0 && from < x[k];
        if (mode == PadMode::Edge) from = std::clamp<std::int64_t>(from, 0, x[k] - 1);
        if (mode == PadMode::Reflect) from = from < 0 ? -from : from >= x[k] ? 2 * (x[k] - 1) - from : from;
        at = at * x[k] + from;
      }
      CHECK(y[i] == (inside ? values[static_cast<std::size_t>(at)] : -1.0F));
    }
  }
}

TEST_CASE("refused") {
  const Shape x = {2, 3};
  check_invalid(build(x, pad(PadMode::Constant, {0}, {0, 0})), {"'y' (Pad)"});
  check_invalid(build(x, pad(PadMode::Constant, {0, -1}, {0, 0})), {"'y' (Pad)", "negative"});
  check_invalid(build(x, pad(PadMode::Reflect, {2, 0}, {0, 0})), {"'y' (Pad)", "axis 0"});
  check_invalid(build(x, pad(PadMode::Reflect, {0, 0}, {0, 3})), {"'y' (Pad)", "axis 1"});
  check_invalid(build(x, pad(PadMode::Constant, {0, 0}, {0, 0}, std::numeric_limits<double>::quiet_NaN())), {"'y' (Pad)", "NaN"});
  check_invalid(build(x, pad(PadMode::Constant, {0, 0}, {0, 1}, 0.5), Type::s64), {"'y' (Pad)", "s64"});
  check_invalid(build(x, pad(PadMode::Constant, {0, 0}, {0, 1}, 300), Type::s8), {"'y' (Pad)", "s8"});
  check_error(build(x, pad(static_cast<PadMode>(9), {0, 0}, {0, 0})), ErrorCode::unsupported, {"'y' (Pad)", "mode"});
}

}  // namespace
}  // namespace octet_test
