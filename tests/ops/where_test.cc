// Where: condition ? a : b, of any type.
#include "tests/support/binary_checks.h"
#include "tests/support/typed_checks.h"

namespace octet_test {
namespace {

using octet::schema::WhereT;

template <class T>
void check_type() {
  CHECK(compute<T>(WhereT{}, {bools({4}, {1, 0, 2, 0}), typed<T>({4}, {1, 2, 3, 4}), typed<T>({4}, {5, 6, 7, 8})}, octet::type_of<T>(), {4}) ==
        std::vector<T>{1, 6, 3, 8});
}

TEST_CASE("every type") {
  check_type<float>();
  check_type<std::int32_t>();
  check_type<std::int64_t>();
  CHECK(compute<std::uint8_t>(WhereT{}, {bools({2}, {1, 0}), bools({2}, {1, 1}), bools({2}, {0, 0})}, Type::boolean, {2}) ==
        std::vector<std::uint8_t>{1, 0});
}

TEST_CASE("all three are broadcast") {
  Random random(5);
  for (const auto& c : broadcast_cases()) {
    for (const Shape& shape : {c.a, c.b, c.y, Shape{}}) {
      const auto condition = random.integers<std::uint8_t>(static_cast<std::size_t>(octet::element_count(shape)), 0, 1);
      const auto a = random.integers<std::int64_t>(static_cast<std::size_t>(octet::element_count(c.a)), 0, 99);
      const auto b = random.integers<std::int64_t>(static_cast<std::size_t>(octet::element_count(c.b)), 100, 199);
      const auto y = compute<std::int64_t>(WhereT{}, {bools(shape, condition), typed(c.a, a), typed(c.b, b)}, Type::s64, c.y);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto at = static_cast<std::int64_t>(i);
        CHECK(y[i] == (condition[source_of(at, c.y, shape)] != 0 ? a[source_of(at, c.y, c.a)] : b[source_of(at, c.y, c.b)]));
      }
    }
  }
  CHECK(compute<float>(WhereT{}, {bools({2, 1}, {1, 0}), typed<float>({}, {1}), typed<float>({3}, {2, 3, 4})}, Type::f32, {2, 3}) ==
        std::vector<float>{1, 1, 1, 2, 3, 4});
}

TEST_CASE("quantized values are moved, which needs one scale") {
  const auto build = [](const Quantization& qa, const Quantization& qb, const Quantization& qy) {
    GraphBuilder b;
    const int c = b.input("c", Type::boolean, {2}, {}, false);
    const int x = b.input("a", Type::u8, {2}, qa, false);
    b.node("y", WhereT{}, {c, x, b.input("b", Type::u8, {2}, qb, false)}, Type::u8, qy);
    return b.model();
  };
  const auto q = affine(0.1F, 3);
  auto session = must(must(build(q, q, q)).session());
  CHECK(run_bytes(session, {bytes_of(std::vector<std::uint8_t>{0, 1}), bytes_of(std::vector<std::uint8_t>{1, 2}),
                            bytes_of(std::vector<std::uint8_t>{3, 4})})[0] == bytes_of(std::vector<std::uint8_t>{3, 2}));
  check_invalid(build(q, affine(0.2F, 3), q), {"'y' (Where)", "one scale"});
  check_invalid(build(q, q, affine(0.1F, 4)), {"'y' (Where)", "one scale"});
}

TEST_CASE("refused") {
  const auto build = [](Type c, Type a, Type b, Type out, const Shape& shape = {2}) {
    return model_of(WhereT{}, {{c, shape, {}}, {a, {2}, {}}, {b, {2}, {}}}, out);
  };
  must(build(Type::boolean, Type::f32, Type::f32, Type::f32));
  check_invalid(build(Type::u8, Type::f32, Type::f32, Type::f32), {"'y' (Where)", "condition must be bool, not u8"});
  check_invalid(build(Type::boolean, Type::f32, Type::s32, Type::f32), {"'y' (Where)", "one type"});
  check_invalid(build(Type::boolean, Type::f32, Type::f32, Type::s32), {"'y' (Where)", "one type"});
  check_invalid(build(Type::boolean, Type::f32, Type::f32, Type::f32, {3}), {"'y' (Where)", "broadcast"});
}

}  // namespace
}  // namespace octet_test
