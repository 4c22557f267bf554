// Calibration and quantization of whole models.
#include "converter/channel_axis.h"
#include "converter/quantize.h"

#include <xmmintrin.h>

#include <cmath>
#include <new>

#include "tests/support/graph_builder.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

using octet::QuantizeOptions;
using octet::schema::Operator;

struct FloatNet {
  Model model;
  std::int64_t size;  ///< of one sample
};

/// conv1 (ReLU) -> pool -> conv2 -> sigmoid -> flat -> dense.
FloatNet chain() {
  GraphBuilder b;
  Random random(1);
  octet::schema::ConvT conv;
  conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = 1;
  const int x = b.input("x", Type::f32, {1, 6, 6, 2});
  octet::schema::ConvT relu = conv;
  relu.clamp_min = 0.0F;
  const int w1 = b.constant("w1", {5, 3, 3, 2}, random.reals(90, -1, 1));
  const int c1 = b.node("conv1", relu, {x, w1, b.constant("b1", {5}, random.reals(5, -1, 1))});
  octet::schema::MaxPoolT pool;
  pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
  const int p = b.node("pool", pool, {c1});
  const int c2 = b.node("conv2", conv, {p, b.constant("w2", {4, 3, 3, 5}, random.reals(180, -1, 1))});
  octet::schema::PointwiseT sigmoid;
  sigmoid.function = octet::schema::Function::Sigmoid;
  const int s = b.node("sigmoid", sigmoid, {c2});
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int r = b.node("flat", flat, {s});
  b.node("dense", octet::schema::FullyConnectedT{}, {r, b.constant("w3", {3, 36}, random.reals(108, -1, 1))});
  return {must(b.model()), 72};
}

VectorSamples samples_for(const FloatNet& net, std::int64_t count, unsigned seed = 9) {
  return {count, {Random(seed).reals(static_cast<std::size_t>(count * net.size), -1, 1)}};
}

/// For what looks at the ranges themselves.
QuantizeOptions minmax() {
  QuantizeOptions options;
  options.calibrator = "minmax";
  return options;
}

std::vector<Operator> operators(const Model& model) {
  std::vector<Operator> ops;
  for (const auto& node : model.impl().graph.nodes) ops.push_back(node.op());
  return ops;
}

const octet::Node& node_named(const Model& model, const std::string& name) {
  for (const auto& node : model.impl().graph.nodes)
    if (node.name == name) return node;
  FAIL("no node " << name);
  return model.impl().graph.nodes[0];
}

const Tensor& output_of(const Model& model, const std::string& node) {
  return model.impl().graph.tensors[static_cast<std::size_t>(node_named(model, node).outputs[0])];
}

TEST_CASE("every node gets its int8 form; only the ends of the model are f32") {
  const FloatNet net = chain();
  const auto model = must(octet::quantize(net.model, samples_for(net, 40), {}));
  CHECK(operators(model) == std::vector<Operator>{Operator::Quantize, Operator::Conv, Operator::MaxPool, Operator::Conv,
                                                  Operator::Lookup, Operator::Reshape, Operator::FullyConnected});
  CHECK(model.inputs()[0].name == "x");
  CHECK(model.inputs()[0].type == Type::f32);
  CHECK(model.outputs()[0].name == "dense");
  CHECK(model.outputs()[0].type == Type::f32);  // straight from the accumulators
  CHECK(output_of(model, "pool").quant == output_of(model, "conv1").quant);
  CHECK(output_of(model, "flat").quant == output_of(model, "sigmoid").quant);
  CHECK(output_of(model, "conv1").quant.zero_point() == 0);
  CHECK(output_of(model, "sigmoid").quant.zero_point() == 0);
  for (const auto& node : model.impl().graph.nodes) CHECK(node.float_reason.empty());
}

TEST_CASE("the quantized model computes what the float model does") {
  const FloatNet net = chain();
  for (const bool per_channel : {true, false}) {
    for (const bool symmetric_too : {false, true}) {
      QuantizeOptions options;
      options.per_channel_weights = per_channel;
      options.symmetric_activations = symmetric_too;
      const auto model = must(octet::quantize(net.model, samples_for(net, 64), options));
      double signal = 0;
      double noise = 0;
      for (unsigned seed = 0; seed < 20; ++seed) {
        const auto x = Random(100 + seed).reals(72, -1, 1);
        const auto exact = run_one<float>(net.model, x);
        const auto y = run_one<float>(model, x);
        for (std::size_t i = 0; i < y.size(); ++i) {
          signal += static_cast<double>(exact[i]) * static_cast<double>(exact[i]);
          noise += std::pow(static_cast<double>(exact[i]) - static_cast<double>(y[i]), 2);
        }
      }
      CHECK(10 * std::log10(signal / noise) > 30);
    }
  }
}

TEST_CASE("scales are those of the smallest and largest values seen") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 2});
  b.node("sum", octet::schema::AddT{}, {x, x});
  // 33 samples: the extremes are in the last one, in a chunk of its own.
  std::vector<float> values(66, 0.5F);
  values[64] = -1.0F;
  values[65] = 4.1F;
  const auto model = must(octet::quantize(must(b.model()), VectorSamples(33, {values}), minmax()));
  CHECK(output_of(model, "x_quantized").quant.scale() == static_cast<float>((static_cast<double>(4.1F) + 1.0) / 255));
  CHECK(output_of(model, "x_quantized").quant.zero_point() == 50);
  const Tensor& sum = output_of(model, "sum");
  CHECK(sum.quant.scale() == static_cast<float>((static_cast<double>(8.2F) + 2.0) / 255));
}

TEST_CASE("nodes kept in float get quantize and dequantize steps around them, and nothing else does") {
  const FloatNet net = chain();
  QuantizeOptions options;
  options.float_nodes = {"conv2"};
  const auto samples = samples_for(net, 32);
  const auto model = must(octet::quantize(net.model, samples, options));
  CHECK(operators(model) == std::vector<Operator>{Operator::Quantize, Operator::Conv, Operator::MaxPool,
                                                  Operator::Dequantize, Operator::Conv, Operator::Quantize,
                                                  Operator::Lookup, Operator::Reshape, Operator::FullyConnected});
  CHECK(node_named(model, "conv2").float_reason.find("request") != std::string::npos);
  CHECK(output_of(model, "conv2").type == Type::f32);
  const auto x = Random(7).reals(72, -1, 1);
  const auto exact = run_one<float>(net.model, x);
  const auto y = run_one<float>(model, x);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(exact[i]).epsilon(0.1));

  options.float_nodes = {"conv1", "pool", "conv2", "sigmoid", "flat", "dense"};
  const auto all = must(octet::quantize(net.model, samples, options));
  CHECK(operators(all) == operators(net.model));
  CHECK(run_one<float>(all, x) == exact);
}

TEST_CASE("a function of one value is a table of 256 results, each the nearest step") {
  using octet::schema::Function;
  for (int f = 0; f <= static_cast<int>(Function::MAX); ++f) {
    GraphBuilder b;
    octet::schema::PointwiseT t;
    t.function = static_cast<Function>(f);
    t.a = 0.5F, t.b = 1.5F;
    if (t.function == Function::Clip) t.a = -1;
    INFO(octet::schema::EnumNameFunction(t.function));
    b.node("y", t, {b.input("x", Type::f32, {1, 256})});
    const auto net = must(b.model());
    const bool positive = t.function == Function::Log || t.function == Function::Sqrt || t.function == Function::Power ||
                          t.function == Function::Reciprocal;
    const bool unit = t.function == Function::Asin || t.function == Function::Acos || t.function == Function::Atanh;  // defined between -1 and 1
    const bool spreads = positive || t.function == Function::Exp || t.function == Function::Tan || t.function == Function::Sinh ||
                         t.function == Function::Cosh || t.function == Function::Acosh || t.function == Function::Atanh;
    const int first = t.function == Function::Acosh ? 32 : positive ? 1 : unit ? -128 : -100;
    std::vector<float> x(256);
    for (int i = 0; i < 256; ++i) x[static_cast<std::size_t>(i)] = static_cast<float>(i + first) * (unit ? 0.0075F : 0.03125F);
    const auto model = must(octet::quantize(net, VectorSamples(1, {x}), minmax()));
    if (spreads) {
      CHECK(operators(model) == std::vector<Operator>{Operator::Pointwise});
      CHECK(node_named(model, "y").float_reason.find("spread") != std::string::npos);
      continue;
    }
    REQUIRE(operators(model) == std::vector<Operator>{Operator::Quantize, Operator::Lookup, Operator::Dequantize});
    const float step = output_of(model, "y").quant.scale();
    const auto exact = run_one<float>(net, x);
    const auto y = run_one<float>(model, x);
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(std::abs(y[i] - exact[i]) <= 0.501F * step);
  }
}

TEST_CASE("a PRelu is a table for each slope; slopes along two axes stay in float") {
  using octet::schema::BinaryFunction;
  const auto net = [](const Shape& slopes, const std::vector<float>& values) {
    GraphBuilder b;
    octet::schema::BinaryT prelu;
    prelu.function = BinaryFunction::PRelu;
    const int x = b.input("x", Type::f32, {1, 4, 3});
    b.node("y", prelu, {x, b.constant("slopes", slopes, values)});
    return must(b.model());
  };
  const std::vector<float> x = {-1, -2, -3, 1, 2, 3, -0.5F, 0, 4, -4, -4, -4};
  for (const auto& [shape, values, axis] :
       {std::tuple{Shape{3}, std::vector<float>{0.5F, 0.25F, -0.125F}, 2}, std::tuple{Shape{4, 1}, std::vector<float>{0.5F, 1, 2, 0.1F}, 1},
        std::tuple{Shape{1, 1}, std::vector<float>{0.25F}, -1}}) {
    const auto model = must(octet::quantize(net(shape, values), VectorSamples(1, {x}), {}));
    CHECK(operators(model) == std::vector<Operator>{Operator::Quantize, Operator::Lookup, Operator::Dequantize});
    CHECK(node_named(model, "y").as<octet::schema::LookupT>().axis == axis);
    const auto y = run_one<float>(model, x);
    const auto exact = run_one<float>(net(shape, values), x);
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - exact[i]) <= 0.05F);
  }
  const auto kept = must(octet::quantize(net({4, 3}, std::vector<float>(12, 0.5F)), VectorSamples(1, {x}), {}));
  CHECK(node_named(kept, "y").float_reason.find("along one axis") != std::string::npos);
}

TEST_CASE("a difference has an int8 form, a quotient has none") {
  GraphBuilder b;
  octet::schema::BinaryT div;
  div.function = octet::schema::BinaryFunction::Div;
  const int x = b.input("x", Type::f32, {1, 2});
  const int z = b.input("z", Type::f32, {1, 2});
  const int d = b.node("difference", octet::schema::SubT{}, {x, z});
  b.node("quotient", div, {d, z});
  const auto model = must(octet::quantize(must(b.model()), VectorSamples(2, {{1, 2, 3, 4}, {2, 1, 5, 3}}), {}));
  CHECK(output_of(model, "difference").type == Type::u8);
  CHECK(node_named(model, "quotient").float_reason == "Div has no int8 form");
}

TEST_CASE("a softmax along another axis than the last stays in float and says why") {
  GraphBuilder b;
  octet::schema::SoftmaxT softmax;
  softmax.axis = 1;
  const int x = b.input("x", Type::f32, {1, 3, 2});
  b.node("shares", softmax, {b.node("sum", octet::schema::AddT{}, {x, x})});
  const auto model = must(octet::quantize(must(b.model()), VectorSamples(2, {Random(1).reals(12, -1, 1)}), {}));
  CHECK(node_named(model, "shares").float_reason.find("last axis") != std::string::npos);
}

TEST_CASE("the bytes do not depend on threads, on the run, or on the caller's rounding") {
  const FloatNet net = chain();
  const auto samples = samples_for(net, 200);
  const auto bytes = [&](int threads) {
    QuantizeOptions options;
    options.threads = threads;
    return must(octet::serialize(must(octet::quantize(net.model, samples, options))));
  };
  const auto once = bytes(1);
  CHECK(bytes(1) == once);
  CHECK(bytes(2) == once);
  CHECK(bytes(7) == once);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(0x1F80 | 0x4000 | 0x8040);  // round up, flush to zero
  const auto hostile = bytes(2);
  _mm_setcsr(before);
  CHECK(hostile == once);
}

TEST_CASE("a NaN or infinity in the data is an invalid_file error naming the tensor, the first one in order") {
  const FloatNet net = chain();
  for (const int threads : {1, 2}) {
    QuantizeOptions options;
    options.threads = threads;
    auto samples = samples_for(net, 200);
    samples.values()[0][150 * 72 + 3] = kInf;
    check_invalid(octet::quantize(net.model, samples, options), {"tensor 'x'", "samples 128 to 159"});
    samples.values()[0][40 * 72] = std::nanf("");
    check_invalid(octet::quantize(net.model, samples, options), {"tensor 'x'", "samples 32 to 63"});
  }
  // Finite data that overflows inside.
  auto samples = samples_for(net, 2);
  for (float& v : samples.values()[0]) v = 3e38F;
  check_invalid(octet::quantize(net.model, samples, {}), {"tensor '"});
}

TEST_CASE("weights that are not finite are refused") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 2});
  octet::schema::FullyConnectedT clamped;
  clamped.clamp_max = 1.0F;
  const int y = b.node("y", clamped, {x, b.constant<float>("w", {1, 2}, {kInf, 1.0F})});
  const auto model = must(b.model({y}));
  check_invalid(octet::quantize(model, VectorSamples(1, {{1.0F, 1.0F}}), {}), {"'y'"});
}

TEST_CASE("options that make no sense are invalid_argument errors") {
  const FloatNet net = chain();
  const auto samples = samples_for(net, 2);
  check_error(octet::quantize(net.model, VectorSamples(0, {{}}), {}), ErrorCode::invalid_argument, {"sample"});
  QuantizeOptions options;
  options.calibrator = "magic";
  check_error(octet::quantize(net.model, samples, options), ErrorCode::invalid_argument, {"magic"});
  const auto with = [&](octet::Normalization n) {
    QuantizeOptions o;
    o.normalization = std::make_shared<const octet::Normalization>(std::move(n));
    return octet::quantize(net.model, samples, o);
  };
  check_error(with({1.0F, {0, 0, 0}, {1, 1, 1}}), ErrorCode::invalid_argument, {"3 means", "'x'"});
  check_error(with({1.0F, {0, 0}, {1}}), ErrorCode::invalid_argument, {"standard deviation"});
  check_error(with({1.0F, {}, {}}), ErrorCode::invalid_argument, {"mean"});
  check_error(with({1.0F, {0}, {0}}), ErrorCode::invalid_argument, {"standard deviation"});
  check_error(with({std::nanf(""), {0}, {1}}), ErrorCode::invalid_argument, {"NaN"});
}

TEST_CASE("means of channels go along axis 1 or, where that has another size, the last") {
  CHECK(octet::channel_axis({1, 3, 8, 8}, 3) == 1U);
  CHECK(octet::channel_axis({1, 8, 8, 3}, 3) == 3U);
  CHECK(octet::channel_axis({1, 3, 3, 3}, 3) == 1U);
  CHECK(octet::channel_axis({1, 3}, 3) == 1U);
  CHECK_FALSE(octet::channel_axis({1, 8, 3, 8}, 3).has_value());
  CHECK_FALSE(octet::channel_axis({3}, 3).has_value());
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 2, 2, 3});
  b.node("y", octet::schema::FullyConnectedT{}, {x, b.constant<float>("w", {1, 3}, {1, 2, 4})});
  const auto model = must(b.model());
  QuantizeOptions options;
  options.calibrator = "minmax";
  options.normalization = std::make_shared<const octet::Normalization>(octet::Normalization{0.5F, {1, 2, 3}, {1, 2, 4}});
  std::vector<std::uint8_t> bytes(12);
  std::vector<float> real(12), expected(4);
  for (std::size_t i = 0; i < 12; ++i) {
    bytes[i] = static_cast<std::uint8_t>(20 * i);
    real[i] = (static_cast<float>(bytes[i]) * 0.5F - options.normalization->mean[i % 3]) / options.normalization->std[i % 3];
    expected[i / 3] += real[i] * std::exp2(static_cast<float>(i % 3));
  }
  const auto y = run_one<float>(must(octet::quantize(model, VectorSamples(1, {real}), options)), bytes);
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(y[i] - expected[i]) < 3);  // of up to 300
}

TEST_CASE("a model that is quantized already is refused") {
  GraphBuilder b;
  b.node("y", octet::schema::DequantizeT{}, {b.input("x", Type::u8, {1, 2}, affine(0.1F, 3))});
  const auto model = must(b.model());
  check_error(octet::quantize(model, VectorSamples(1, {{0.0F, 1.0F}}), {}), ErrorCode::unsupported, {"'x'", "u8"});
}

TEST_CASE("token ids stay what they are, tables of them become u8") {
  GraphBuilder b;
  Random random(4);
  const int ids = b.input("ids", Type::s64, {1, 3});
  octet::schema::GatherT gather;
  const int words = b.node("words", gather, {b.constant("table", {7, 4}, random.reals(28, -1, 1)), ids});
  octet::schema::SliceT first;
  first.starts = {0, 0, 0}, first.steps = {1, 1, 1}, first.sizes = {0, 1, 0};
  const int word = b.node("word", first, {words});
  octet::schema::ReshapeT flat;
  flat.shape = {0, 4};
  const int dense = b.node("dense", octet::schema::FullyConnectedT{}, {b.node("flat", flat, {word}), b.constant("w", {5, 4}, random.reals(20, -1, 1))});
  octet::schema::ReshapeT same;
  same.shape = {0, 0};
  const int out = b.node("same", same, {ids}, Type::s64);
  const Model real = must(b.model({dense, out}));
  const VectorSamples samples(2, {{0, 1, 2, 6, 5, -1}});
  const auto model = must(octet::quantize(real, samples, {}));
  CHECK(operators(model) == std::vector<Operator>{Operator::Gather, Operator::Slice, Operator::Reshape, Operator::FullyConnected, Operator::Reshape});
  CHECK(model.inputs()[0].type == Type::s64);
  CHECK(model.outputs()[1].type == Type::s64);
  for (const auto& node : model.impl().graph.nodes) CHECK(node.float_reason.empty());
  auto session = must(model.session());
  auto exact = must(real.session());
  std::vector<float> y(5), expected(5);
  std::vector<std::int64_t> z(3);
  const std::vector<std::int64_t> x = {6, 0, -2};
  must(session.run({x}, {y, z}));
  must(exact.run({x}, {expected, z}));
  CHECK(z == x);
  for (std::size_t i = 0; i < 5; ++i) CHECK(y[i] == doctest::Approx(expected[i]).epsilon(0.05));
  check_error(octet::quantize(real, VectorSamples(1, {{0, 1, 99}}), {}), ErrorCode::run_failed, {"'words'", "index"});
}

TEST_CASE("errors and exceptions of the data source come back as errors, from any thread") {
  const FloatNet net = chain();
  for (const int threads : {1, 2}) {
    auto samples = samples_for(net, 300);
    samples.before_read = [](std::int64_t first) {
      if (first >= 64) throw std::bad_alloc();
    };
    QuantizeOptions options;
    options.threads = threads;
    check_error(octet::quantize(net.model, samples, options), ErrorCode::run_failed, {"memory"});
  }
}

TEST_CASE("normalization becomes a table: bytes give what their normalized values gave") {
  const FloatNet net = chain();
  auto samples = samples_for(net, 32);
  for (float& v : samples.values()[0]) v = std::round((v + 1) * 127.5F) / 127.5F - 1;
  QuantizeOptions options;
  options.normalization =
      std::make_shared<const octet::Normalization>(octet::Normalization{1.0F / 255, {0.5F}, {0.5F}});
  const auto model = must(octet::quantize(net.model, samples, options));
  CHECK(model.inputs()[0].type == Type::u8);
  CHECK(operators(model)[0] == Operator::Lookup);
  const auto bytes = Random(5).integers<std::uint8_t>(72, 0, 255);
  std::vector<float> x;
  for (const auto v : bytes) x.push_back((static_cast<float>(v) / 255 - 0.5F) / 0.5F);
  const auto exact = run_one<float>(net.model, x);
  const auto y = run_one<float>(model, bytes);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(exact[i]).epsilon(0.1));
}

TEST_CASE("operands of a concat at different scales are brought to the result's") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 4});
  octet::schema::PointwiseT sigmoid;
  sigmoid.function = octet::schema::Function::Sigmoid;
  octet::schema::ConcatT concat;
  concat.axis = 1;
  const int small = b.node("small", sigmoid, {x});
  const int shifted =
      b.node("shifted", octet::schema::AddT{}, {x, b.constant<float>("shift", {4}, {2.5F, 0, -1, 0.5F})});
  b.node("joined", concat, {small, x, shifted});
  const auto float_model = must(b.model());
  const auto quantized = must(octet::quantize(float_model, VectorSamples(4, {Random(2).reals(16, -8, 8)}), {}));
  const std::vector<float> x0 = {-5.0F, 0.0F, 1.0F, 5.0F};
  const auto exact = run_one<float>(float_model, x0);
  const auto y = run_one<float>(quantized, x0);
  const float step = output_of(quantized, "joined").quant.scale();
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - exact[i]) <= 2.0F * step);
}

TEST_CASE("progress counts samples up to the last one") {
  const FloatNet net = chain();
  QuantizeOptions options;
  std::vector<std::int64_t> seen;
  options.progress = [&](std::int64_t done) { seen.push_back(done); };
  must(octet::quantize(net.model, samples_for(net, 70), options));
  CHECK(seen == std::vector<std::int64_t>{32, 64, 70});
}

TEST_CASE("provenance says what was used") {
  const FloatNet net = chain();
  QuantizeOptions options = minmax();
  options.data_hash = 1234567;
  const auto model = must(octet::quantize(net.model, samples_for(net, 3), options));
  const auto& p = model.impl().graph.provenance;
  CHECK(p.calibrator == "minmax");
  CHECK(p.calibration_samples == 3);
  CHECK(p.calibration_hash == 1234567);
  CHECK(p.tool_version == octet::version());
}

}  // namespace
}  // namespace octet_test
