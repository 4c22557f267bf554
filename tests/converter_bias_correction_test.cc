// Bias correction: means come back exactly where they are measured, over every kind of product, in bounded memory.
#include "converter/bias_correction.h"

#include <cmath>
#include <mutex>
#include <set>

#include "converter/graph_walk.h"
#include "converter/quantize.h"
#include "tests/support/graph_builder.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

using octet::QuantizeOptions;
using octet::schema::ConvT;

constexpr std::int64_t kSamples = 64;

struct Net {
  Model model;
  std::size_t size;  ///< of a sample
};

/// Mean of each channel (last axis) of a model's output over samples that hold `size` values each.
std::vector<double> output_means(const Model& model, const std::vector<float>& samples, std::size_t size) {
  std::vector<double> means;
  for (std::size_t i = 0; i < samples.size(); i += size) {
    const auto first = samples.begin() + static_cast<std::ptrdiff_t>(i);
    const auto y = run_one<float>(model, std::vector<float>(first, first + static_cast<std::ptrdiff_t>(size)));
    const auto channels = static_cast<std::size_t>(model.outputs()[0].shape.back());
    means.resize(channels, 0.0);
    for (std::size_t k = 0; k < y.size(); ++k)
      means[k % channels] += static_cast<double>(y[k]) * static_cast<double>(channels * size) / static_cast<double>(y.size() * samples.size());
  }
  return means;
}

struct Corrected {
  Graph real;
  Model before, after;
};

Corrected correct(const Model& model, const VectorSamples& samples, const QuantizeOptions& options = {}) {
  auto ranges = must(octet::calibrate(model, samples, {}));
  Graph real = must(octet::correct_biases(model, ranges, samples, options));
  Model before = must(octet::make_model(must(octet::quantize_graph(model.impl().graph, ranges, options))));
  ranges.resize(real.tensors.size());
  Model after = must(octet::make_model(must(octet::quantize_graph(real, ranges, options))));
  return {std::move(real), std::move(before), std::move(after)};
}

/// Half a step of the last product's bias, for each channel.
std::vector<double> half_steps(const Model& quantized) {
  const Graph& g = quantized.impl().graph;
  const auto& node = g.nodes.back();
  const auto tensor = [&](std::size_t i) -> const Tensor& { return g.tensors[static_cast<std::size_t>(node.inputs[i])]; };
  std::vector<double> steps;
  for (const float s : tensor(1).quant.scales) steps.push_back(0.5 * static_cast<double>(s) * static_cast<double>(tensor(0).quant.scale()));
  steps.resize(static_cast<std::size_t>(tensor(1).shape[0]), steps[0]);
  return steps;
}

/// conv (ReLU) -> `last`, whose output is the model's, on x [N,7,6,3].
template <class MakeLast>
Net net(unsigned seed, const MakeLast& last) {
  Random random(seed);
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 7, 6, 3});
  ConvT conv;
  conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = 1;
  conv.clamp_min = 0.0F;
  const int y = b.node("first", conv, {x, b.constant("w0", {8, 3, 3, 3}, random.reals(216, -1, 1)), b.constant("b0", {8}, random.reals(8, -1, 1))});
  last(b, random, y);
  return {must(b.model()), 7 * 6 * 3};
}

void check_means(const Net& n, const QuantizeOptions& options = {}) {
  // Not around 0, as images are not: that is where errors of weights become errors of means.
  const auto values = Random(3).reals(static_cast<std::size_t>(kSamples) * n.size, -0.2F, 1.0F);
  const Corrected c = correct(n.model, VectorSamples(kSamples, {values}), options);
  const auto exact = output_means(n.model, values, n.size);
  const auto before = output_means(c.before, values, n.size);
  const auto after = output_means(c.after, values, n.size);
  const auto tolerance = half_steps(c.after);
  double worst_before = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    CHECK(std::abs(after[i] - exact[i]) <= 1.01 * tolerance[i] + 1e-6);
    worst_before = std::max(worst_before, std::abs(before[i] - exact[i]) / tolerance[i]);
  }
  CHECK(worst_before > 10);  // or this test would show nothing
}

TEST_CASE("bias correction: the mean of every output channel is the float model's, to half a step of the bias") {
  SUBCASE("a padded, strided and dilated convolution") {
    check_means(net(1, [](GraphBuilder& b, Random& r, int x) {
      ConvT c;
      c.pad_top = 2, c.pad_left = 1, c.pad_right = 3;
      c.stride_h = 2, c.dilation_w = 2;
      b.node("last", c, {x, b.constant("w", {5, 3, 2, 8}, r.reals(240, -1, 1)), b.constant("b", {5}, r.reals(5, -1, 1))});
    }));
  }
  SUBCASE("depthwise") {
    check_means(net(2, [](GraphBuilder& b, Random& r, int x) {
      ConvT c;
      c.groups = 8;
      c.pad_top = c.pad_left = 1;
      b.node("last", c, {x, b.constant("w", {16, 3, 3, 1}, r.reals(144, -1, 1)), b.constant("b", {16}, r.reals(16, -1, 1))});
    }));
  }
  SUBCASE("grouped, without a bias, per tensor, symmetric activations") {
    QuantizeOptions options;
    options.per_channel_weights = false;
    options.symmetric_activations = true;
    check_means(net(3,
                    [](GraphBuilder& b, Random& r, int x) {
                      ConvT c;
                      c.groups = 2;
                      b.node("last", c, {x, b.constant("w", {6, 3, 3, 4}, r.reals(216, -1, 1))});
                    }),
                options);
  }
  SUBCASE("a matrix product of rows") {
    check_means(net(4, [](GraphBuilder& b, Random& r, int x) {
      b.node("last", octet::schema::FullyConnectedT{}, {x, b.constant("w", {4, 8}, r.reals(32, -1, 1))});
    }));
  }
  SUBCASE("after a clamp, a table and a sum") {
    check_means(net(5, [](GraphBuilder& b, Random& r, int x) {
      octet::schema::PointwiseT silu;
      silu.function = octet::schema::Function::Silu;
      ConvT c;
      c.clamp_min = 0.0F;
      c.clamp_max = 1.0F;
      const int y = b.node("middle", c, {b.node("silu", silu, {x}), b.constant("wm", {8, 1, 1, 8}, r.reals(64, -1, 1))});
      const int sum = b.node("sum", octet::schema::AddT{}, {x, y});
      b.node("last", ConvT{}, {sum, b.constant("w", {3, 1, 1, 8}, r.reals(24, -1, 1))});
    }));
  }
}

TEST_CASE("bias correction: threads do not matter, nor does a piece that repeats") {
  const Net n = net(6, [](GraphBuilder& b, Random& r, int x) { b.node("last", ConvT{}, {x, b.constant("w", {3, 1, 1, 8}, r.reals(24, -1, 1))}); });
  const VectorSamples samples(100, {Random(4).reals(100 * n.size, -1, 1)});
  const auto ranges = must(octet::calibrate(n.model, samples, {}));
  QuantizeOptions options;
  const Graph one = must(octet::correct_biases(n.model, ranges, samples, options));
  options.threads = 3;
  const Graph three = must(octet::correct_biases(n.model, ranges, samples, options));
  REQUIRE(one.tensors.size() == three.tensors.size());
  for (std::size_t i = 0; i < one.tensors.size(); ++i) CHECK(std::ranges::equal(one.tensors[i].data.bytes(), three.tensors[i].data.bytes()));
}

TEST_CASE("bias correction: samples that are held out are not touched where there are others") {
  const Net n = net(7, [](GraphBuilder& b, Random& r, int x) { b.node("last", ConvT{}, {x, b.constant("w", {3, 1, 1, 8}, r.reals(24, -1, 1))}); });
  VectorSamples samples(1000, {Random(4).reals(1000 * n.size, -1, 1)});
  const auto ranges = must(octet::calibrate(n.model, samples, {}));
  std::mutex mutex;
  std::set<std::int64_t> read;
  samples.before_read = [&](std::int64_t first) {
    const std::scoped_lock lock(mutex);
    read.insert(first);
  };
  must(octet::correct_biases(n.model, ranges, samples, {}, [](std::int64_t first, std::int64_t) { return first < 500; }));
  CHECK(read.size() == 16);
  CHECK(*read.begin() >= 500);
  read.clear();
  must(octet::correct_biases(n.model, ranges, samples, {}, [](std::int64_t first, std::int64_t) { return first < 990; }));
  CHECK(*read.begin() < 500);
}

TEST_CASE("bias correction: one sample, a fixed batch, errors of the samples") {
  const Net n = net(8, [](GraphBuilder& b, Random& r, int x) { b.node("last", ConvT{}, {x, b.constant("w", {3, 1, 1, 8}, r.reals(24, -1, 1))}); });
  correct(n.model, VectorSamples(1, {Random(4).reals(n.size, -1, 1)}));
  VectorSamples failing(64, {Random(4).reals(64 * n.size, -1, 1)});
  const auto ranges = must(octet::calibrate(n.model, failing, {}));
  failing.before_read = [](std::int64_t) { throw std::bad_alloc(); };
  QuantizeOptions options;
  check_error(octet::quantize(n.model, failing, options), ErrorCode::run_failed, {"memory"});

  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 4}, {}, false);
  b.node("y", octet::schema::FullyConnectedT{}, {x, b.constant("w", {2, 4}, Random(1).reals(8, -1, 1))});
  correct(must(b.model()), VectorSamples(40, {Random(4).reals(160, -1, 1)}));
}

TEST_CASE("bias correction: products in float keep their bias, those around them are corrected") {
  const Net n = net(9, [](GraphBuilder& b, Random& r, int x) {
    const int y = b.node("middle", ConvT{}, {x, b.constant("wm", {8, 1, 1, 8}, r.reals(64, -1, 1)), b.constant("bm", {8}, r.reals(8, -1, 1))});
    b.node("last", ConvT{}, {y, b.constant("w", {3, 1, 1, 8}, r.reals(24, -1, 1))});
  });
  QuantizeOptions options;
  options.float_nodes = {"middle"};
  const auto values = Random(3).reals(static_cast<std::size_t>(kSamples) * n.size, -0.2F, 1.0F);
  const Corrected c = correct(n.model, VectorSamples(kSamples, {values}), options);
  for (const auto& node : c.real.nodes) {
    if (node.name != "middle") continue;
    const auto bias = c.real.tensors[static_cast<std::size_t>(node.inputs[2])].data.as<float>();
    for (const auto& before : n.model.impl().graph.tensors)
      if (before.name == "bm") CHECK(std::ranges::equal(before.data.as<float>(), bias));
  }
  const auto exact = output_means(n.model, values, n.size);
  const auto after = output_means(c.after, values, n.size);
  for (std::size_t i = 0; i < exact.size(); ++i) CHECK(std::abs(after[i] - exact[i]) <= 1.01 * half_steps(c.after)[i] + 1e-6);
}

TEST_CASE("bias correction: a channel whose accumulator is nearly full stays inside its bounds") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 64});
  std::vector<float> w(128, 1.0F);
  for (std::size_t i = 0; i < 64; ++i) w[i] = 1e-12F;  // and a bias that forces its scale up
  b.node("y", octet::schema::FullyConnectedT{}, {x, b.constant("w", {2, 64}, w), b.constant<float>("b", {2}, {3.0F, 1e4F})});
  const Model model = must(b.model());
  const Corrected c = correct(model, VectorSamples(kSamples, {Random(4).reals(64 * 64, 0, 1)}));  // make_model checks the bounds
  CHECK(run_one<float>(c.after, std::vector<float>(64, 0.5F))[0] == doctest::Approx(3.0).epsilon(0.01));
}

TEST_CASE("graph walk: what a sample takes at most is what lives at once") {
  GraphBuilder b;
  int x = b.input("x", Type::f32, {1, 1000});
  octet::schema::PointwiseT relu;
  relu.b = kInf;
  for (int i = 0; i < 20; ++i) x = b.node("n" + std::to_string(i), relu, {x});
  b.node("sum", octet::schema::AddT{}, {x, 1});  // the first one's result lives to the end
  const Model model = must(b.model());
  CHECK(octet::peak_tensor_bytes(model.impl().graph) == 12000);
}

}  // namespace
}  // namespace octet_test
