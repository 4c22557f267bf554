// Cross-layer equalization: what a graph computes stays the same to the last bit, ranges of weights come together, and
// channels that meet something of absolute size are left alone.
#include <cmath>
#include <map>

#include "converter/passes/channel_scales.h"
#include "converter/passes/passes.h"
#include "converter/quantize.h"
#include "tests/support/graph_builder.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

using octet::schema::Function;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// A float net whose channels' weights differ in size.
class NetBuilder : public GraphBuilder {
 public:
  struct Options {
    int kernel = 1, pad = 0, groups = 1;
    float clamp_min = -kInf, clamp_max = kInf;
    bool bias = true;
  };

  explicit NetBuilder(unsigned seed) : random_(seed) {}

  /// Random factors between 2^-e and 2^e: of the rows of what writes a tensor; what reads it undoes them.
  std::vector<float> factors(std::int64_t channels, float e) {
    std::vector<float> all;
    for (std::int64_t i = 0; i < channels; ++i) all.push_back(std::exp2(random_.real(-e, e)));
    return all;
  }

  /// `rows` multiplies each output channel, `columns` divides each input channel.
  int conv(const std::string& name, int x, const std::vector<float>& columns, const std::vector<float>& rows, const Options& o) {
    octet::schema::ConvT t;
    t.pad_top = t.pad_left = t.pad_bottom = t.pad_right = o.pad;
    t.groups = o.groups;
    t.clamp_min = o.clamp_min;
    t.clamp_max = o.clamp_max;
    const auto out = static_cast<std::int64_t>(rows.size());
    const std::int64_t depth = static_cast<std::int64_t>(columns.size()) / o.groups;
    const std::int64_t taps = std::int64_t{o.kernel} * o.kernel;
    std::vector<float> w;
    for (std::int64_t r = 0; r < out; ++r)
      for (std::int64_t i = 0; i < taps * depth; ++i)
        w.push_back(random_.real(-1, 1) * rows[at(r)] / columns[at(r / (out / o.groups) * depth + i % depth)]);
    return node(name, t, with_bias(name, x, {out, o.kernel, o.kernel, depth}, std::move(w), rows, o.bias));
  }
  int conv(const std::string& name, int x, const std::vector<float>& columns, const std::vector<float>& rows) {
    return conv(name, x, columns, rows, {});
  }

  /// Input k belongs to factor k modulo their number.
  int dense(const std::string& name, int x, std::int64_t depth, const std::vector<float>& columns, const std::vector<float>& rows,
            float clamp_min = -kInf) {
    octet::schema::FullyConnectedT t;
    t.clamp_min = clamp_min;
    std::vector<float> w;
    for (const float r : rows)
      for (std::int64_t i = 0; i < depth; ++i) w.push_back(random_.real(-1, 1) * r / columns[at(i) % columns.size()]);
    return node(name, t, with_bias(name, x, {static_cast<std::int64_t>(rows.size()), depth}, std::move(w), rows, true));
  }

  int add(const std::string& name, int a, int b, float clamp_min = -kInf) {
    octet::schema::AddT t;
    t.clamp_min = clamp_min;
    return node(name, t, {a, b});
  }
  int function(const std::string& name, Function f, int x, float a = 0, float b = 0) {
    octet::schema::PointwiseT t;
    t.function = f;
    t.a = a;
    t.b = b;
    return node(name, t, {x});
  }
  int reshape(const std::string& name, int x, std::vector<int> shape) {
    octet::schema::ReshapeT t;
    t.shape = std::move(shape);
    return node(name, t, {x});
  }

  Random& random() { return random_; }

 private:
  std::vector<int> with_bias(const std::string& name, int x, Shape shape, std::vector<float> w, const std::vector<float>& rows, bool bias) {
    std::vector<float> b;
    for (const float r : rows) b.push_back(random_.real(-1, 1) * r);
    std::vector<int> inputs = {x, constant(name + ".w", shape, std::move(w))};
    if (bias) inputs.push_back(constant(name + ".b", {shape[0]}, std::move(b)));
    return inputs;
  }

  Random random_;
};

const std::vector<float> kOnes3(3, 1.0F);
constexpr NetBuilder::Options kRelu{.clamp_min = 0.0F};
constexpr NetBuilder::Options kDepthwise8{.kernel = 3, .pad = 1, .groups = 8, .clamp_min = 0.0F};

std::span<const float> values(const Graph& g, const std::string& tensor) {
  for (const Tensor& t : g.tensors)
    if (t.name == tensor) return t.data.as<float>();
  FAIL("no tensor " << tensor);
  return {};
}

/// log2 of the ratio between the largest and the smallest row (or, with `columns`, column) of weights.
double spread(const Graph& g, const std::string& tensor, bool columns = false) {
  const auto w = values(g, tensor);
  for (const Tensor& t : g.tensors) {
    if (t.name != tensor) continue;
    const std::size_t row = w.size() / at(t.shape[0]);
    std::map<std::size_t, float> most;
    for (std::size_t i = 0; i < w.size(); ++i) {
      float& m = most[columns ? i % at(t.shape.back()) : i / row];
      m = std::max(m, std::abs(w[i]));
    }
    const auto by_size = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto [lo, hi] = std::minmax_element(most.begin(), most.end(), by_size);
    return std::log2(static_cast<double>(hi->second) / static_cast<double>(lo->second));
  }
  return 0;
}

bool same_constants(const Graph& a, const Graph& b) {
  return std::ranges::equal(a.tensors, b.tensors, [](const Tensor& x, const Tensor& y) { return std::ranges::equal(x.data.bytes(), y.data.bytes()); });
}

/// Outputs of random inputs, at batch 2.
std::vector<std::vector<std::byte>> outputs_of(const Graph& graph) {
  const Model model = must(octet::make_model(graph));
  auto session = must(model.session({.batch = 2, .isa = "reference"}));
  std::vector<std::vector<std::byte>> inputs;
  Random random(77);
  for (const auto& info : session.inputs()) inputs.push_back(bytes_of(random.reals(info.elements(), -1, 1)));
  return run_bytes(session, inputs);
}

struct Equalized {
  Graph before, after;
  bool changed;
};

/// Equalizes a net and checks that it still computes the very same.
Equalized equalized(NetBuilder& b, std::vector<int> outputs) {
  const Model model = must(b.model(std::move(outputs)));
  Equalized e{model.impl().graph, model.impl().graph, false};
  e.changed = must(octet::equalize(e.after));
  CHECK(outputs_of(e.before) == outputs_of(e.after));
  CHECK(e.changed == !same_constants(e.before, e.after));
  return e;
}
Equalized equalized(NetBuilder& b) { return equalized(b, {static_cast<int>(b.graph.tensors.size()) - 1}); }

TEST_CASE("equalize: two convolutions with a ReLU between them") {
  NetBuilder b(1);
  const auto f = b.factors(16, 6);
  const int x = b.input("x", Type::f32, {1, 5, 5, 3});
  b.conv("second", b.conv("first", x, kOnes3, f, {.kernel = 3, .pad = 1, .clamp_min = 0.0F}), f, kOnes3);
  const Equalized e = equalized(b);
  CHECK(e.changed);
  CHECK(spread(e.before, "first.w") > 8);
  CHECK(spread(e.after, "first.w") < 2);
  CHECK(spread(e.before, "second.w", true) > 8);
  CHECK(spread(e.after, "second.w", true) < 2);
  // Every factor is a power of two, the same for the weights and the bias of a row.
  const auto old_w = values(e.before, "first.w");
  const auto new_w = values(e.after, "first.w");
  const auto old_b = values(e.before, "first.b");
  const auto new_b = values(e.after, "first.b");
  for (std::size_t i = 0; i < old_w.size(); ++i) {
    int exponent = 0;
    CHECK(std::frexp(new_w[i] / old_w[i], &exponent) == 0.5F);
    CHECK(new_w[i] / old_w[i] == new_b[i / 27] / old_b[i / 27]);
  }
}

TEST_CASE("equalize: no bias, LeakyRelu, an upper clamp of 0") {
  NetBuilder b(2);
  const auto f = b.factors(8, 6);
  const auto g = b.factors(8, 6);
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  int y = b.conv("first", x, kOnes3, f, {.bias = false});
  y = b.function("leaky", Function::LeakyRelu, y, 0.25F);
  y = b.conv("second", y, f, g, {.clamp_max = 0.0F});
  b.conv("third", y, g, kOnes3);
  const Equalized e = equalized(b);
  for (const char* w : {"first.w", "second.w"}) CHECK(spread(e.after, w) < 3);
  for (const char* w : {"second.w", "third.w"}) CHECK(spread(e.after, w, true) < 3);
}

TEST_CASE("equalize: depthwise between pointwise convolutions, one channel or two a group") {
  for (const std::int64_t multiplier : {1, 2}) {
    NetBuilder b(3);
    const auto f = b.factors(8, 7);
    const auto g = b.factors(8 * multiplier, 7);
    const int x = b.input("x", Type::f32, {1, 6, 6, 3});
    b.conv("project", b.conv("depthwise", b.conv("expand", x, kOnes3, f, kRelu), f, g, kDepthwise8), g, kOnes3);
    const Equalized e = equalized(b);
    CHECK(spread(e.before, "depthwise.w") > 8);
    CHECK(spread(e.after, "expand.w") < 3);
    CHECK(spread(e.after, "depthwise.w") < 4);
    CHECK(spread(e.after, "project.w", true) < 4);
  }
}

TEST_CASE("equalize: grouped convolutions") {
  NetBuilder b(4);
  const auto f = b.factors(12, 6);
  const auto g = b.factors(8, 6);
  const int x = b.input("x", Type::f32, {1, 6, 6, 3});
  b.conv("last", b.conv("grouped", b.conv("first", x, kOnes3, f, kRelu), f, g, {.kernel = 3, .groups = 4}), g, kOnes3);
  const Equalized e = equalized(b);
  CHECK(spread(e.after, "first.w") < 3);
  CHECK(spread(e.after, "grouped.w") < 3);
  CHECK(spread(e.after, "last.w", true) < 3);
}

TEST_CASE("equalize: a residual chain has one factor for each channel, wherever it is written and read") {
  NetBuilder b(5);
  const auto f = b.factors(16, 6);
  const auto g = b.factors(8, 6);
  const auto h = b.factors(8, 6);
  const int x = b.input("x", Type::f32, {1, 6, 6, 3});
  const int y0 = b.conv("stem", x, kOnes3, f);
  const int y1 = b.add("sum1", y0, b.conv("b", b.conv("a", y0, f, g, kRelu), g, f));
  const int y2 = b.add("sum2", b.conv("d", b.conv("c", y1, f, h, kRelu), h, f), y1, 0.0F);
  b.conv("head", y2, f, kOnes3);
  const Equalized e = equalized(b);
  for (const char* w : {"stem.w", "a.w", "b.w", "c.w", "d.w"}) CHECK(spread(e.after, w) < 3);
  for (const char* w : {"a.w", "b.w", "c.w", "d.w", "head.w"}) CHECK(spread(e.after, w, true) < 3);
  const auto ratio = [&](const char* bias, std::size_t c) { return values(e.after, bias)[c] / values(e.before, bias)[c]; };
  for (std::size_t c = 0; c < f.size(); ++c) {
    CHECK(ratio("stem.b", c) == ratio("b.b", c));
    CHECK(ratio("stem.b", c) == ratio("d.b", c));
  }
}

TEST_CASE("equalize: through pools, a flattening and matrix products") {
  NetBuilder b(6);
  const auto f = b.factors(6, 7);
  const auto g = b.factors(10, 7);
  const int x = b.input("x", Type::f32, {1, 8, 8, 3});
  int y = b.conv("conv", x, kOnes3, f, kRelu);
  octet::schema::MaxPoolT max;
  max.kernel_h = max.kernel_w = max.stride_h = max.stride_w = 2;
  octet::schema::AveragePoolT mean;
  mean.kernel_h = mean.kernel_w = mean.stride_h = mean.stride_w = 2;
  y = b.node("mean", mean, {b.node("max", max, {y})});
  y = b.dense("hidden", b.reshape("flat", y, {0, -1}), 24, f, g, 0.0F);
  b.dense("logits", y, 10, g, kOnes3);
  const Equalized e = equalized(b);
  CHECK(spread(e.before, "hidden.w", true) > 8);
  CHECK(spread(e.after, "conv.w") < 3);
  CHECK(spread(e.after, "hidden.w") < 3);
  CHECK(spread(e.after, "logits.w", true) < 3);
}

TEST_CASE("equalize: through a concat, a gate and a transposition that keeps channels last") {
  NetBuilder b(7);
  auto f = b.factors(6, 6);
  const auto g = b.factors(4, 6);
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  octet::schema::ConcatT concat;
  concat.axis = 3;
  int y = b.node("joined", concat, {b.conv("a", x, kOnes3, f, kRelu), b.conv("b", x, kOnes3, g, kRelu)});
  octet::schema::AveragePoolT mean;
  mean.kernel_h = mean.kernel_w = 4;
  f.insert(f.end(), g.begin(), g.end());
  const std::vector<float> ones(10, 1.0F);
  const int gate = b.function("gate", Function::Sigmoid, b.conv("squeeze", b.node("mean", mean, {y}), f, ones));
  y = b.node("gated", octet::schema::MulT{}, {gate, y});
  octet::schema::TransposeT swap;
  swap.perm = {0, 2, 1, 3};
  b.conv("last", b.node("swapped", swap, {y}), f, kOnes3);
  const Equalized e = equalized(b);
  for (const char* w : {"a.w", "b.w"}) CHECK(spread(e.after, w) < 3);
  for (const char* w : {"squeeze.w", "last.w"}) CHECK(spread(e.after, w, true) < 3);
  CHECK(std::ranges::equal(values(e.before, "squeeze.b"), values(e.after, "squeeze.b")));  // the gate's own range counts
}

TEST_CASE("equalize: a clamp at 6 and functions with a scale of their own stop it") {
  const auto net = [](auto activation) {
    NetBuilder b(8);
    const auto f = b.factors(8, 6);
    const int x = b.input("x", Type::f32, {1, 4, 4, 3});
    b.conv("second", activation(b, x, f), f, kOnes3);
    const Equalized e = equalized(b);
    CHECK_FALSE(e.changed);
  };
  net([](NetBuilder& b, int x, const auto& f) { return b.conv("first", x, kOnes3, f, {.clamp_min = 0.0F, .clamp_max = 6.0F}); });
  net([](NetBuilder& b, int x, const auto& f) { return b.function("six", Function::Clip, b.conv("first", x, kOnes3, f), 0, 6); });
  for (const Function f : {Function::Sigmoid, Function::HardSwish, Function::Tanh, Function::Silu})
    net([f](NetBuilder& b, int x, const auto& rows) { return b.function("f", f, b.conv("first", x, kOnes3, rows), 0.2F, 0.5F); });
  net([](NetBuilder& b, int x, const auto& f) { return b.add("shifted", b.conv("first", x, kOnes3, f), b.constant<float>("c", {1}, {0.5F})); });
  net([](NetBuilder& b, int x, const auto& f) {
    octet::schema::SoftmaxT softmax;
    return b.node("shares", softmax, {b.conv("first", x, kOnes3, f)});
  });
}

TEST_CASE("equalize: ReLU6 beside ReLU in one net keeps its channels, the others move") {
  NetBuilder b(9);
  const auto f = b.factors(8, 6);
  const auto g = b.factors(8, 6);
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  const int six = b.conv("six", x, kOnes3, f, {.clamp_min = 0.0F, .clamp_max = 6.0F});
  b.conv("last", b.conv("middle", six, f, g, kRelu), g, kOnes3);
  const Equalized e = equalized(b);
  CHECK(e.changed);
  CHECK(std::ranges::equal(values(e.before, "six.w"), values(e.after, "six.w")));
  CHECK(spread(e.after, "middle.w") < 3);
}

TEST_CASE("equalize: through ReLU6 with a bound for each channel, where asked for, to the last bit") {
  NetBuilder b(9);
  auto f = b.factors(8, 6);
  const auto g = b.factors(8, 6);
  f[0] = 64;  // reaches 6
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  NetBuilder::Options six = kDepthwise8;
  six.clamp_max = 6.0F;
  const int first = b.conv("first", x, kOnes3, f, {.clamp_min = 0.0F, .clamp_max = 6.0F});
  b.conv("last", b.conv("depthwise", first, f, g, six), g, kOnes3);
  const Graph before = must(b.model()).impl().graph;
  Graph after = before;
  CHECK(must(octet::equalize(after, true)));
  CHECK(outputs_of(before) == outputs_of(after));
  for (const char* w : {"first.w", "depthwise.w"}) CHECK(spread(after, w) < 4);
  CHECK(after.nodes.size() == before.nodes.size() + 2);
  CHECK(after.nodes[1].op() == octet::schema::Operator::Binary);
  const auto bounds = after.tensors[at(after.nodes[1].inputs[1])].data.as<float>();
  CHECK(std::ranges::max(bounds) == after.nodes[0].as<octet::schema::ConvT>().clamp_max);
  for (std::size_t c = 0; c < 8; ++c) CHECK(bounds[c] == 6 * values(after, "first.b")[c] / values(before, "first.b")[c]);
  Graph plain = before;
  CHECK_FALSE(must(octet::equalize(plain)));
}

TEST_CASE("equalize: outputs of the graph and other readers") {
  SUBCASE("a tensor that is an output keeps its values") {
    NetBuilder b(10);
    const auto f = b.factors(8, 6);
    const int x = b.input("x", Type::f32, {1, 4, 4, 3});
    const int y = b.conv("first", x, kOnes3, f, kRelu);
    CHECK_FALSE(equalized(b, {y, b.conv("second", y, f, kOnes3)}).changed);
  }
  SUBCASE("so does one that something else reads, too") {
    NetBuilder b(11);
    const auto f = b.factors(8, 6);
    const int x = b.input("x", Type::f32, {1, 4, 4, 3});
    const int y = b.conv("first", x, kOnes3, f, kRelu);
    const int other = b.function("other", Function::Tanh, y);
    CHECK_FALSE(equalized(b, {other, b.conv("second", y, f, kOnes3)}).changed);
  }
  SUBCASE("products that share their weights") {
    NetBuilder b(12);
    const auto f = b.factors(3, 6);
    const int x = b.input("x", Type::f32, {1, 4, 4, 3});
    const int w = b.constant("w", {3, 1, 1, 3}, [&] {
      auto values = b.random().reals(9, -1, 1);
      for (std::size_t i = 0; i < 9; ++i) values[i] *= f[i / 3];
      return values;
    }());
    octet::schema::ConvT conv;
    b.node("second", conv, {b.node("first", conv, {x, w}), w});
    CHECK_FALSE(equalized(b).changed);
  }
  SUBCASE("the input is read by a product that divides its channels") {
    NetBuilder b(13);
    const int x = b.input("x", Type::f32, {1, 4, 4, 3});
    b.conv("only", x, {1.0F, 100.0F, 0.01F}, kOnes3);
    CHECK_FALSE(equalized(b).changed);
  }
}

TEST_CASE("equalize: a balanced net is left as it is") {
  NetBuilder b(14);
  const std::vector<float> ones(24, 1.0F);
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  const int y = b.conv("first", x, kOnes3, ones, kRelu);
  b.conv("third", b.add("sum", y, b.conv("second", y, ones, ones, kRelu)), ones, kOnes3);
  CHECK_FALSE(equalized(b).changed);
}

TEST_CASE("equalize: dead and nearly dead channels") {
  NetBuilder b(15);
  auto f = b.factors(8, 5);
  const int x = b.input("x", Type::f32, {1, 4, 4, 3});
  const int first = b.conv("first", x, kOnes3, f, kRelu);
  b.conv("second", first, f, kOnes3);
  const auto rewrite = [&](const std::string& name, auto change) {
    for (Tensor& t : b.graph.tensors) {
      if (t.name != name) continue;
      std::vector<float> w(t.data.as<float>().begin(), t.data.as<float>().end());
      for (std::size_t i = 0; i < w.size(); ++i) w[i] = change(w[i], i);
      t.data = Constant::of(std::move(w));
    }
  };
  SUBCASE("zero weights, bias and all") {
    rewrite("first.w", [](float w, std::size_t i) { return i / 3 == 2 ? 0.0F : w; });
    rewrite("first.b", [](float v, std::size_t i) { return i == 2 ? 0.0F : v; });
    const Equalized e = equalized(b);
    CHECK(e.changed);
    CHECK(std::ranges::equal(values(e.after, "first.w").subspan(6, 3), std::vector<float>(3, 0.0F)));
  }
  SUBCASE("nobody reads it") {
    rewrite("second.w", [](float w, std::size_t i) { return i % 8 == 2 ? 0.0F : w; });
    CHECK(equalized(b).changed);
  }
  SUBCASE("tiny weights beside an ordinary bias: the channel must not grow with its weights") {
    rewrite("first.w", [](float w, std::size_t i) { return i / 3 == 2 ? w * 1e-12F : w; });
    rewrite("first.b", [&f](float v, std::size_t i) { return i == 2 ? f[2] : v; });
    const Equalized e = equalized(b);
    const auto bias = values(e.after, "first.b");
    float others = 0;
    for (std::size_t i = 0; i < bias.size(); ++i)
      if (i != 2) others = std::max(others, std::abs(bias[i]));
    CHECK(std::abs(bias[2]) < 20 * others);
  }
  SUBCASE("all weights of a product are zero") {
    rewrite("second.w", [](float, std::size_t) { return 0.0F; });
    CHECK_FALSE(equalized(b).changed);
  }
}

TEST_CASE("equalize: huge ratios, weights near the ends of f32, weights that are not finite") {
  const auto net = [](float large, float small) {
    NetBuilder b(16);
    const std::vector<float> f = {large, small, 1.0F, 1.0F};
    const int x = b.input("x", Type::f32, {1, 4, 4, 3});
    b.conv("second", b.conv("first", x, kOnes3, f, kRelu), f, kOnes3);
    return equalized(b);
  };
  CHECK(spread(net(1e4F, 1e-4F).after, "first.w") < 3);
  CHECK(net(1e12F, 1e-12F).changed);
  net(1e30F, 1e-30F);
  const Equalized end = net(1e36F, 1.0F);
  for (const char* w : {"first.w", "second.w"})
    for (const float v : values(end.after, w)) CHECK(std::isfinite(v));

  for (const float bad : {kInf, std::nanf("")}) {
    NetBuilder b(17);
    const auto f = b.factors(4, 6);
    const int x = b.input("x", Type::f32, {1, 4, 4, 3});
    b.conv("second", b.conv("first", x, kOnes3, f, kRelu), f, kOnes3);
    for (Tensor& t : b.graph.tensors)
      if (t.name == "first.w") t.data = Constant::of(std::vector<float>(12, bad));
    Graph g = must(b.model()).impl().graph;
    must(octet::equalize(g));  // the quantizer will name the node
  }
}

TEST_CASE("equalize: a graph that declares too many channels is left as it is") {
  GraphBuilder b;
  int x = b.input("x", Type::f32, {1, std::int64_t{1} << 23});
  octet::schema::PointwiseT relu;
  relu.b = kInf;
  for (int i = 0; i < 4; ++i) x = b.node("relu" + std::to_string(i), relu, {x});
  Graph g = must(b.model()).impl().graph;
  CHECK_FALSE(must(octet::equalize(g)));
  CHECK(octet::ChannelScales(g).count() == 0);
}

double output_sqnr(const Model& real, const Model& quantized, std::size_t size) {
  double signal = 0;
  double noise = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto x = Random(seed).reals(size, -1, 1);
    const auto exact = run_one<float>(real, x);
    const auto y = run_one<float>(quantized, x);
    for (std::size_t i = 0; i < y.size(); ++i) {
      signal += static_cast<double>(exact[i]) * static_cast<double>(exact[i]);
      noise += std::pow(static_cast<double>(exact[i]) - static_cast<double>(y[i]), 2);
    }
  }
  return 10 * std::log10(signal / noise);
}

TEST_CASE("an unbalanced net keeps its accuracy when it is quantized, per channel and per tensor, and says how") {
  NetBuilder b(18);
  const auto f = b.factors(32, 7);
  const auto g = b.factors(32, 7);
  const int x = b.input("x", Type::f32, {1, 6, 6, 3});
  const int y = b.conv("expand", x, kOnes3, f, kRelu);
  b.conv("project", b.conv("depthwise", y, f, g, {.kernel = 3, .pad = 1, .groups = 32, .clamp_min = 0.0F}), g, kOnes3);
  const Model model = must(b.model());
  const VectorSamples samples(64, {Random(1).reals(64 * 108, -1, 1)});
  for (const bool per_channel : {true, false}) {
    octet::QuantizeOptions options;
    options.per_channel_weights = per_channel;
    const Model repaired = must(octet::quantize(model, samples, options));
    CHECK(repaired.impl().graph.provenance.repair.find(octet::kEqualized) != std::string::npos);
    options.equalize = false;
    const Model plain = must(octet::quantize(model, samples, options));
    CHECK(plain.impl().graph.provenance.repair.find(octet::kEqualized) == std::string::npos);
    CHECK(output_sqnr(model, repaired, 108) > 28);
    CHECK(output_sqnr(model, repaired, 108) > output_sqnr(model, plain, 108) + 8);
  }
}

}  // namespace
}  // namespace octet_test
