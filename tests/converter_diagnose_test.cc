// Diagnosis: the damage each layer does, its cause, and what would help.
#include "converter/diagnose.h"

#include <cmath>
#include <numeric>

#include "converter/diagnose/cause.h"
#include "converter/diagnose/fix.h"
#include "converter/quantize.h"
#include "tests/support/graph_builder.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

using octet::Diagnosis;
using octet::LayerDiagnosis;
using octet::QuantizeOptions;
using octet::schema::FullyConnectedT;

constexpr std::int64_t kSamples = 48;

QuantizeOptions options_of(const std::string& calibrator = "minmax") {
  QuantizeOptions options;
  options.calibrator = calibrator;
  options.equalize = options.correct_bias = false;
  return options;
}

/// x [in] -> dense "first" (ReLU) -> dense "second" [out].
struct TwoLayers {
  std::size_t in = 12, middle = 16, out = 5;
  std::vector<float> w1, b1, w2;
  float clamp_min = 0, clamp_max = kInf;

  explicit TwoLayers(unsigned seed) {
    Random random(seed);
    w1 = random.reals(in * middle, -1, 1);
    b1 = random.reals(middle, -0.5F, 0.5F);
    w2 = random.reals(middle * out, -1, 1);
  }
  [[nodiscard]] Model model() const {
    GraphBuilder b;
    FullyConnectedT relu;
    relu.clamp_min = clamp_min;
    relu.clamp_max = clamp_max;
    const auto size = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    const int first = b.node("first", relu, {b.input("x", Type::f32, {1, size(in)}), b.constant("w1", {size(middle), size(in)}, w1), b.constant("b1", {size(middle)}, b1)});
    b.node("second", FullyConnectedT{}, {first, b.constant("w2", {size(out), size(middle)}, w2)});
    return must(b.model());
  }
  /// Makes channel c of the first layer's output `factor` times larger, and what reads it the same smaller.
  void scale(std::size_t c, float factor) {
    for (std::size_t i = 0; i < in; ++i) w1[c * in + i] *= factor;
    b1[c] *= factor;
    for (std::size_t o = 0; o < out; ++o) w2[o * middle + c] /= factor;
  }
};

VectorSamples samples(std::size_t size, unsigned seed, float amplitude = 1) {
  return {kSamples, {Random(seed).reals(size * kSamples, -amplitude, amplitude)}};
}

Diagnosis diagnosis_of(const Model& quantized, const Model& real, const VectorSamples& data, int threads = 1) {
  octet::DiagnoseOptions options;
  options.threads = threads;
  return must(octet::diagnose(quantized, real, data, options));
}

const LayerDiagnosis& layer_named(const Model& quantized, const Diagnosis& d, const std::string& name) {
  for (const LayerDiagnosis& l : d.layers)
    if (quantized.impl().graph.nodes[l.node].name == name) return l;
  FAIL("no layer " << name);
  return d.layers[0];
}

/// The values after quantization with these parameters.
double rounded(double x, const Quantization& q) {
  const auto s = static_cast<double>(q.scale());
  return s * (std::min(std::max(std::nearbyint(x / s) + q.zero_point(), 0.0), 255.0) - q.zero_point());
}

TEST_CASE("damage is the outputs' SQNR with one layer quantized, worked out in double") {
  const TwoLayers net(1);
  const Model real = net.model();
  const auto data = samples(net.in, 2);
  const Model quantized = must(octet::quantize(real, data, options_of()));
  const auto& graph = quantized.impl().graph;
  const auto& first = graph.nodes[1];
  REQUIRE(first.name == "first");
  const auto tensor = [&](int i) -> const Tensor& { return graph.tensors[static_cast<std::size_t>(i)]; };
  const Tensor& w = tensor(first.inputs[1]);
  const Quantization& out = tensor(first.outputs[0]).quant;
  double signal = 0;
  double noise = 0;
  VectorSamples copy = data;
  for (std::size_t n = 0; n < kSamples; ++n) {
    const float* x = copy.values()[0].data() + n * net.in;
    std::vector<double> exact(net.out, 0.0);
    std::vector<double> changed(net.out, 0.0);
    for (std::size_t m = 0; m < net.middle; ++m) {
      double a = static_cast<double>(net.b1[m]);
      double b = static_cast<double>(tensor(first.inputs[0]).quant.scale()) * static_cast<double>(w.quant.scales[m]) * tensor(first.inputs[2]).data.as<std::int32_t>()[m];
      for (std::size_t i = 0; i < net.in; ++i) {
        a += static_cast<double>(x[i]) * static_cast<double>(net.w1[m * net.in + i]);
        b += static_cast<double>(x[i]) * static_cast<double>(w.quant.scales[m]) * w.data.as<std::int8_t>()[m * net.in + i];
      }
      for (std::size_t o = 0; o < net.out; ++o) {
        exact[o] += std::max(a, 0.0) * static_cast<double>(net.w2[o * net.middle + m]);
        changed[o] += rounded(std::max(b, 0.0), out) * static_cast<double>(net.w2[o * net.middle + m]);
      }
    }
    for (std::size_t o = 0; o < net.out; ++o) {
      signal += exact[o] * exact[o];
      noise += (exact[o] - changed[o]) * (exact[o] - changed[o]);
    }
  }
  const Diagnosis d = diagnosis_of(quantized, real, data);
  CHECK(d.samples == kSamples);
  CHECK(layer_named(quantized, d, "first").damage_db == doctest::Approx(10 * std::log10(signal / noise)).epsilon(0.002));
}

TEST_CASE("token ids and masks are inputs like any other") {
  constexpr std::int64_t kWords = 50, kLength = 6, kWidth = 8;
  Random random(5);
  GraphBuilder b;
  const int ids = b.input("ids", Type::s64, {1, kLength});
  const int mask = b.input("mask", Type::boolean, {1, kLength, 1});
  const int words = b.constant("words", {kWords, kWidth}, random.reals(kWords * kWidth, -1, 1));
  const int x = b.node("embedded", octet::schema::GatherT{}, {words, ids});
  const int w = b.constant("w", {4, kWidth}, random.reals(4 * kWidth, -1, 1));
  const int y = b.node("dense", FullyConnectedT{}, {x, w});
  const int kept = b.node("kept", octet::schema::CastT{}, {mask});
  b.node("y", octet::schema::MulT{}, {y, kept});
  const Model model = must(b.model());
  std::vector<float> tokens, marks;
  for (std::int64_t i = 0; i < kSamples * kLength; ++i) {
    tokens.push_back(static_cast<float>(random.integer(0, kWords - 1)));
    marks.push_back(static_cast<float>(random.integer(0, 1)));
  }
  const VectorSamples samples(kSamples, {tokens, marks});
  const Model quantized = must(octet::quantize(model, samples, options_of()));
  const Diagnosis diagnosis = must(octet::diagnose(quantized, model, samples, {}));
  CHECK(diagnosis.samples == kSamples);
  CHECK(diagnosis.layers.size() >= 2);
  CHECK(must(octet::estimate_outputs(quantized, model, samples, 1)) > 30);
}

TEST_CASE("worst first, shares that add up to the whole, the same on any number of threads") {
  const TwoLayers net(3);
  const Model real = net.model();
  const auto data = samples(net.in, 4);
  const Model quantized = must(octet::quantize(real, data, options_of()));
  const Diagnosis d = diagnosis_of(quantized, real, data);
  REQUIRE(d.layers.size() == 3);  // the input, too
  double sum = 0;
  for (std::size_t i = 0; i < d.layers.size(); ++i) {
    sum += d.layers[i].share;
    if (i > 0) CHECK(d.layers[i].damage_db >= d.layers[i - 1].damage_db);
    CHECK(d.layers[i].damage_db < 70);
    CHECK(d.layers[i].fix.empty());  // 8 bits are enough for this one
  }
  CHECK(sum == doctest::Approx(1));
  // Errors of layers are nearly independent: their powers add up to that of the whole model's.
  const double together = d.layers[0].damage_db + 10 * std::log10(d.layers[0].share);
  const auto whole = must(octet::estimate_outputs(quantized, real, data, 1));
  CHECK(std::abs(whole - together) < 3);
  const Diagnosis again = diagnosis_of(quantized, real, data, 3);
  for (std::size_t i = 0; i < d.layers.size(); ++i) {
    CHECK(again.layers[i].node == d.layers[i].node);
    CHECK(again.layers[i].damage_db == d.layers[i].damage_db);
    CHECK(again.layers[i].detail == d.layers[i].detail);
  }
}

TEST_CASE("the estimate is that of running the model, raw bytes and all") {
  const TwoLayers net(5);
  const Model real = net.model();
  QuantizeOptions options = options_of();
  options.normalization = std::make_shared<const octet::Normalization>(octet::Normalization{1.0F / 255, {0.4F}, {0.25F}});
  const auto bytes = Random(6).integers<std::uint8_t>(net.in * kSamples, 0, 255);
  std::vector<float> values;
  for (const std::uint8_t b : bytes) values.push_back((static_cast<float>(b) / 255 - 0.4F) / 0.25F);
  const VectorSamples data(kSamples, {values});
  const Model quantized = must(octet::quantize(real, data, options));
  REQUIRE(quantized.inputs()[0].type == Type::u8);
  auto whole = must(quantized.session({.batch = kSamples}));
  auto exact = must(real.session({.batch = kSamples}));
  std::vector<float> y(net.out * kSamples);
  std::vector<float> r(y.size());
  must(whole.run({bytes}, {y}));
  must(exact.run({values}, {r}));
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    signal += static_cast<double>(r[i]) * static_cast<double>(r[i]);
    noise += static_cast<double>(r[i] - y[i]) * static_cast<double>(r[i] - y[i]);
  }
  CHECK(must(octet::estimate_outputs(quantized, real, data, 1)) == doctest::Approx(10 * std::log10(signal / noise)).epsilon(0.01));
  CHECK(diagnosis_of(quantized, real, data).layers.size() == 3);
}

/// The worst layer of a model quantized on `calibration` and diagnosed on `data`.
struct Found {
  LayerDiagnosis worst;
  std::string name;
};
Found worst_of(const Model& real, const VectorSamples& calibration, const VectorSamples& data, const QuantizeOptions& options) {
  const Model quantized = must(octet::quantize(real, calibration, options));
  const Diagnosis d = diagnosis_of(quantized, real, data);
  REQUIRE_FALSE(d.layers.empty());
  return {d.layers[0], quantized.impl().graph.nodes[d.layers[0].node].name};
}

TEST_CASE("cause: clipping, of values calibration has not seen") {
  const TwoLayers net(7);
  const auto found = worst_of(net.model(), samples(net.in, 8, 0.1F), samples(net.in, 9), options_of());
  CHECK(found.worst.cause == "clipping");
  CHECK(found.worst.detail.find("% of the values lie outside [") != std::string::npos);
  CHECK(found.worst.fix == "--samples N");
  CHECK(found.worst.fixed_db > found.worst.damage_db + 10);
}

TEST_CASE("cause: a range far wider than the bulk, which another strategy cuts") {
  TwoLayers net(10);
  std::ranges::fill(net.b1, 0.0F);  // or they would hide what small inputs do
  VectorSamples data = samples(net.in, 11, 0.012F);
  std::fill_n(data.values()[0].begin() + 5 * static_cast<std::ptrdiff_t>(net.in), 1, 2.5F);  // one value of one sample
  const auto found = worst_of(net.model(), data, samples(net.in, 12, 0.012F), options_of());
  CHECK(found.worst.cause == "wide range");
  CHECK(found.worst.fix == "--samples N");  // these samples do not have it

  // Where the data does have it, it is the strategy's.
  const auto kept = worst_of(net.model(), data, data, options_of());
  CHECK(kept.worst.fixed_db >= kept.worst.damage_db);
}

TEST_CASE("cause: one outlier channel") {
  TwoLayers net(13);
  net.scale(3, 400);
  const auto found = worst_of(net.model(), samples(net.in, 14), samples(net.in, 15), options_of());
  CHECK(found.name == "first");
  CHECK(found.worst.cause == "outlier channel");
  CHECK(found.worst.detail.find("channel 3 of 16") != std::string::npos);
  CHECK(found.worst.fix == "--repair equalize");
  CHECK(found.worst.fixed_db > found.worst.damage_db + 10);

  net.clamp_max = 1e6F;  // takes a bound for each channel
  const auto bounded = worst_of(net.model(), samples(net.in, 14), samples(net.in, 15), options_of());
  CHECK(bounded.worst.fix == "--repair equalize");
  CHECK(bounded.worst.fixed_db > found.worst.damage_db + 10);

  net.clamp_min = -1e6F;  // bounds on both sides: its channels may not be scaled
  const auto bound = worst_of(net.model(), samples(net.in, 14), samples(net.in, 15), options_of());
  CHECK(bound.worst.cause == "outlier channel");
  CHECK(bound.worst.fix == "--float first");
  CHECK(bound.worst.fixed_db == 200);
}

TEST_CASE("cause: an unbalanced pair") {
  TwoLayers net(16);
  for (std::size_t c = 0; c < net.middle; c += 2) net.scale(c, 30);
  const auto data = samples(net.in, 17);
  const auto found = worst_of(net.model(), data, data, options_of());
  CHECK(found.name == "first");
  CHECK(found.worst.cause == "unbalanced pair");
  CHECK(found.worst.detail.find("'second' after it") != std::string::npos);
}

TEST_CASE("fix: equalization, where it was not done") {
  TwoLayers net(16);
  for (std::size_t c = 0; c < net.middle; c += 2) net.scale(c, 64);
  const auto data = samples(net.in, 17);
  const Model real = net.model();
  for (const bool bias : {false, true}) {
    QuantizeOptions options = options_of();
    options.correct_bias = bias;
    const Model quantized = must(octet::quantize(real, data, options));
    const auto worst = diagnosis_of(quantized, real, data).layers[0];
    CHECK(worst.fix == (quantized.impl().graph.provenance.repair.empty() ? "--repair equalize" : "--repair all"));
    CHECK(worst.fixed_db > worst.damage_db + 10);
  }
  QuantizeOptions options = options_of();
  options.equalize = true;
  const Model repaired = must(octet::quantize(real, data, options));
  const Diagnosis d = diagnosis_of(repaired, must(octet::equalized(real)), data);
  CHECK(d.layers[0].damage_db > 40);
  CHECK(d.layers[0].fix.empty());
}

TEST_CASE("fix: the best of all options, even where more data would help") {
  TwoLayers net(16);
  for (std::size_t c = 0; c < net.middle; c += 2) net.scale(c, 64);
  const Model real = net.model();
  const Model quantized = must(octet::quantize(real, samples(net.in, 17, 0.6F), options_of()));
  const auto data = samples(net.in, 18);
  const Diagnosis d = diagnosis_of(quantized, real, data);
  const LayerDiagnosis& first = layer_named(quantized, d, "first");
  CHECK(first.cause == "clipping");
  CHECK(first.fix == "--repair equalize");
  CHECK(first.fixed_db > 35);
}

TEST_CASE("fix: the input, whose only reader may take real values") {
  TwoLayers net(13);
  auto data = samples(net.in, 14, 0.01F);
  for (std::size_t n = 0; n < kSamples; ++n) data.values()[0][n * net.in] *= 10000;  // as seconds beside fractions: one column of the input
  for (std::size_t m = 0; m < net.middle; ++m) net.w1[m * net.in] /= 1e6F;
  const Model real = net.model();
  const Model quantized = must(octet::quantize(real, data, options_of()));
  const auto layers = octet::quantized_layers(quantized.impl().graph, real.impl().graph);
  REQUIRE(layers[0].node == octet::kAbsent);
  const auto recording = must(octet::Recording::make(real, data, 64, 10));
  const std::vector<octet::Statistics> statistics = must(octet::observe(real, data, {.histograms = true, .rows = true, .threads = 1, .progress = {}}));
  Graph named = quantized.impl().graph;
  named.source_nodes = {{"gemm", "Gemm"}};
  named.nodes[1].sources = {0};
  const double before = must(octet::damage(recording, layers[0], layers[0].form));
  const auto fix = must(octet::find_fix({recording, named, statistics}, layers[0], before));
  CHECK(fix.option == "--float gemm");
  CHECK(fix.damage == 0);
  named.nodes[1].sources.clear();
  CHECK(must(octet::find_fix({recording, named, statistics}, layers[0], before)).option.empty());
}

TEST_CASE("cause: channels that int8 cannot tell from 0") {
  TwoLayers net(19);
  for (std::size_t c = 0; c < net.middle; c += 2) net.scale(c, 3000);
  const auto data = samples(net.in, 20);
  const Model real = net.model();
  const Model quantized = must(octet::quantize(real, data, options_of()));
  const Diagnosis d = diagnosis_of(quantized, real, data);
  const LayerDiagnosis& first = layer_named(quantized, d, "first");
  CHECK(first.cause == "dead channels");
  CHECK(first.detail.find("8 of 16 channels never reach one step") != std::string::npos);
  // Seen from the other side, the same weights cannot hold both.
  CHECK(layer_named(quantized, d, "second").cause == "unbalanced pair");
  CHECK(layer_named(quantized, d, "second").detail.find("'first' before it") != std::string::npos);
}

TEST_CASE("cause: one scale for channels of unlike weights, which scales per channel heal") {
  TwoLayers net(22);
  for (std::size_t i = 0; i < net.middle; ++i) net.w2[2 * net.middle + i] *= 300;
  QuantizeOptions options = options_of();
  options.per_channel_weights = false;
  const Model real = net.model();
  const auto data = samples(net.in, 23);
  const Model quantized = must(octet::quantize(real, data, options));
  // The output that is 300 times larger hides what becomes of the others, so the layer is asked itself.
  const auto layers = octet::quantized_layers(quantized.impl().graph, real.impl().graph);
  const auto recording = must(octet::Recording::make(real, data, 64, 10));
  const octet::QuantizedLayer& last = layers.back();
  const auto cause = must(octet::find_cause(recording, last, must(octet::damage(recording, last, last.form)), quantized.impl().graph));
  CHECK(cause.name == "unbalanced weights");
  CHECK(cause.detail.find("channel 2") != std::string::npos);
  CHECK(cause.error.weights > 0);
  CHECK(cause.error.rounding == 0);  // its output stays f32
  const std::vector<octet::Statistics> none(real.impl().graph.tensors.size());
  const auto fix = must(octet::find_fix({recording, quantized.impl().graph, none}, last, must(octet::damage(recording, last, last.form))));
  CHECK(!fix.option.empty());
}

TEST_CASE("layers: those that move bytes, and those in float, are none") {
  GraphBuilder b;
  Random random(30);
  octet::schema::ConvT conv;
  const int x = b.input("x", Type::f32, {1, 4, 4, 2});
  const int c = b.node("conv", conv, {x, b.constant("w", {3, 1, 1, 2}, random.reals(6, -1, 1))});
  octet::schema::MaxPoolT pool;
  pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
  const int p = b.node("pool", pool, {c});
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int f = b.node("flat", flat, {p});
  b.node("dense", FullyConnectedT{}, {f, b.constant("v", {4, 12}, random.reals(48, -1, 1))});
  const Model real = must(b.model());
  const VectorSamples data(kSamples, {random.reals(32 * kSamples, -1, 1)});
  const auto names = [&](const Model& model) {
    std::vector<std::string> result;
    for (const auto& l : octet::quantized_layers(model.impl().graph, real.impl().graph)) result.push_back(model.impl().graph.nodes[l.quantized_node].name);
    return result;
  };
  QuantizeOptions options = options_of();
  CHECK(names(must(octet::quantize(real, data, options))) == std::vector<std::string>{"x_quantized", "conv", "dense"});
  options.float_nodes = {"dense"};
  CHECK(names(must(octet::quantize(real, data, options))) == std::vector<std::string>{"x_quantized", "conv"});
  CHECK(names(must(octet::quantize_dynamic(real, {}))) == std::vector<std::string>{"conv", "dense"});
  CHECK(names(real).empty());

  const Model dynamic = must(octet::quantize_dynamic(real, {}));
  const Diagnosis d = diagnosis_of(dynamic, real, data);
  REQUIRE(d.layers.size() == 2);
  for (const LayerDiagnosis& l : d.layers) {
    CHECK(l.damage_db > 25);
    CHECK(l.damage_db < 80);
    CHECK(l.detail.find("weights and input") != std::string::npos);
  }
  CHECK(diagnosis_of(real, real, data).layers.empty());
}

TEST_CASE("models that have nothing to do with each other give a result or an error") {
  const TwoLayers a(40);
  TwoLayers b(41);
  b.middle = 7;
  b.w1.resize(b.in * 7), b.b1.resize(7), b.w2.resize(7 * b.out);
  const auto data = samples(a.in, 42);
  const Model quantized = must(octet::quantize(a.model(), data, options_of()));
  const Diagnosis d = diagnosis_of(quantized, b.model(), data);
  for (const LayerDiagnosis& l : d.layers) CHECK(std::isfinite(l.damage_db));

  GraphBuilder bytes;
  bytes.node("y", octet::schema::ReshapeT{{}, {1, 4}}, {bytes.input("x", Type::s64, {1, 2, 2}, {}, false)}, Type::s64);
  const Model integers = must(bytes.model());
  const VectorSamples whole(2, {{1, 2, 3, 4, 5, 6, 7, 8}});
  CHECK(diagnosis_of(integers, integers, whole).layers.empty());
}

}  // namespace
}  // namespace octet_test
