// LogSoftmax: x - log(sum(exp(x))) along an axis.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

Result<Model> build(const Shape& x, int axis, Type type = Type::f32) {
  octet::schema::LogSoftmaxT t;
  t.axis = axis;
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, {}, false)}, type);
  return b.model();
}

TEST_CASE("along every axis, without underflow") {
  const std::vector<float> x = {0, 0, 1, -1000};
  const auto last = run_one<float>(must(build({2, 2}, 1)), x);
  CHECK(last[0] == doctest::Approx(-std::log(2.0)));
  CHECK(last[2] == doctest::Approx(0));
  CHECK(last[3] == doctest::Approx(-1001));
  const auto first = run_one<float>(must(build({2, 2}, 0)), x);
  CHECK(first[0] == doctest::Approx(-std::log(1 + std::exp(1.0))));
  CHECK(first[1] == doctest::Approx(0));
  CHECK(first[3] == doctest::Approx(-1000));
}

TEST_CASE("refused") {
  for (const int axis : {-1, 2, 2147483647}) check_invalid(build({2, 3}, axis), {"'y' (LogSoftmax)", "axis"});
  check_invalid(build({2, 3}, 0, Type::s64), {"'y' (LogSoftmax)", "f32"});
}

}  // namespace
}  // namespace octet_test
