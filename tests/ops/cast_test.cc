// Cast: values in another type.
#include <cmath>
#include <limits>

#include "tests/support/typed_checks.h"

namespace octet_test {
namespace {

using octet::schema::CastT;
using S32 = std::vector<std::int32_t>;
using S64 = std::vector<std::int64_t>;
using Values = std::vector<float>;
using Bools = std::vector<std::uint8_t>;

template <class To>
std::vector<To> cast(const Typed& x, Type to) {
  return compute<To>(CastT{}, {x}, to, x.shape);
}

TEST_CASE("reals to integers are cut, and end where the integers do") {
  const auto x = typed<float>({9}, {1.9F, -1.9F, 0.5F, 1e30F, -1e30F, std::nanf(""), kInf, -kInf, 2147483520.0F});
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
  CHECK(cast<std::int32_t>(x, Type::s32) == S32{1, -1, 0, kMost, kLeast, 0, kMost, kLeast, 2147483520});
  constexpr auto kMost64 = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast64 = std::numeric_limits<std::int64_t>::min();
  CHECK(cast<std::int64_t>(x, Type::s64) == S64{1, -1, 0, kMost64, kLeast64, 0, kMost64, kLeast64, 2147483520});
  CHECK(cast<std::int32_t>(typed<float>({2}, {-2147483648.0F, 2147483648.0F}), Type::s32) == S32{kLeast, kMost});
}

TEST_CASE("to bool: whether it is not 0") {
  CHECK(cast<std::uint8_t>(typed<float>({4}, {0, -0.0F, 0.1F, std::nanf("")}), Type::boolean) == Bools{0, 0, 1, 1});
  CHECK(cast<std::uint8_t>(typed<std::int64_t>({3}, {0, std::int64_t{1} << 32, -1}), Type::boolean) == Bools{0, 1, 1});
  CHECK(cast<std::uint8_t>(bools({3}, {0, 1, 9}), Type::boolean) == Bools{0, 1, 1});
}

TEST_CASE("between and from integers") {
  CHECK(cast<std::int32_t>(typed<std::int64_t>({3}, {5, -5, (std::int64_t{1} << 32) + 7}), Type::s32) == S32{5, -5, 7});
  CHECK(cast<std::int64_t>(typed<std::int32_t>({2}, {5, -5}), Type::s64) == S64{5, -5});
  CHECK(cast<float>(typed<std::int64_t>({2}, {5, -16777217}), Type::f32) == Values{5, -16777216});
  CHECK(cast<float>(typed<std::int32_t>({2}, {5, -5}), Type::f32) == Values{5, -5});
  CHECK(cast<float>(bools({3}, {0, 1, 9}), Type::f32) == Values{0, 1, 1});
  CHECK(cast<std::int64_t>(bools({2}, {0, 200}), Type::s64) == S64{0, 1});
  CHECK(cast<float>(typed<std::uint8_t>({2}, {0, 200}), Type::f32) == Values{0, 200});
  CHECK(cast<std::int32_t>(typed<std::int8_t>({2}, {-128, 127}), Type::s32) == S32{-128, 127});
}

TEST_CASE("bytes: reals end at the ends, integers keep their low bits") {
  const auto x = typed<float>({7}, {1.9F, -1.9F, 127.5F, 255.9F, 256, -1e30F, std::nanf("")});
  CHECK(cast<std::uint8_t>(x, Type::u8) == std::vector<std::uint8_t>{1, 0, 127, 255, 255, 0, 0});
  CHECK(cast<std::int8_t>(x, Type::s8) == std::vector<std::int8_t>{1, -1, 127, 127, 127, -128, 0});
  CHECK(cast<std::uint8_t>(typed<std::int32_t>({3}, {-1, 256, 7}), Type::u8) == std::vector<std::uint8_t>{255, 0, 7});
  CHECK(cast<std::int8_t>(typed<std::int64_t>({3}, {128, -129, 7}), Type::s8) == std::vector<std::int8_t>{-128, 127, 7});
  CHECK(cast<std::uint8_t>(typed<std::int8_t>({1}, {-1}), Type::u8) == std::vector<std::uint8_t>{255});
}

TEST_CASE("refused") {
  GraphBuilder b;
  b.node("y", CastT{}, {b.input("x", Type::u8, {2}, affine(0.1F, 3), false)});
  check_invalid(b.model(), {"'y' (Cast)", "quantized"});
  GraphBuilder to;
  to.node("y", CastT{}, {to.input("x", Type::f32, {2}, {}, false)}, Type::u8, affine(0.1F, 3));
  check_invalid(to.model(), {"'y' (Cast)", "quantized"});
}

}  // namespace
}  // namespace octet_test
