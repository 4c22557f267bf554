// Reshape: the same elements in the same order; -1 is what is left over, 0 copies the input's size at that axis.
#include "tests/support/graph_builder.h"

namespace octet_test {
namespace {

using octet::schema::ReshapeT;

Result<Model> build(const Shape& x, std::vector<int> wanted, Type type = Type::f32, const Quantization& q = {},
                    Type out = Type::f32, const Quantization& qy = {}, bool batched = false) {
  ReshapeT t;
  t.shape = std::move(wanted);
  GraphBuilder b;
  b.node("y", t, {b.input("x", type, x, q, batched)}, out, qy);
  return b.model();
}

TEST_CASE("shapes and values") {
  const std::vector<float> x = Random(1).reals(24, -1, 1);
  const auto check = [&](const std::vector<int>& wanted, const Shape& expected) {
    const auto model = must(build({2, 3, 4}, wanted));
    CHECK(model.outputs()[0].shape == expected);
    CHECK(run_one<float>(model, x) == x);
  };
  check({24}, {24});
  check({-1}, {24});
  check({4, 6}, {4, 6});
  check({0, -1}, {2, 12});
  check({0, 0, 2, -1}, {2, 3, 2, 2});
  check({-1, 1, 0}, {6, 1, 4});
  check({1, 1, 1, 1, 1, 1, 1, 24}, {1, 1, 1, 1, 1, 1, 1, 24});
  CHECK(must(build({1, 1}, {})).outputs()[0].shape.empty());
  CHECK(must(build({}, {1, -1})).outputs()[0].shape == Shape{1, 1});
}

TEST_CASE("bytes keep their scale, and the batch stays free") {
  const auto q = affine(0.5F, 9);
  const auto model = must(build({1, 2, 3}, {0, -1}, Type::u8, q, Type::u8, q, true));
  CHECK(model.outputs()[0].batched);
  const auto x = Random(2).integers<std::uint8_t>(6, 0, 255);
  CHECK(run_every_isa<std::uint8_t>(model, x) == x);
}

TEST_CASE("refused") {
  const Shape x = {2, 3, 4};
  const std::vector<std::string> name = {"'y' (Reshape)"};
  for (const auto& wanted : std::vector<std::vector<int>>{{},
                                                          {23},
                                                          {25},
                                                          {5, -1},
                                                          {-1, -1},
                                                          {-2, 12},
                                                          {24, -2147483647 - 1},
                                                          {2, 3, 4, 0},
                                                          {0, 0, 0, 2},
                                                          {2147483647, 2147483647, 2147483647, 4},
                                                          {2147483647, -1}})
    check_invalid(build(x, wanted), name);
  check_invalid(build(x, {-1, -1}), {"more than one -1"});
  check_invalid(build(x, {2, 3, 4, 0}), {"axis 3"});
  check_invalid(build(x, {-7}), {"-7"});
  check_invalid(build(x, {23}), {"23", "2x3x4"});
  check_invalid(build(x, {24}, Type::f32, {}, Type::s32), {"one type"});
  check_invalid(build(x, {24}, Type::u8, affine(0.1F, 1), Type::u8, affine(0.1F, 2)), {"one scale"});
  // Of no elements, what is left over for -1 could be anything.
  must(build({2, 0, 4}, {8, 0, 3}));
  check_invalid(build({2, 0, 4}, {-1, 0}), {"-1 beside a size of 0"});
  check_invalid(build({2, 0, 4}, {8}), {"cannot make shape 8 of 2x0x4"});
  // A fixed size where the batch should be.
  check_invalid(build({1, 4}, {1, 4}, Type::f32, {}, Type::f32, {}, true), {"'y' (Reshape)"});
  // The batch moved behind the leading axis: [N, 4] to [4, N].
  check_error(build({1, 4}, {4, -1}, Type::f32, {}, Type::f32, {}, true), ErrorCode::unsupported,
              {"'y' (Reshape)", "leading"});
}

}  // namespace
}  // namespace octet_test
