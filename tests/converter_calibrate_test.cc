// Calibration of whole models: every strategy, any number of threads, the choice among strategies.
#include "converter/calibrate.h"

#include <algorithm>
#include <cmath>

#include "converter/choose_calibrator.h"
#include "converter/quantize.h"
#include "tests/support/graph_builder.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

using octet::QuantizeOptions;
using octet::Range;

const std::vector<std::string> kAll = {"minmax", "moving-average", "percentile", "mse", "entropy", "cross-entropy", "auto"};

/// image -> conv (ReLU) -> rows of 8 -> softmax -> dense; and the conv's rows as a second output.
struct Net {
  Model model;
  std::int64_t size = 6 * 6 * 2;
};

Net net(bool batched = true) {
  GraphBuilder b;
  Random random(1);
  const int x = b.input("x", Type::f32, {1, 6, 6, 2}, {}, batched);
  octet::schema::ConvT conv;
  conv.clamp_min = 0.0F;
  conv.stride_h = conv.stride_w = 2;
  const int c = b.node("conv", conv, {x, b.constant("w", {8, 3, 3, 2}, random.reals(144, -1, 1)), b.constant("b", {8}, random.reals(8, -1, 1))});
  octet::schema::ReshapeT rows;
  rows.shape = {0, -1, 8};
  const int r = b.node("rows", rows, {c});
  octet::schema::SoftmaxT softmax;
  softmax.axis = 2;
  const int s = b.node("softmax", softmax, {r});
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int f = b.node("flat", flat, {s});
  const int d = b.node("dense", octet::schema::FullyConnectedT{}, {f, b.constant("w2", {5, 32}, random.reals(160, -1, 1))});
  return {must(b.model({d, c}))};
}

VectorSamples samples_for(const Net& n, std::int64_t count, unsigned seed = 9) {
  auto values = Random(seed).reals(static_cast<std::size_t>(count * n.size), -1, 1);
  for (std::size_t i = 0; i < values.size(); i += 977) values[i] *= 8;  // something to clip
  return {count, {values}};
}

std::vector<std::byte> converted(const Net& n, const octet::Samples& samples, const std::string& calibrator, int threads) {
  QuantizeOptions options;
  options.calibrator = calibrator;
  options.threads = threads;
  return must(octet::serialize(must(octet::quantize(n.model, samples, options))));
}

TEST_CASE("the bytes do not depend on threads or on the run, under any strategy") {
  for (const bool batched : {true, false}) {
    const Net n = net(batched);
    const auto samples = samples_for(n, 117);
    for (const auto& calibrator : kAll) {
      INFO(calibrator);
      const auto once = converted(n, samples, calibrator, 1);
      CHECK(converted(n, samples, calibrator, 1) == once);
      CHECK(converted(n, samples, calibrator, 2) == once);
      CHECK(converted(n, samples, calibrator, 7) == once);
    }
  }
}

TEST_CASE("the order of the samples does not matter, but to the moving average") {
  const Net n = net();
  const auto samples = samples_for(n, 100);
  auto reversed = samples;
  auto& values = reversed.values()[0];
  for (std::int64_t i = 0; i < 100; ++i)
    std::copy_n(VectorSamples(samples).values()[0].begin() + i * n.size, n.size, values.begin() + (99 - i) * n.size);
  // Rows of logits are sampled by their number, which is the order.
  for (const char* calibrator : {"minmax", "percentile", "mse", "entropy"}) {
    octet::CalibrateOptions options;
    options.calibrator = calibrator;
    const auto a = must(octet::calibrate(n.model, samples, options));
    const auto b = must(octet::calibrate(n.model, reversed, options));
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].min == b[i].min);
      CHECK(a[i].max == b[i].max);
    }
  }
}

TEST_CASE("the moving average is by chunks of 32 samples, whether the model takes them at once or one by one") {
  for (const bool batched : {true, false}) {
    GraphBuilder b;
    const int x = b.input("x", Type::f32, {1, 2}, {}, batched);
    b.node("sum", octet::schema::AddT{}, {x, x});
    std::vector<float> values(2 * 70, 0.5F);
    values[2 * 31] = 1;    // first chunk: [0.5, 1]
    values[2 * 32] = -1;   // second: [-1, 0.5]
    values[2 * 69] = 101;  // third, of 6 samples: [0.5, 101]
    octet::CalibrateOptions options;
    options.calibrator = "moving-average";
    const auto ranges = must(octet::calibrate(must(b.model()), VectorSamples(70, {values}), options));
    CHECK(ranges[0].min == doctest::Approx(0.5 - 0.01 * 1.5 + 0.01 * (0.5 - 0.485)));
    CHECK(ranges[0].max == doctest::Approx(0.995 + 0.01 * (101 - 0.995)));
    CHECK(ranges[1].max == doctest::Approx(2 * ranges[0].max));
  }
}

TEST_CASE("a model whose tensors are large is run on fewer samples at a time, and observed alike") {
  const auto model = [](std::int64_t side) {
    GraphBuilder b;
    const int x = b.input("x", Type::f32, {1, side, side, 1});
    b.node("sum", octet::schema::AddT{}, {x, x});
    return must(b.model());
  };
  CHECK(octet::samples_at_a_time(model(8)) == 32);
  CHECK(octet::samples_at_a_time(model(512)) == 16);  // 2 MiB a sample
  CHECK(octet::samples_at_a_time(model(3000)) == 1);
  const auto large = model(1024);
  CHECK(octet::samples_at_a_time(large) == 4);
  const auto statistics = must(octet::observe(large, VectorSamples(6, {Random(2).reals(6 * 1024 * 1024, -3, 1)}), {true, false, 2, {}}));
  CHECK(statistics[0].histogram->total() == 6 * 1024 * 1024);
  CHECK(statistics[1].histogram->total() == 6 * 1024 * 1024);
  CHECK(statistics[1].range.min == 2 * statistics[0].range.min);
}

TEST_CASE("statistics: every tensor, what only moves values included, and rows of logits") {
  const Net n = net();
  const auto statistics = must(octet::observe(n.model, samples_for(n, 40), {true, true, 1, {}}));
  const auto& tensors = n.model.impl().graph.tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    INFO(tensors[i].name);
    const auto& s = statistics[i];
    CHECK(s.range.observed == !tensors[i].constant());
    if (!s.range.observed) continue;
    CHECK(s.histogram->total() == static_cast<std::uint64_t>(40 * octet::element_count(tensors[i].shape)));
    const bool logits = tensors[i].name == "rows" || tensors[i].name == "conv" || tensors[i].name == "dense";
    CHECK((s.rows && !s.rows->rows().empty()) == logits);
  }
  // 4 rows a sample, in order.
  const auto conv = static_cast<std::size_t>(n.model.impl().graph.outputs[1]);
  CHECK(statistics[conv].rows->rows().size() == 160);
  CHECK(statistics[conv].rows->rows().rbegin()->first == 159);
}

TEST_CASE("a NaN or infinity names the tensor under every strategy") {
  const Net n = net();
  for (const auto& calibrator : kAll) {
    QuantizeOptions options;
    options.calibrator = calibrator;
    options.threads = 2;
    auto samples = samples_for(n, 100);
    samples.values()[0][static_cast<std::size_t>(70 * n.size)] = kInf;
    check_invalid(octet::quantize(n.model, samples, options), {"tensor 'x'", "samples 64 to 95"});
    auto large = samples_for(n, 3);
    for (float& v : large.values()[0]) v = 3e38F;
    check_invalid(octet::quantize(n.model, large, options), {"tensor '"});
  }
}

TEST_CASE("calibrators and percentiles that do not exist, and no data, are invalid_argument errors") {
  const Net n = net();
  const auto samples = samples_for(n, 2);
  QuantizeOptions options;
  options.calibrator = "kl";
  check_error(octet::quantize(n.model, samples, options), ErrorCode::invalid_argument, {"'kl'", "entropy"});
  for (const double p : {50.0, 0.0, -1.0, 100.01, std::nan(""), HUGE_VAL}) {
    for (const char* calibrator : {"percentile", "auto", "minmax"}) {
      options.calibrator = calibrator;
      options.percentile = p;
      check_error(octet::quantize(n.model, samples, options), ErrorCode::invalid_argument, {"percentile"});
    }
  }
  QuantizeOptions weights;
  weights.weight_calibrator = "percentile";
  check_error(octet::quantize(n.model, samples, weights), ErrorCode::invalid_argument, {"weight", "'percentile'"});
  for (const auto& calibrator : kAll) {
    QuantizeOptions none;
    none.calibrator = calibrator;
    check_error(octet::quantize(n.model, VectorSamples(0, {{}}), none), ErrorCode::invalid_argument, {"sample"});
  }
}

TEST_CASE("auto scores every strategy and keeps the best; provenance says which") {
  const Net n = net();
  QuantizeOptions options;
  options.calibrator = "auto";
  std::vector<octet::CalibratorScore> scores;
  options.report_calibrators = [&](const auto& s) { scores = s; };
  const auto samples = samples_for(n, 90);
  const auto model = must(octet::quantize(n.model, samples, options));
  REQUIRE(scores.size() == 6);
  const auto chosen = std::ranges::find(scores, true, &octet::CalibratorScore::chosen);
  REQUIRE(chosen != scores.end());
  CHECK(std::ranges::count(scores, true, &octet::CalibratorScore::chosen) == 1);
  for (const auto& s : scores) CHECK(chosen->sqnr_db >= s.sqnr_db - octet::kClearlyBetterDb);
  if (chosen != scores.begin()) CHECK(chosen->sqnr_db >= scores[0].sqnr_db + octet::kClearlyBetterDb);
  const auto& p = model.impl().graph.provenance;
  CHECK(p.calibrator == chosen->calibrator);
  CHECK(p.calibrator_options.find("chosen by auto") != std::string::npos);
  CHECK(p.weight_calibrator == "minmax");
  // What was chosen is what that strategy gives alone.
  options.calibrator = chosen->calibrator;
  const auto alone = must(octet::quantize(n.model, samples, options));
  const auto& a = model.impl().graph.tensors;
  const auto& b = alone.impl().graph.tensors;
  CHECK(std::ranges::equal(a, b, {}, &Tensor::quant, &Tensor::quant));
}

TEST_CASE("auto clips an outlier that costs more than it is worth, and nothing else") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 8192});
  b.node("double", octet::schema::AddT{}, {x, x});
  const auto model = must(b.model());
  const auto chosen = [&](const std::vector<float>& values) {
    QuantizeOptions options;
    options.calibrator = "auto";
    return must(octet::quantize(model, VectorSamples(128, {values}), options)).impl().graph.provenance.calibrator;
  };
  auto values = Random(3).reals(std::size_t{128} * 8192, -1, 1);
  CHECK(chosen(values) == "minmax");  // nothing is gained
  values[77] = 10;  // clipped, an error of 81 / 2^20; kept, steps of 11 / 255 instead of 2 / 255: 121 / 255^2 / 12, twice as much
  CHECK(chosen(values) == "mse");
  for (std::size_t i = 0; i < values.size(); i += 1000) values[i] = 10;
  CHECK(chosen(values) == "minmax");  // these matter
}

TEST_CASE("percentile and weight calibrator reach the model and its provenance") {
  const Net n = net();
  const auto samples = samples_for(n, 64);
  QuantizeOptions options;
  options.calibrator = "percentile";
  options.percentile = 99;
  options.weight_calibrator = "mse";
  const auto model = must(octet::quantize(n.model, samples, options));
  CHECK(model.impl().graph.provenance.calibrator == "percentile");
  CHECK(model.impl().graph.provenance.calibrator_options == "p = 99.0");
  CHECK(model.impl().graph.provenance.weight_calibrator == "mse");
  const auto again = must(Model::load(must(octet::serialize(model))));
  CHECK(again.impl().graph.provenance.calibrator_options == "p = 99.0");
  CHECK(again.impl().graph.provenance.weight_calibrator == "mse");
  octet::CalibrateOptions calibrate;
  calibrate.calibrator = "percentile";
  calibrate.percentile = 99;
  const auto ranges = must(octet::calibrate(n.model, samples, calibrate));
  calibrate.percentile = 99.9;
  const auto wider = must(octet::calibrate(n.model, samples, calibrate));
  CHECK(ranges[0].max < wider[0].max);
}

}  // namespace
}  // namespace octet_test
