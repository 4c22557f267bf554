// GroupNormalization: mean and variance of groups of channels over all positions of a sample.
#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::GroupNormalizationT;

GroupNormalizationT groups(int n, float epsilon = 1e-5F) {
  GroupNormalizationT t;
  t.groups = n;
  t.epsilon = epsilon;
  return t;
}

Result<Model> build(const Shape& x, const GroupNormalizationT& t, std::vector<float> gamma, std::vector<float> beta) {
  GraphBuilder g;
  const auto channels = static_cast<std::int64_t>(gamma.size());
  const int in = g.input("x", Type::f32, x, {}, false);
  g.node("y", t, {in, g.constant("gamma", {channels}, std::move(gamma)), g.constant("beta", {channels}, std::move(beta))});
  return g.model();
}

TEST_CASE("by the definition, for every number of groups") {
  Random random(5);
  for (const int n : {1, 2, 3, 6}) {
    const Shape shape = {2, 3, 2, 6};
    const auto x = random.reals(72, -3, 5);
    const auto gamma = random.reals(6, -1, 2);
    const auto beta = random.reals(6, -1, 1);
    const auto y = run_one<float>(must(build(shape, groups(n), gamma, beta)), x);
    for (std::size_t i = 0; i < 72; ++i) {
      const std::size_t sample = i / 36;
      const std::size_t width = 6 / static_cast<std::size_t>(n);
      const std::size_t group = i % 6 / width;
      double sum = 0, squares = 0, count = 0;
      for (std::size_t k = sample * 36; k < (sample + 1) * 36; ++k) {
        if (k % 6 / width != group) continue;
        sum += static_cast<double>(x[k]), squares += static_cast<double>(x[k]) * static_cast<double>(x[k]), ++count;
      }
      const double mean = sum / count;
      const double r = 1 / std::sqrt(squares / count - mean * mean + 1e-5);
      CHECK(y[i] == doctest::Approx((static_cast<double>(x[i]) - mean) * r * static_cast<double>(gamma[i % 6]) + static_cast<double>(beta[i % 6])).epsilon(1e-4));
    }
  }
}

TEST_CASE("refused") {
  must(build({1, 4}, groups(2), {1, 1, 1, 1}, {0, 0, 0, 0}));
  for (const int n : {0, -1, 3, 8}) check_invalid(build({1, 4}, groups(n), {1, 1, 1, 1}, {0, 0, 0, 0}), {"'y' (GroupNormalization)", "groups"});
  check_invalid(build({1, 4}, groups(2), {1, 1}, {0, 0}), {"'y' (GroupNormalization)", "shape 4"});
  check_invalid(build({4}, groups(2), {1, 1, 1, 1}, {0, 0, 0, 0}), {"'y' (GroupNormalization)", "rank"});
  check_invalid(build({1, 4}, groups(2, -1.0F), {1, 1, 1, 1}, {0, 0, 0, 0}), {"'y' (GroupNormalization)", "epsilon"});
}

}  // namespace
}  // namespace octet_test
