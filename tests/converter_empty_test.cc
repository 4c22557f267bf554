// Tensors without elements: constants, inputs nobody computes with, outputs; and operators that cannot do anything with them.
#include <doctest/doctest.h>

#include "converter/passes/passes.h"
#include "converter_models.h"
#include "octet/converter.hpp"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Model;
using octet::Shape;
using octet::schema::Operator;
using Strings = std::vector<std::string>;
using Values = std::vector<float>;
using Ints = std::vector<std::int64_t>;
using Constants = std::vector<std::pair<std::string, Ints>>;

Model imported(const ModelBuilder& m) {
  Graph g = must(m.import());
  must(octet::optimize(g));
  return must(octet::make_model(std::move(g)));
}

Shape shape_of(const ModelBuilder& m, std::size_t output = 0) { return imported(m).outputs()[output].shape; }

void check_refused(const ModelBuilder& m, ErrorCode code, const std::string& part) {
  const auto graph = m.import();
  REQUIRE_FALSE(graph.has_value());
  INFO(graph.error().text());
  CHECK(graph.error().code == code);
  CHECK(graph.error().text().find(part) != std::string::npos);
}

/// y = op(e), e of shape [3, 0, 5].
ModelBuilder nothing(const std::string& op, const Constants& constants = {}) {
  ModelBuilder m;
  Strings inputs = {"e"};
  m.input("e", {3, 0, 5}).output("y");
  for (const auto& [name, values] : constants) {
    m.s64(name, values);
    inputs.push_back(name);
  }
  m.node(op, inputs, {"y"}).named("it");
  return m;
}

TEST_CASE("what moves and maps elements makes nothing of nothing") {
  CHECK(shape_of(nothing("Relu")) == Shape{3, 0, 5});
  CHECK(shape_of(nothing("Identity")) == Shape{3, 0, 5});
  CHECK(shape_of(nothing("Transpose")) == Shape{5, 0, 3});
  CHECK(shape_of(nothing("Flatten")) == Shape{3, 0});
  CHECK(shape_of(nothing("Unsqueeze", {{"axes", {0}}})) == Shape{1, 3, 0, 5});
}

TEST_CASE("reshaped: a size of 0 copies, or is one") {
  const auto reshaped = [](const Ints& shape, std::int64_t allow_zero) {
    ModelBuilder m(14);
    m.input("e", {0, 3, 4}).output("y").s64("shape", shape);
    m.node("Reshape", {"e", "shape"}, {"y"}).named("it").with("allowzero", allow_zero);
    return m;
  };
  CHECK(shape_of(reshaped({3, 4, 0}, 1)) == Shape{3, 4, 0});
  CHECK(shape_of(reshaped({0, 12}, 0)) == Shape{0, 12});
  CHECK(shape_of(reshaped({-1, 12}, 0)) == Shape{0, 12});
  check_refused(reshaped({3, 4}, 0), ErrorCode::invalid_file, "'it' (Reshape): cannot make shape 3x4 of 0x3x4");
  check_refused(reshaped({0, -1}, 0), ErrorCode::invalid_file, "-1 beside a size of 0");
  check_refused(reshaped({0, -1}, 1), ErrorCode::invalid_file, "-1 beside a size of 0");
  ModelBuilder some(14);
  some.input("x", {2, 3}).output("y").s64("shape", {6, 0}).node("Reshape", {"x", "shape"}, {"y"}).named("it").with("allowzero", 1);
  check_refused(some, ErrorCode::invalid_file, "'it' (Reshape): cannot make shape 6x0 of 2x3");
}

/// d = x and what a slice takes of it, which is nothing; y = relu(d), z = the slice.
ModelBuilder sliced(std::int64_t leading) {
  ModelBuilder m;
  m.input("x", {leading, 4, 6, 6}).output("y").random("w", {8, 4, 3, 3}).s64("from", {9}).s64("axis", {1});
  m.node("Conv", {"x", "w"}, {"c"}).with("pads", Ints{1, 1, 1, 1});
  m.node("Slice", {"c", "from", "from", "axis"}, {"n"});
  m.node("Concat", {"c", "n"}, {"d"}).with("axis", 1);
  m.node("Relu", {"d"}, {"y"});
  return m;
}

TEST_CASE("a Concat with nothing is as if it were not there; a batch is fixed by it") {
  for (const std::int64_t leading : {std::int64_t{1}, kOpen}) {
    const Model model = imported(sliced(leading));
    CHECK_FALSE(model.inputs()[0].batched);
    CHECK(model.outputs()[0].shape == Shape{1, 8, 6, 6});
  }
  ModelBuilder other = sliced(1);
  other.s64("from2", {7}).node("Slice", {"w", "from2", "from2", "axis"}, {"of w"}).named("of w");
  other.node("Concat", {"c", "of w"}, {"never"}).named("cat").with("axis", 1);
  check_refused(other, ErrorCode::invalid_file, "'cat' (Concat): an input of shape 8x0x3x3 does not fit to 1x8x6x6");
}

TEST_CASE("a Slice that takes nothing of a batch of 1 only fixes the batch") {
  const auto sliced = [](std::int64_t start, std::int64_t end) {
    ModelBuilder m;
    m.input("x", {kOpen, 3}).output("y").s64("starts", {start}).s64("ends", {end}).s64("axes", {0}).node("Slice", {"x", "starts", "ends", "axes"}, {"y"});
    return imported(m);
  };
  for (const auto& [start, end] : {std::pair<std::int64_t, std::int64_t>{1, 999}, {0, -1}, {1, 3}}) {
    const Model model = sliced(start, end);
    CHECK_FALSE(model.inputs()[0].batched);
    CHECK(model.outputs()[0].shape == Shape{0, 3});
  }
  CHECK(sliced(0, 0).inputs()[0].batched);
}

TEST_CASE("Split: parts of no elements, of something and of nothing") {
  const auto split = [](std::int64_t size, const Ints& parts) {
    ModelBuilder m;
    m.input("x", {size, 2}).output("a").output("b").output("c").s64("parts", parts);
    m.node("Split", parts.empty() ? Strings{"x"} : Strings{"x", "parts"}, {"a", "b", "c"}).named("it");
    return m;
  };
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(shape_of(split(0, {0, 0, 0}), i) == Shape{0, 2});
    CHECK(shape_of(split(0, {}), i) == Shape{0, 2});
  }
  CHECK(shape_of(split(5, {2, 0, 3}), 1) == Shape{0, 2});
  CHECK(shape_of(split(5, {2, 0, 3}), 2) == Shape{3, 2});
  check_refused(split(0, {0, 0, 1}), ErrorCode::invalid_file, "do not make up the 0 elements");
}

TEST_CASE("written, read and run, and with an input of nothing that has no address") {
  ModelBuilder m = sliced(1);
  m.input("e", {2, 0}).output("n").output("r").node("Relu", {"e"}, {"r"});
  const Model source = imported(m);
  const std::vector<float> x = random_values(4 * 36, 3);
  for (const bool int8 : {false, true}) {
    Model model = source;
    if (int8) {
      struct One final : octet::Samples {
        [[nodiscard]] std::int64_t count() const override { return 1; }
        Result<void> read(std::size_t input, std::int64_t, std::int64_t, std::span<float> values) const override {
          CHECK(values.size() == (input == 0 ? 4U * 36 : 0U));
          std::ranges::copy(random_values(values.size(), 3), values.begin());
          return {};
        }
      };
      model = must(octet::quantize(source, One{}, {}));
    }
    const Model loaded = must(Model::load(must(octet::serialize(model))));
    octet::Session session = must(loaded.session());
    REQUIRE(session.outputs().size() == 3);
    CHECK(session.outputs()[1].shape == Shape{1, 0, 6, 6});
    CHECK(session.outputs()[2].shape == Shape{2, 0});
    Values y(8 * 36);
    std::vector<octet::InputTensor> in = {{x.data(), x.size() * 4, octet::Type::f32}, {nullptr, 0, octet::Type::f32}};
    std::vector<octet::OutputTensor> out = {{y.data(), y.size() * 4, octet::Type::f32}, {nullptr, 0, octet::Type::f32}, {nullptr, 0, octet::Type::f32}};
    must(session.run(in, out));
    CHECK(*std::ranges::max_element(y) > 0.5F);
    in[0] = {x.data(), x.size() * 4, octet::Type::f32, "e"};
    CHECK_FALSE(session.run(in, out).has_value());
    in[0] = {nullptr, 0, octet::Type::f32, "e"};
    in[1] = {nullptr, 0, octet::Type::f32, "e"};
    CHECK(session.run(in, out).error().message.find("'e' was given twice") != std::string::npos);
    in[0] = {nullptr, x.size() * 4, octet::Type::f32};
    CHECK(session.run(in, out).error().message.find("has no data") != std::string::npos);
  }
}

TEST_CASE("operators that cannot take nothing say so") {
  for (const char* op : {"Softmax", "ArgMax", "ReduceMax", "ReduceSum", "GlobalAveragePool", "LpNormalization", "Hardmax", "CumSum", "DepthToSpace"}) {
    Constants constants;
    if (std::string(op) == "CumSum") constants.push_back({"axis", {1}});
    const ModelBuilder m = nothing(op, constants);
    check_refused(m, ErrorCode::unsupported, "node 0 'it' (" + std::string(op) + "): its input 'e' of shape 3x0x5 has no elements");
  }
  ModelBuilder conv;
  conv.input("x", {1, 3, 8, 8}).output("y").f32("w", {0, 3, 3, 3}, {}).node("Conv", {"x", "w"}, {"y"}).named("conv");
  check_refused(conv, ErrorCode::invalid_file, "'conv' (Conv): its weights of shape 0x3x3x3 are empty");
  ModelBuilder gemm;
  gemm.input("x", {1, 3}).output("y").f32("w", {3, 0}, {}).node("Gemm", {"x", "w"}, {"y"}).named("fc");
  check_refused(gemm, ErrorCode::invalid_file, "'fc' (Gemm)");
  ModelBuilder pick;
  pick.input("e", {3, 0}).output("y").s64("i", {0}).node("Gather", {"e", "i"}, {"y"}).named("pick").with("axis", 1);
  check_refused(pick, ErrorCode::unsupported, "'pick' (Gather): its input 'e' of shape 3x0 has no elements");
}

}  // namespace
}  // namespace octet_test
