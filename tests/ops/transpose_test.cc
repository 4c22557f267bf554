// Transpose: output axis i is input axis perm[i].
#include <algorithm>
#include <numeric>

#include "tests/support/binary_checks.h"

namespace octet_test {
namespace {

using octet::schema::TransposeT;

Result<Model> build(const Shape& x, std::vector<int> perm, Type type, const Quantization& q = {},
                    const Quantization& qy = {}) {
  TransposeT t;
  t.perm = std::move(perm);
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q, false)}, type, qy);
  return b.model();
}

template <class T>
void check_values(const Shape& x, const Quantization& q = {}) {
  std::vector<T> values(static_cast<std::size_t>(octet::element_count(x)));
  std::iota(values.begin(), values.end(), T{0});
  std::vector<int> perm(x.size());
  std::iota(perm.begin(), perm.end(), 0);
  do {
    const auto model = must(build(x, perm, octet::type_of<T>(), q, q));
    Shape expected;
    for (const int axis : perm) expected.push_back(x[static_cast<std::size_t>(axis)]);
    CHECK(model.outputs()[0].shape == expected);
    const auto y = run_one<T>(model, values);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto to = index_of(static_cast<std::int64_t>(i), expected);
      std::vector<std::int64_t> from(x.size());
      for (std::size_t k = 0; k < perm.size(); ++k) from[static_cast<std::size_t>(perm[k])] = to[k];
      std::int64_t at = 0;
      for (std::size_t k = 0; k < x.size(); ++k) at = at * x[k] + from[k];
      CHECK(y[i] == values[static_cast<std::size_t>(at)]);
    }
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST_CASE("every permutation, every element size") {
  check_values<float>({2, 3, 4, 5});
  check_values<std::uint8_t>({3, 4, 5}, affine(0.1F, 4));
  check_values<std::int8_t>({3, 1, 5});
  check_values<std::int32_t>({7, 2});
  check_values<std::int64_t>({2, 3, 4});
  check_values<float>({6});
  check_values<float>({1, 2, 1, 2, 1, 2});
}

TEST_CASE("a scalar, and rank 8") {
  CHECK(run_one<float>(must(build({}, {}, Type::f32)), std::vector<float>{3}) == std::vector<float>{3});
  const auto model = must(build({2, 1, 1, 1, 1, 1, 1, 3}, {7, 6, 5, 4, 3, 2, 1, 0}, Type::f32));
  CHECK(run_one<float>(model, std::vector<float>{1, 2, 3, 4, 5, 6}) == std::vector<float>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("refused") {
  const Shape x = {2, 3, 4};
  for (const auto& perm :
       std::vector<std::vector<int>>{{}, {0, 1}, {0, 1, 2, 3}, {0, 1, 1}, {0, 1, 3}, {-1, 0, 1}, {0, 1, 2147483647}})
    check_invalid(build(x, perm, Type::f32), {"'y' (Transpose)"});
  check_invalid(build(x, {0, 2, 1}, Type::u8, affine(0.1F, 1), affine(0.2F, 1)), {"'y' (Transpose)", "one scale"});
  const Quantization each = {{1, 1}, {0, 0}, 0};
  check_invalid(build({2, 2}, {1, 0}, Type::u8, each, each), {"'y' (Transpose)", "one scale a tensor"});
}

}  // namespace
}  // namespace octet_test
