// What a caller can get wrong: options, tensors, data.
#include <cmath>
#include <cstdlib>
#include <limits>

#include "tests/support/small_model.h"

namespace octet_test {
namespace {

constexpr auto kBadArgument = ErrorCode::invalid_argument;

/// Sets OCTET_ISA for a scope.
class IsaVariable {
 public:
  explicit IsaVariable(const char* value) {
    const char* before = std::getenv("OCTET_ISA");
    had_ = before != nullptr;
    if (had_) saved_ = before;
    ::setenv("OCTET_ISA", value, 1);
  }
  ~IsaVariable() {
    if (had_) {
      ::setenv("OCTET_ISA", saved_.c_str(), 1);
    } else {
      ::unsetenv("OCTET_ISA");
    }
  }
  IsaVariable(const IsaVariable&) = delete;
  IsaVariable& operator=(const IsaVariable&) = delete;

 private:
  bool had_ = false;
  std::string saved_;
};

octet::SessionOptions with(int threads, int batch, const std::string& isa = {}) {
  octet::SessionOptions options;
  options.threads = threads;
  options.batch = batch;
  options.isa = isa;
  return options;
}

TEST_CASE("options out of range are invalid_argument errors") {
  const auto model = must(small_graph().model());
  for (const int bad : {0, -1, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    check_error(model.session(with(bad, 1)), kBadArgument, {"threads"});
    check_error(model.session(with(1, bad)), kBadArgument, {"batch"});
  }
  CHECK(model.session(with(2, 3)).has_value());
}

TEST_CASE("a free batch that a constant of size 2 meets by coincidence is an error of the file") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 6});
  const int c = b.constant("c", {2, 6}, std::vector<float>(12, 1.0F));
  b.node("sum", octet::schema::BinaryT{}, {x, c});
  check_error(b.model(), octet::ErrorCode::invalid_file, {"sum"});
}

TEST_CASE("a model without a free batch runs at batch 1 only") {
  GraphBuilder b;
  b.node("y", octet::schema::AddT{}, {b.input("x", Type::f32, {2, 3}, {}, false), 0});
  const auto model = must(b.model());
  check_error(model.session(with(1, 2)), kBadArgument, {"batch", "fixed"});
  CHECK_FALSE(model.inputs()[0].batched);
  CHECK(run_one<float>(model, std::vector<float>{1, 2, 3, 4, 5, 6}) == std::vector<float>{2, 4, 6, 8, 10, 12});
}

TEST_CASE("the cap: an option, else OCTET_ISA, else what the CPU has") {
  const auto model = must(small_graph().model());
  check_error(model.session(with(1, 1, "sse9")), kBadArgument, {"sse9", "avx512vnni"});
  check_error(model.session(with(1, 1, "AVX2")), kBadArgument, {"AVX2"});
  CHECK(must(model.session(with(1, 1, "reference"))).isa() == "reference");
  {
    const IsaVariable variable("reference");
    CHECK(must(model.session()).isa() == "reference");
    CHECK(must(octet::isa_cap("")) == octet::kernels::Isa::reference);
    const std::string best = octet::kernels::name_of(octet::kernels::best_isa());
    CHECK(must(model.session(with(1, 1, best))).isa() == best);
  }
  {
    const IsaVariable variable("nonsense");
    check_error(model.session(), kBadArgument, {"nonsense"});
    CHECK(model.session(with(1, 1, "reference")).has_value());
  }
  {
    const IsaVariable variable("");
    CHECK(must(octet::isa_cap("")) == octet::kernels::best_isa());
  }
  for (const auto isa : {octet::kernels::Isa::avxvnni, octet::kernels::Isa::avx512, octet::kernels::Isa::avx512vnni,
                         octet::kernels::Isa::amx}) {
    const std::string name = octet::kernels::name_of(isa);
    if (octet::kernels::cpu_has(isa)) {
      CHECK(must(octet::isa_cap(name)) == isa);
    } else {
      check_error(octet::isa_cap(name), kBadArgument, {name, "CPU"});
    }
  }
}

TEST_CASE("tensors that do not fit are invalid_argument errors naming them") {
  const auto model = must(other_graph().model());
  auto session = must(model.session());
  const std::vector<std::uint8_t> a(32, 1);
  const std::vector<std::uint8_t> b(32, 2);
  const std::vector<std::uint8_t> short_one(31);
  const std::vector<float> real(32);
  std::vector<std::uint8_t> y(session.outputs()[0].elements());
  std::vector<std::uint8_t> long_one(y.size() + 1);
  check_error(session.run({a}, {y}), kBadArgument, {"2 inputs", "1"});
  check_error(session.run({a, b, b}, {y}), kBadArgument, {"2 inputs", "3"});
  check_error(session.run({a, b}, {}), kBadArgument, {"1 output", "0"});
  check_error(session.run({a, b}, {y, y}), kBadArgument, {"output", "2"});
  check_error(session.run({a, short_one}, {y}), kBadArgument, {"input 'b'", "32 bytes", "31"});
  check_error(session.run({a, b}, {long_one}), kBadArgument, {"output 'shares'", "bytes"});
  check_error(session.run({a, real}, {y}), kBadArgument, {"input 'b'", "u8", "f32"});
  check_error(session.run({{a, "c"}, {b, "b"}}, {y}), kBadArgument, {"no input 'c'"});
  check_error(session.run({{a, "a"}, {b, "a"}}, {y}), kBadArgument, {"'a'", "twice"});
  check_error(session.run({a, {b, "a"}}, {y}), kBadArgument, {"'a'", "twice"});
  check_error(session.run({a, b}, {{y, "sum"}}), kBadArgument, {"no output 'sum'"});
  check_error(session.run({{nullptr, 32, Type::u8}, b}, {y}), kBadArgument, {"'a'", "no data"});
  must(session.run({a, b}, {y}));
}

TEST_CASE("inputs are matched by name, or by position") {
  const auto model = must(other_graph().model());
  auto session = must(model.session());
  Random random(4);
  const auto a = random.integers<std::uint8_t>(32, 0, 255);
  const auto b = random.integers<std::uint8_t>(32, 0, 255);
  std::vector<std::uint8_t> expected(session.outputs()[0].elements());
  auto y = expected;
  must(session.run({a, b}, {expected}));
  must(session.run({{b, "b"}, {a, "a"}}, {{y, "shares"}}));
  CHECK(y == expected);
  must(session.run({b, a}, {y}));
  CHECK(y != expected);
}

TEST_CASE("a NaN to quantize fails the run, names the node, and leaves the session usable") {
  const auto model = must(small_graph().model());
  for (const int threads : {1, 2}) {
    auto session = must(model.session(with(threads, 1)));
    std::vector<float> x(32, 0.5F);
    std::vector<float> y(3);
    must(session.run({x}, {y}));
    const auto expected = y;
    for (const std::size_t at : {std::size_t{0}, std::size_t{31}}) {
      x[at] = std::nanf("");
      check_error(session.run({x}, {y}), ErrorCode::run_failed, {"node 0 'q' (Quantize)", "NaN"});
      x[at] = 0.5F;
    }
    must(session.run({x}, {y}));
    CHECK(y == expected);
    x[3] = kInf;
    x[4] = -kInf;
    CHECK(session.run({x}, {y}).has_value());
  }
}

TEST_CASE("names, types and shapes follow the batch") {
  const auto model = must(small_graph().model());
  CHECK(model.inputs()[0].name == "x");
  CHECK(model.inputs()[0].shape == Shape{1, 4, 4, 2});
  CHECK(model.inputs()[0].batched);
  CHECK(model.outputs()[0].name == "dense");
  const auto session = must(model.session(with(1, 5)));
  CHECK(session.inputs()[0].shape == Shape{5, 4, 4, 2});
  CHECK(session.outputs()[0].shape == Shape{5, 3});
  CHECK(session.outputs()[0].size_bytes() == 60);
}

TEST_CASE("a session outlives its model and may be moved") {
  auto make = [] { return must(must(small_graph().model()).session()); };
  auto first = make();
  const std::vector<float> x(32, 0.25F);
  std::vector<float> expected(3);
  must(first.run({x}, {expected}));
  auto second = std::move(first);
  std::vector<float> y(3);
  must(second.run({x}, {y}));
  CHECK(y == expected);
}

TEST_CASE("errors say where in one line") {
  octet::Error error{ErrorCode::invalid_file, "is broken", {}};
  CHECK(error.text() == "is broken");
  error = std::move(error).in("node 1 'a' (Conv)");
  error = std::move(error).in("file");
  CHECK(error.text() == "file: node 1 'a' (Conv): is broken");
}

}  // namespace
}  // namespace octet_test
