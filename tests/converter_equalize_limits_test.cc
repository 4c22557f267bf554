// Cross-layer equalization leaves alone what meets something of absolute size, what is read elsewhere, and what would not gain.
#include <cmath>

#include "converter/passes/channel_scales.h"
#include "support/equalize_checks.h"

namespace octet_test {
namespace {

using octet::schema::Function;

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

}  // namespace
}  // namespace octet_test
