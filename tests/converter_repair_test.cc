// Equalization leaves the float function as it is; bias correction finds the errors that are there.
#include <algorithm>
#include <cmath>

#include "converter/bias_correction.h"
#include "converter/diagnose.h"
#include "converter/passes/passes.h"
#include "converter/quantize.h"
#include "tests/support/graph_builder.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

using namespace octet::schema;

ConvT conv(int pad = 0, int groups = 1, float lo = -kInf, float hi = kInf) {
  ConvT c;
  c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = pad;
  c.groups = groups;
  c.clamp_min = lo;
  c.clamp_max = hi;
  return c;
}

constexpr std::int64_t kChannels = 6;

/// 2^(c - 2): ranges 32 times apart.
float factor(std::int64_t channel) { return std::ldexp(1.0F, static_cast<int>(channel % kChannels) - 2); }

/// Ordinary weights [out, filter], output channel o then multiplied by factor(o)^rows and input channel i (the last axis, `depth`
/// long) by factor(i)^columns: what scaling channels up where they are written and down where they are read makes of a
/// balanced network.
std::vector<float> uneven(Random& random, std::int64_t out, std::int64_t filter, int rows, int columns = 0, std::int64_t depth = 1) {
  auto w = random.reals(static_cast<std::size_t>(out * filter), 0.25F, 0.5F);
  for (std::int64_t i = 0; i < out * filter; ++i) {
    float& v = w[static_cast<std::size_t>(i)];
    for (int k = 0; k < rows; ++k) v *= factor(i / filter);
    for (int k = 0; k > columns; --k) v /= factor(i % depth);
    if (random.integer(0, 1) == 0) v = -v;
  }
  return w;
}

/// An inverted residual on x [N,6,6,3]: conv, depthwise (both with ReLU, or ReLU6), projection, Add of the first projection's
/// output, pool, flatten, dense.
Model residual_net(float hi) {
  Random random(3);
  GraphBuilder b;
  const auto weights = [&](const char* name, Shape shape, int rows, int columns) {
    const std::int64_t filter = octet::element_count(shape) / shape[0];
    return b.constant(name, shape, uneven(random, shape[0], filter, rows, columns, shape[3]));
  };
  const auto bias = [&](const char* name) { return b.constant(name, {kChannels}, random.reals(kChannels, -0.2F, 0.2F)); };
  const int x = b.input("x", Type::f32, {1, 6, 6, 3});
  const int stem = b.node("stem", conv(), {x, weights("w0", {kChannels, 1, 1, 3}, 1, 0), bias("b0")});
  const int expand = b.node("expand", conv(0, 1, 0.0F, hi), {stem, weights("w1", {kChannels, 1, 1, kChannels}, 2, -1), bias("b1")});
  const int depthwise = b.node("depthwise", conv(1, kChannels, 0.0F, hi), {expand, weights("w2", {kChannels, 3, 3, 1}, 1, 0), bias("b2")});
  const int project = b.node("project", conv(), {depthwise, weights("w3", {kChannels, 1, 1, kChannels}, 1, -3)});
  const int sum = b.node("sum", AddT{}, {stem, project});
  MaxPoolT pool;
  pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
  const int pooled = b.node("pooled", pool, {sum});
  ReshapeT flat;
  flat.shape = {0, -1};
  const int row = b.node("row", flat, {pooled});
  b.node("y", FullyConnectedT{}, {row, b.constant("w4", {2, 9 * kChannels}, uneven(random, 2, 9 * kChannels, 0, -1, kChannels))});
  return must(b.model());
}

/// max / min over output channels of max|w|.
double spread(const Graph& g, const std::string& name) {
  for (const Tensor& t : g.tensors) {
    if (t.name != name) continue;
    const auto w = t.data.as<float>();
    const std::size_t filter = w.size() / static_cast<std::size_t>(t.shape[0]);
    double most = 0;
    double least = 1e30;
    for (std::size_t o = 0; o < w.size(); o += filter) {
      double channel = 0;
      for (std::size_t i = 0; i < filter; ++i) channel = std::max(channel, std::abs(static_cast<double>(w[o + i])));
      most = std::max(most, channel);
      least = std::min(least, channel);
    }
    return most / least;
  }
  FAIL("no tensor ", name);
  return 0;
}

std::vector<float> run_float(const Model& model, const std::vector<float>& x) { return run_one<float>(model, x); }

}  // namespace

TEST_CASE("equalization: through ReLU, depthwise, residual sums, pools and flattening the outputs stay exactly the same") {
  const Model model = residual_net(kInf);
  const Model equal = must(octet::equalized(model));
  CHECK(equal.impl().graph.provenance.repair == "equalize");
  for (const char* name : {"w0", "w1", "w2", "w3"}) {
    CHECK(spread(model.impl().graph, name) > 20);
    CHECK(spread(equal.impl().graph, name) < 8);
  }
  for (unsigned seed = 0; seed < 5; ++seed) {
    const auto x = Random(seed).reals(6 * 6 * 3, -2, 2);
    CHECK(run_float(equal, x) == run_float(model, x));
  }
}

TEST_CASE("equalization: channels clamped at 6 keep their scale, the function stays the same") {
  const Model model = residual_net(6.0F);
  Graph graph = model.impl().graph;
  static_cast<void>(must(octet::equalize(graph)));
  const Model equal = must(octet::make_model(graph));
  for (unsigned seed = 0; seed < 5; ++seed) {
    const auto x = Random(seed).reals(6 * 6 * 3, -4, 4);
    CHECK(run_float(equal, x) == run_float(model, x));
  }
}

TEST_CASE("equalization: outputs of the graph, dead channels and balanced graphs are left alone") {
  Random random(4);
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 4});
  auto w0 = uneven(random, kChannels, 4, 2);
  std::fill_n(w0.begin(), 4, 0.0F);  // channel 0 is dead
  const int h = b.node("h", FullyConnectedT{}, {x, b.constant("w0", {kChannels, 4}, w0)});
  const int y = b.node("y", FullyConnectedT{}, {h, b.constant("w1", {3, kChannels}, random.reals(3 * kChannels, -1, 1))});
  const Model both = must(b.model({h, y}));  // h is an output: nothing may move
  Graph graph = both.impl().graph;
  CHECK_FALSE(must(octet::equalize(graph)));
  graph = must(b.model({y})).impl().graph;
  CHECK(must(octet::equalize(graph)));
  CHECK(graph.tensors[1].data.as<float>()[0] == 0.0F);
  CHECK_FALSE(must(octet::equalize(graph)));  // balanced now
}

TEST_CASE("bias correction: the mean of every channel comes back, the samples' order of threads does not matter") {
  // Weights that all round the same way: 1.49 steps become 1.
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 8});
  std::vector<float> w(16, 1.49F / 127.0F);
  w[0] = w[8] = 1.0F;  // sets the scale
  const int h = b.node("h", FullyConnectedT{}, {x, b.constant("w", {2, 8}, w)});
  b.node("y", FullyConnectedT{}, {h, b.constant("v", {1, 2}, std::vector<float>{1.0F, 0.5F})});
  const Model model = must(b.model());
  const auto values = Random(5).reals(64 * 8, 0.5F, 1.0F);
  const VectorSamples samples(64, {values});
  octet::QuantizeOptions options;
  const auto ranges = must(octet::calibrate(model, samples, {}));
  const Graph corrected = must(octet::correct_biases(model, ranges, samples, options));
  // Seven weights lost 0.49 / 127 each, at inputs of 0.75 on average; what the input's own rounding adds is smaller.
  for (const auto& node : corrected.nodes) {
    if (node.name != "h") continue;
    REQUIRE(node.inputs.size() == 3);
    for (const float shift : corrected.tensors[static_cast<std::size_t>(node.inputs[2])].data.as<float>())
      CHECK(static_cast<double>(shift) == doctest::Approx(7 * 0.49 / 127 * 0.75).epsilon(0.1));
  }
  options.threads = 2;
  const Graph again = must(octet::correct_biases(model, ranges, samples, options));
  for (std::size_t i = 0; i < corrected.tensors.size(); ++i) CHECK(std::ranges::equal(corrected.tensors[i].data.bytes(), again.tensors[i].data.bytes()));
}

TEST_CASE("quantize(): channels clamped at 6 are equalized in int8 where it helps, reached or not") {
  for (const float size : {0.05F, 1.0F, 4.0F}) {  // of the input: how far channels reach into the clamp
    const Model model = residual_net(6.0F);
    const VectorSamples samples(40, {Random(6).reals(40 * 6 * 6 * 3, -size, size)});
    octet::QuantizeOptions options;
    options.calibrator = "minmax";
    options.equalize = options.correct_bias = false;
    const double without = must(octet::estimate_outputs(must(octet::quantize(model, samples, options)), model, samples, 1));
    options.equalize = true;
    const Model quantized = must(octet::quantize(model, samples, options));
    const double with = must(octet::estimate_outputs(quantized, model, samples, 1));
    CAPTURE(size);
    CAPTURE(quantized.impl().graph.provenance.repair);
    MESSAGE(without << " dB, equalized " << with << " dB");
    CHECK(with >= without);
    for (const auto& node : quantized.impl().graph.nodes) CHECK(node.float_reason.empty());
    const Model exact = must(octet::equalized_as(model, quantized.impl().graph.provenance));
    const auto x = Random(7).reals(6 * 6 * 3, -size, size);
    CHECK(run_float(exact, x) == run_float(model, x));
    const auto diagnosis = must(octet::diagnose(quantized, exact, samples, {}));
    CHECK(!diagnosis.layers.empty());
  }
}

TEST_CASE("auto, judged with all repairs done, is not behind minmax") {
  for (const float hi : {kInf, 6.0F}) {
    for (const unsigned seed : {6U, 7U, 8U, 9U}) {
      const Model model = residual_net(hi);
      const VectorSamples samples(40, {Random(seed).reals(40 * 6 * 6 * 3, -2, 2)});
      octet::QuantizeOptions options;
      std::vector<octet::CalibratorScore> scores;
      options.report_calibrators = [&](const auto& tried) { scores = tried; };
      options.calibrator = "auto";
      const Model best = must(octet::quantize(model, samples, options));
      const auto chosen = std::ranges::find(scores, true, &octet::CalibratorScore::chosen);
      REQUIRE(chosen != scores.end());
      CHECK(chosen->calibrator == best.impl().graph.provenance.calibrator);
      options.calibrator = "minmax";
      const Model plain = must(octet::quantize(model, samples, options));
      CHECK(must(octet::estimate_outputs(best, model, samples, 1)) >= must(octet::estimate_outputs(plain, model, samples, 1)));
    }
  }
}

TEST_CASE("quantize() reports the repairs that helped") {
  const Model model = residual_net(kInf);
  const VectorSamples samples(40, {Random(6).reals(40 * 6 * 6 * 3, -2, 2)});
  octet::QuantizeOptions options;
  options.equalize = options.correct_bias = false;
  CHECK(must(octet::quantize(model, samples, options)).impl().graph.provenance.repair.empty());
  options.equalize = true;
  CHECK(must(octet::quantize(model, samples, options)).impl().graph.provenance.repair == "equalize");
  options.correct_bias = true;
  const std::string all = must(octet::quantize(model, samples, options)).impl().graph.provenance.repair;
  CHECK((all == "equalize" || all == "equalize,bias"));
}

}  // namespace octet_test
