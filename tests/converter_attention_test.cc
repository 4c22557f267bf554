// What attention and its normalizations are spelt as becomes the operators they are.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "converter/passes/passes.h"
#include "converter/sample_bytes.h"
#include "converter_models.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

using Strings = std::vector<std::string>;

std::int64_t count(const Graph& g, const std::string& op) { return std::ranges::count(ops_of(g), op); }

/// Optimized, and compared with the model as it was.
Graph optimized(ModelBuilder& m) {
  const Graph imported = must(m.import());
  Graph g = imported;
  must(octet::optimize(g));
  const auto x = random_inputs(g, 2);
  check_close(run(g, x, 2)[0], run(imported, x, 2)[0], 1e-5F);
  return g;
}

// ---- LayerNormalization

struct Spelling {
  bool two_differences = false, power = false, reciprocal = false, bias = true, scale = true;
  std::vector<std::int64_t> axes = {-1};
  std::vector<std::int64_t> parameters = {6};
};

ModelBuilder layer_norm(const Spelling& s) {
  ModelBuilder m{13};
  m.input("x", {kOpen, 5, 6});
  m.node("ReduceMean", {"x"}, {"mean"}).with("axes", s.axes).named("first");
  m.node("Sub", {"x", "mean"}, {"d"});
  if (s.two_differences) m.node("Sub", {"x", "mean"}, {"d2"});
  const std::string d2 = s.two_differences ? "d2" : "d";
  m.f32("two", {}, {2}).f32("eps", {}, {1e-3F}).f32("half", {}, {0.5F}).f32("minus", {}, {-0.5F});
  if (s.power) m.node("Pow", {d2, "two"}, {"square"});
  if (!s.power) m.node("Mul", {d2, d2}, {"square"});
  m.node("ReduceMean", {"square"}, {"variance"}).with("axes", s.axes);
  m.node("Add", {"variance", "eps"}, {"shifted"});
  if (s.reciprocal) {
    m.node("Sqrt", {"shifted"}, {"root"});
    m.node("Reciprocal", {"root"}, {"inverse"});
    m.node("Mul", {"inverse", "d"}, {"normal"});
  } else if (s.power) {
    m.node("Pow", {"shifted", "half"}, {"root"});
    m.node("Div", {"d", "root"}, {"normal"});
  } else {
    m.node("Sqrt", {"shifted"}, {"root"});
    m.node("Div", {"d", "root"}, {"normal"});
  }
  std::string y = "normal";
  m.random("gamma", s.parameters).random("beta", s.parameters);
  if (s.scale) m.node("Mul", {"gamma", y}, {"scaled"}), y = "scaled";
  if (s.bias) m.node("Add", {y, "beta"}, {"shifted_y"}), y = "shifted_y";
  m.output(y);
  return m;
}

TEST_CASE("LayerNormalization in the spellings of exporters") {
  for (int spelling = 0; spelling < 32; ++spelling) {
    CAPTURE(spelling);
    const auto bit = [&](int i) { return (spelling >> i & 1) != 0; };
    ModelBuilder m = layer_norm({bit(0), bit(1), bit(2), bit(3), bit(4), {-1}, {6}});
    const Graph g = optimized(m);
    REQUIRE(ops_of(g) == Strings{"LayerNormalization"});
    CHECK(g.nodes[0].name == "first");
    CHECK(g.nodes[0].sources.size() == g.source_nodes.size());
    CHECK(g.nodes[0].as<octet::schema::LayerNormalizationT>().epsilon == 1e-3F);
  }
}

TEST_CASE("LayerNormalization over two axes, with parameters of their shape or one number") {
  for (const auto& parameters : std::vector<std::vector<std::int64_t>>{{5, 6}, {1, 5, 6}, {}, {1}}) {
    CAPTURE(parameters.size());
    Spelling s;
    s.axes = {1, 2};
    s.parameters = parameters;
    ModelBuilder m = layer_norm(s);
    const Graph g = optimized(m);
    REQUIRE(ops_of(g) == Strings{"LayerNormalization"});
    CHECK(g.nodes[0].as<octet::schema::LayerNormalizationT>().axes == 2);
  }
}

TEST_CASE("what only looks like LayerNormalization stays as it is") {
  SUBCASE("along another axis") {
    Spelling s;
    s.axes = {1};
    ModelBuilder m = layer_norm(s);
    CHECK(count(optimized(m), "LayerNormalization") == 0);
  }
  SUBCASE("parameters along another axis") {
    Spelling s;
    s.parameters = {5, 1};
    ModelBuilder m = layer_norm(s);
    const Graph g = optimized(m);
    CHECK(count(g, "LayerNormalization") == 1);
    CHECK(count(g, "Mul") == 1);
    CHECK(count(g, "Add") == 1);
  }
  SUBCASE("the variance of something else") {
    ModelBuilder m = layer_norm({});
    m.input("z", {kOpen, 5, 6});
    for (int i = 0; i < m.proto.graph().node_size(); ++i)
      if (m.proto.graph().node(i).output(0) == "square") *m.proto.mutable_graph()->mutable_node(i)->mutable_input(0) = "z";
    CHECK(count(optimized(m), "LayerNormalization") == 0);
  }
}

TEST_CASE("parts of a LayerNormalization that others read are still there") {
  ModelBuilder m = layer_norm({});
  m.output("normal").output("variance");
  const Graph imported = must(m.import());
  Graph g = imported;
  must(octet::optimize(g));
  CHECK(count(g, "LayerNormalization") == 1);
  const auto x = random_inputs(g, 2);
  for (std::size_t o = 0; o < 3; ++o) check_close(run(g, x, 2)[o], run(imported, x, 2)[o], 1e-5F);
}

// ---- The scale of scores

/// softmax(q k^T) with a factor of 1/4 in some place.
ModelBuilder scores(const std::string& place) {
  ModelBuilder m{13};
  m.input("x", {kOpen, 8, 16}).random("wq", {16, 16}).random("wk", {16, 16}).random("bias", {16});
  m.f32("quarter", {}, {0.25F}).f32("four", {}, {4}).s64("heads", {0, 8, 4, 4});
  const auto scaled = [&](const std::string& t) { return m.node("Mul", {t, "quarter"}, {t + "s"}), t + "s"; };
  std::string q = "q", k = "k";
  m.node("MatMul", {"x", "wq"}, {"q"});
  m.node("MatMul", {"x", "wk"}, {"k"});
  m.node("Reshape", {q, "heads"}, {"q4"});
  q = "q4";
  m.node("Reshape", {k, "heads"}, {"k4"});
  if (place == "before the transpose") q = scaled(q);
  m.node("Transpose", {q}, {"qt"}).with("perm", std::vector<std::int64_t>{0, 2, 1, 3});
  q = "qt";
  m.node("Transpose", {"k4"}, {"kt"}).with("perm", std::vector<std::int64_t>{0, 2, 3, 1});
  k = "kt";
  if (place == "on either side") q = scaled(q), k = scaled(k);
  m.node("MatMul", {q, k}, {"s"});
  std::string s = "s";
  if (place == "after") s = scaled(s);
  if (place == "after, as a quotient") m.node("Div", {s, "four"}, {"s4"}), s = "s4";
  m.node("Softmax", {s}, {"y"}).with("axis", -1);
  m.output("y");
  return m;
}

TEST_CASE("a scale beside MatMul of two activations becomes part of it") {
  for (const std::string place : {"before the transpose", "on either side", "after", "after, as a quotient"}) {
    CAPTURE(place);
    ModelBuilder m = scores(place);
    const Graph g = optimized(m);
    CHECK(count(g, "Mul") == 0);
    for (const auto& n : g.nodes) {
      if (n.op() != octet::schema::Operator::MatMul) continue;
      CHECK(n.as<octet::schema::MatMulT>().scale == (place == "on either side" ? 0.0625F : 0.25F));
      CHECK(n.sources.size() >= 2);
    }
  }
}

TEST_CASE("a scale that others read, and a factor for each column, stay") {
  ModelBuilder m{13};
  m.input("a", {kOpen, 4, 5}).input("b", {kOpen, 5, 3}).f32("c", {}, {0.5F}).random("columns", {3});
  m.node("Mul", {"a", "c"}, {"half"});
  m.node("MatMul", {"half", "b"}, {"s"});
  m.node("Mul", {"s", "columns"}, {"y"});
  m.output("y").output("half");
  CHECK(count(optimized(m), "Mul") == 2);
}

TEST_CASE("a scale that would overflow or vanish stays outside") {
  ModelBuilder m{13};
  m.input("a", {kOpen, 4, 5}).input("b", {kOpen, 5, 3}).f32("c", {}, {1e-30F});
  m.node("MatMul", {"a", "b"}, {"s"});
  m.node("Mul", {"s", "c"}, {"t"});
  m.node("Mul", {"t", "c"}, {"y"});
  m.output("y");
  CHECK(count(optimized(m), "Mul") == 1);
}

// ---- Masks

/// softmax of 2 heads over 6 keys, their mask spelt in some way; y is the product with values.
struct MaskSpelling {
  const char* name;
  int type;  ///< of the input "mask", [N, 6]
  void (*write)(ModelBuilder& m);  ///< masked scores "t" of "s" [N, 2, 6, 6]
  int masks = 1;
};

void unsqueeze(ModelBuilder& m, const std::string& x, const std::string& y) { m.s64(y + "_axes", {1, 2}), m.node("Unsqueeze", {x, y + "_axes"}, {y}); }

const MaskSpelling kSpellings[] = {
    {"(1 - mask) * -10000, unsqueezed last", onnx::TensorProto::INT64,
     [](ModelBuilder& m) {
       m.node("Cast", {"mask"}, {"m"}).with("to", 1);
       m.f32("one", {}, {1}).f32("big", {}, {-10000}).node("Sub", {"one", "m"}, {"inverse"});
       m.node("Mul", {"inverse", "big"}, {"flat"});
       unsqueeze(m, "flat", "bias");
       m.node("Add", {"s", "bias"}, {"t"});
     }},
    {"(mask - 1) * 10000 of 32 bits, unsqueezed first", onnx::TensorProto::INT32,
     [](ModelBuilder& m) {
       unsqueeze(m, "mask", "m4");
       m.node("Cast", {"m4"}, {"m"}).with("to", 1);
       m.f32("one", {}, {1}).f32("big", {}, {10000}).node("Sub", {"m", "one"}, {"inverse"});
       m.node("Mul", {"big", "inverse"}, {"bias"});
       m.node("Add", {"bias", "s"}, {"t"});
     }},
    {"Where(inverse, least f32, inverse)", onnx::TensorProto::INT64,
     [](ModelBuilder& m) {
       unsqueeze(m, "mask", "m4");
       m.node("Cast", {"m4"}, {"m"}).with("to", 1);
       m.f32("one", {}, {1}).f32("least", {}, {-3.4028235e38F}).node("Sub", {"one", "m"}, {"inverse"});
       m.node("Cast", {"inverse"}, {"out"}).with("to", 9);
       m.node("Where", {"out", "least", "inverse"}, {"bias"});
       m.node("Add", {"s", "bias"}, {"t"});
     }},
    {"Where(mask, scores, -10000)", onnx::TensorProto::BOOL,
     [](ModelBuilder& m) {
       unsqueeze(m, "mask", "m4");
       m.f32("big", {}, {-10000}).node("Where", {"m4", "s", "big"}, {"t"});
     }},
    {"Where(mask = 0, -1e9, scores)", onnx::TensorProto::INT64,
     [](ModelBuilder& m) {
       unsqueeze(m, "mask", "m4");
       m.tensor("zero", {}, onnx::TensorProto::INT64)->add_int64_data(0);
       m.node("Equal", {"m4", "zero"}, {"padding"});
       m.f32("big", {}, {-1e9F}).node("Where", {"padding", "big", "s"}, {"t"});
     }},
    {"a real input, with a causal constant added", onnx::TensorProto::FLOAT,
     [](ModelBuilder& m) {
       unsqueeze(m, "mask", "m4");
       m.f32("one", {}, {1}).f32("big", {}, {-10000}).node("Sub", {"one", "m4"}, {"inverse"});
       m.node("Mul", {"inverse", "big"}, {"bias"});
       std::vector<float> causal;
       for (int i = 0; i < 36; ++i) causal.push_back(i % 6 > i / 6 ? -10000.0F : 0.0F);
       m.f32("causal", {1, 1, 6, 6}, causal).node("Add", {"causal", "bias"}, {"both"});
       m.node("Add", {"s", "both"}, {"t"});
     },
     2},
};

ModelBuilder attention(const MaskSpelling& spelling) {
  ModelBuilder m{13};
  m.input("q", {kOpen, 2, 6, 8}).input("k", {kOpen, 2, 8, 6}).input("mask", {kOpen, 6}, spelling.type);
  m.node("MatMul", {"q", "k"}, {"s"});
  spelling.write(m);
  m.node("Softmax", {"t"}, {"y"}).with("axis", -1);
  m.output("y");
  return m;
}

constexpr std::int64_t kSamples = 24;

/// Inputs with `kept` of the mask's elements set.
VectorSamples attention_samples(bool all_kept) {
  std::vector<float> mask;
  for (std::int64_t i = 0; i < kSamples; ++i)
    for (std::int64_t k = 0; k < 6; ++k) mask.push_back(all_kept || k < 1 + i % 6 ? 1 : 0);
  return {kSamples, {random_values(kSamples * 96, 1), random_values(kSamples * 96, 2), mask}};
}

/// The outputs of all samples.
std::vector<float> run_samples(const octet::Model& model, const VectorSamples& samples) {
  octet::Session session = must(model.session({.batch = static_cast<int>(kSamples)}));
  std::vector<std::vector<std::byte>> bytes;
  std::vector<octet::InputTensor> in;
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    bytes.emplace_back(session.inputs()[i].size_bytes());
    must(octet::read_bytes(samples, i, 0, kSamples, session.inputs()[i], bytes.back()));
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) in.emplace_back(bytes[i].data(), bytes[i].size(), session.inputs()[i].type);
  std::vector<float> y(session.outputs()[0].elements());
  std::vector<octet::OutputTensor> out = {octet::OutputTensor(y)};
  must(session.run(in, out));
  return y;
}

TEST_CASE("masks, however they are spelt, are exact in int8, though calibration saw none") {
  for (const MaskSpelling& spelling : kSpellings) {
    INFO(std::string(spelling.name));
    ModelBuilder m = attention(spelling);
    Graph g = must(m.import());
    must(octet::optimize(g));
    const octet::Model real = must(octet::make_model(std::move(g)));
    octet::QuantizeOptions options;
    options.calibrator = "minmax";
    const octet::Model quantized = must(octet::quantize(real, attention_samples(true), options));
    const Graph& q = quantized.impl().graph;
    CHECK(count(q, "Add") == 0);
    CHECK(count(q, "Where") == 0);
    for (const auto& n : q.nodes) CHECK_MESSAGE((n.float_reason.empty() || n.op() == octet::schema::Operator::Cast), n.name);
    const VectorSamples padded = attention_samples(false);
    const auto expected = run_samples(real, padded);
    const auto y = run_samples(quantized, padded);
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (expected[i] == 0) CHECK(y[i] == 0);
      CHECK(std::abs(y[i] - expected[i]) < 0.05F);
    }
  }
}

TEST_CASE("the masked form is the float graph's own function") {
  for (const MaskSpelling& spelling : kSpellings) {
    INFO(std::string(spelling.name));
    ModelBuilder m = attention(spelling);
    Graph g = must(m.import());
    must(octet::optimize(g));
    const auto expected = run_samples(must(octet::make_model(g)), attention_samples(false));
    CHECK(must(octet::recognize_masks(g)));
    must(octet::check_graph(g));
    CHECK(run_samples(must(octet::make_model(g)), attention_samples(false)) == expected);
    CHECK_FALSE(must(octet::recognize_masks(g)));
  }
}

TEST_CASE("a mask the caller gives as numbers is added in float, whatever calibration saw") {
  ModelBuilder m{13};
  m.input("q", {kOpen, 2, 6, 8}).input("k", {kOpen, 2, 8, 6}).input("mask", {kOpen, 6}).f32("root", {}, {2.83F});
  m.input("v", {kOpen, 2, 6, 8});
  m.node("MatMul", {"q", "k"}, {"s"});
  m.node("Div", {"s", "root"}, {"scaled"});
  unsqueeze(m, "mask", "m4");
  m.node("Add", {"scaled", "m4"}, {"t"});
  m.node("Softmax", {"t"}, {"p"}).with("axis", -1);
  m.node("MatMul", {"p", "v"}, {"y"});
  m.output("y");
  Graph g = must(m.import());
  must(octet::optimize(g));
  const octet::Model real = must(octet::make_model(std::move(g)));
  const auto samples = [](bool padded) {
    std::vector<float> mask;
    for (std::int64_t i = 0; i < kSamples; ++i)
      for (std::int64_t k = 0; k < 6; ++k) mask.push_back(padded && k > i % 6 ? -10000.0F : 0.0F);
    return VectorSamples(kSamples, {random_values(kSamples * 96, 1), random_values(kSamples * 96, 2), mask, random_values(kSamples * 96, 3)});
  };
  const octet::Model quantized = must(octet::quantize(real, samples(false), {}));
  for (const octet::Node& n : quantized.impl().graph.nodes) {
    using octet::schema::Operator;
    const bool masked = n.op() == Operator::Add || n.op() == Operator::Softmax;
    if (masked) CHECK(n.float_reason.find("a mask the caller gives") != std::string::npos);
    if (n.op() == Operator::MatMul) CHECK(quantized.impl().graph.tensors[static_cast<std::size_t>(n.inputs[0])].type == octet::Type::u8);
  }
  const auto expected = run_samples(real, samples(true));
  const auto y = run_samples(quantized, samples(true));
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) < 0.05F);
}

TEST_CASE("what is added to scores and is no mask stays") {
  const auto kept = [](const std::vector<float>& bias) {
    ModelBuilder m{13};
    m.input("q", {kOpen, 2, 6, 8}).input("k", {kOpen, 2, 8, 6}).f32("bias", {6}, bias);
    m.node("MatMul", {"q", "k"}, {"s"});
    m.node("Add", {"s", "bias"}, {"t"});
    m.node("Softmax", {"t"}, {"y"}).with("axis", -1);
    m.output("y");
    Graph g = must(m.import());
    must(octet::optimize(g));
    return !must(octet::recognize_masks(g)) && count(g, "Add") == 1;
  };
  CHECK(kept({0, -1, -2, -3, -4, -5}));      // a bias of positions
  CHECK(kept({0, 0, -5, -5, 0, 0}));         // too small to be one
  CHECK(kept({0, 0, 10000, 0, 0, 0}));       // the wrong sign
  CHECK(kept({1, 1, -10000, 1, 1, 1}));      // no 0
  CHECK_FALSE(kept({0, 0, -10000, 0, 0, 0}));
}

TEST_CASE("a mask that does not outweigh the range of its scores keeps its softmax in float") {
  ModelBuilder m{13};
  m.input("s", {kOpen, 4, 6}).input("mask", {kOpen, 4, 6}, onnx::TensorProto::BOOL).f32("big", {}, {-1000}).f32("much", {}, {2000});
  m.node("Mul", {"s", "much"}, {"scores"});
  m.node("Where", {"mask", "scores", "big"}, {"t"});
  m.node("Softmax", {"t"}, {"y"}).with("axis", -1);
  m.output("y");
  Graph g = must(m.import());
  must(octet::optimize(g));
  const octet::Model real = must(octet::make_model(std::move(g)));
  const VectorSamples samples(8, {random_values(8 * 24, 3), std::vector<float>(8 * 24, 1.0F)});
  const octet::Model quantized = must(octet::quantize(real, samples, {}));
  const auto& nodes = quantized.impl().graph.nodes;
  CHECK(std::ranges::any_of(nodes, [](const octet::Node& n) { return n.float_reason.find("outweigh") != std::string::npos; }));
}

}  // namespace
}  // namespace octet_test
