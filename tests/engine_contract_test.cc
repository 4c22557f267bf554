// The bit-exact contract: an int8 model gives the same output bytes on every ISA, thread count and batch split,
// whatever the floating-point environment of the calling thread.
#include <xmmintrin.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <span>

#include "engine/session.h"
#include "kernels/team.h"
#include "octet/converter.hpp"
#include "tests/support/quantized_nets.h"
#include "tests/support/test_samples.h"

namespace octet_test {
namespace {

constexpr std::size_t kBatch = 8;

using Bytes = std::vector<std::byte>;

octet::Session session_of(const Model& model, const std::string& isa, int threads, std::size_t batch) {
  octet::SessionOptions options;
  options.isa = isa;
  options.threads = threads;
  options.batch = static_cast<int>(batch);
  return must(model.session(options));
}

/// Part number `i` of inputs that hold `parts` of them.
std::vector<Bytes> sample(const std::vector<Bytes>& inputs, std::size_t i, std::size_t parts = kBatch) {
  std::vector<Bytes> one;
  for (const Bytes& all : inputs) {
    const auto size = static_cast<std::ptrdiff_t>(all.size() / parts);
    const auto at = all.begin() + static_cast<std::ptrdiff_t>(i) * size;
    one.emplace_back(at, at + size);
  }
  return one;
}

/// `count` runs of one sample, joined.
std::vector<Bytes> run_singly(octet::Session& session, const std::vector<Bytes>& inputs, std::size_t count = kBatch) {
  std::vector<Bytes> joined(session.outputs().size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto outputs = run_bytes(session, sample(inputs, i));
    for (std::size_t o = 0; o < outputs.size(); ++o)
      joined[o].insert(joined[o].end(), outputs[o].begin(), outputs[o].end());
  }
  return joined;
}

std::vector<Bytes> reference_outputs(const Model& model, const std::vector<Bytes>& inputs) {
  auto session = session_of(model, "reference", 1, 1);
  return run_singly(session, inputs);
}

/// Everything a session may be made of gives the bytes of the scalar kernels.
void check_contract(const Net& net) {
  INFO(net.name);
  const auto inputs = random_inputs(net.model, kBatch, 99);
  const auto expected = reference_outputs(net.model, inputs);
  for (const Bytes& bytes : expected) {
    // Otherwise a constant would pass.
    std::set<std::byte> distinct(bytes.begin(), bytes.end());
    CHECK(distinct.size() > 20);
  }
  for (const auto isa : octet::kernels::available_isas()) {
    const std::string name = octet::kernels::name_of(isa);
    for (const int threads : {1, 2}) {
      INFO(name, ", threads ", threads);
      auto all = session_of(net.model, name, threads, kBatch);
      CHECK(all.isa() == name);
      CHECK(run_bytes(all, inputs) == expected);
      auto one = session_of(net.model, name, threads, 1);
      // Threads wait for each other, which takes long where many programs share few CPUs.
      const std::size_t count = threads == 1 ? kBatch : 1;
      const auto singly = run_singly(one, inputs, count);
      for (std::size_t o = 0; o < expected.size(); ++o)
        CHECK(std::ranges::equal(singly[o], std::span(expected[o]).first(expected[o].size() / kBatch * count)));
      CHECK(run_singly(one, inputs, count) == singly);  // a session keeps nothing of its last run
    }
  }
}

TEST_CASE("quantized graphs give the same bytes on every ISA, thread count and batch split") {
  for (const Net& net : quantized_nets()) check_contract(net);
}

/// Of a batch that is shared out evenly.
constexpr int kShared = 256;

/// Each run is another interleaving.
#ifdef OCTET_SANITIZED
constexpr int kSharedRuns = 2;
#else
constexpr int kSharedRuns = 20;
#endif

TEST_CASE("threads that share out a batch give the bytes of one that runs it in parts") {
  std::size_t shared = 0;
  for (const Net& net : quantized_nets(1)) {
    INFO(net.name);
    const auto inputs = random_inputs(net.model, kShared, 5);
    for (const auto isa : octet::kernels::available_isas()) {
      const std::string name = octet::kernels::name_of(isa);
      auto two = session_of(net.model, name, 2, kShared);
      if (two.impl().passes == 1) continue;  // one CPU, or not worth it
      ++shared;
      const auto passes = static_cast<std::size_t>(two.impl().passes);
      CHECK(passes % 2 == 0);
      auto part = session_of(net.model, name, 1, kShared / passes);
      CHECK(two.arena_bytes() == 2 * part.arena_bytes());
      std::vector<Bytes> expected(part.outputs().size());
      for (std::size_t i = 0; i < passes; ++i) {
        const auto outputs = run_bytes(part, sample(inputs, i, passes));
        for (std::size_t o = 0; o < outputs.size(); ++o) expected[o].insert(expected[o].end(), outputs[o].begin(), outputs[o].end());
      }
      for (int i = 0; i < kSharedRuns; ++i) CHECK(run_bytes(two, inputs) == expected);
    }
  }
  if (octet::kernels::available_cpus() > 1) CHECK(shared > 0);
}

TEST_CASE("a batch whose tensors are more than a core's cache holds runs in passes, with the same bytes") {
  const Net net = convolutions(0);
  const auto inputs = random_inputs(net.model, kShared, 5);
  auto passes = session_of(net.model, "", 1, kShared);
  auto whole = must(octet::make_session(net.model, {.batch = kShared}, {.stepwise = true}));
  CHECK(passes.impl().passes > 1);
  CHECK(whole.impl().passes == 1);
  CHECK(passes.arena_bytes() < whole.arena_bytes());
  CHECK(run_bytes(passes, inputs) == run_bytes(whole, inputs));
}

TEST_CASE("one share that fails fails the run, and the next one goes on") {
  const Net net = dynamic(0);
  auto session = session_of(net.model, "reference", 2, kShared);
  const auto good = random_inputs(net.model, kShared, 5);
  auto bad = good;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bad[0].data() + bad[0].size() - sizeof nan, &nan, sizeof nan);
  const auto expected = run_bytes(session, good);
  std::vector<octet::InputTensor> in;
  std::vector<octet::OutputTensor> out;
  auto results = expected;
  for (std::size_t i = 0; i < bad.size(); ++i) in.emplace_back(bad[i].data(), bad[i].size(), session.inputs()[i].type);
  for (std::size_t i = 0; i < results.size(); ++i) out.emplace_back(results[i].data(), results[i].size(), session.outputs()[i].type);
  check_error(session.run(in, out), octet::ErrorCode::run_failed, {"NaN"});
  CHECK(run_bytes(session, good) == expected);
}

/// A float net with every operator the quantizer has an int8 form of.
Model float_net(unsigned seed) {
  GraphBuilder b;
  Random random(seed);
  const auto weights = [&](const std::string& name, const Shape& shape) {
    return b.constant(name, shape, random.reals(static_cast<std::size_t>(octet::element_count(shape)), -0.4F, 0.4F));
  };
  octet::schema::ConvT conv;
  conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = 1;
  const int x = b.input("x", Type::f32, {1, 8, 8, 6});
  const int first = b.node("first", conv, {x, weights("w1", {10, 3, 3, 6}), weights("b1", {10})});
  octet::schema::ConvT depthwise = conv;
  depthwise.groups = 10;
  depthwise.clamp_min = 0.0F;
  depthwise.clamp_max = 6.0F;
  const int second = b.node("second", depthwise, {first, weights("w2", {10, 3, 3, 1}), weights("b2", {10})});
  octet::schema::PointwiseT swish;
  swish.function = octet::schema::Function::HardSwish;
  const int curved = b.node("curved", swish, {first});
  const int sum = b.node("sum", octet::schema::AddT{}, {second, curved});
  octet::schema::AveragePoolT mean;
  mean.kernel_h = mean.kernel_w = 8;
  const int squeezed = b.node("squeezed", mean, {sum});
  octet::schema::PointwiseT sigmoid;
  sigmoid.function = octet::schema::Function::Sigmoid;
  const int gates = b.node("gates", sigmoid, {squeezed});
  const int scaled = b.node("scaled", octet::schema::MulT{}, {sum, gates});
  octet::schema::ConcatT concat;
  concat.axis = 3;
  const int joined = b.node("joined", concat, {scaled, first});
  octet::schema::MaxPoolT most;
  most.kernel_h = most.kernel_w = most.stride_h = most.stride_w = 2;
  const int peaks = b.node("peaks", most, {joined});
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int rows = b.node("rows", flat, {peaks});
  const int scores = b.node("scores", octet::schema::FullyConnectedT{}, {rows, weights("w3", {12, 320})});
  const int shares = b.node("shares", octet::schema::SoftmaxT{}, {scores});
  return must(b.model({shares, peaks}));
}

/// Attention over 6 positions of 12 channels in 3 heads, with what surrounds it in encoders. The mask keeps positions whose first
/// channel is positive.
Model attention_net(unsigned seed, bool masked) {
  GraphBuilder b;
  Random random(seed);
  const auto weights = [&](const std::string& name, const Shape& shape) {
    return b.constant(name, shape, random.reals(static_cast<std::size_t>(octet::element_count(shape)), -0.5F, 0.5F));
  };
  const auto reshaped = [&](const std::string& name, int x, std::vector<int> shape) {
    octet::schema::ReshapeT t;
    t.shape = std::move(shape);
    return b.node(name, t, {x});
  };
  const auto heads_first = [&](const std::string& name, int x) {
    octet::schema::TransposeT t;
    t.perm = {0, 2, 1, 3};
    return b.node(name, t, {x});
  };
  const int x = b.input("x", Type::f32, {1, 6, 12});
  const int normed = b.node("normed", octet::schema::LayerNormalizationT{}, {x, weights("gamma", {12}), weights("beta", {12})});
  const int qkv = b.node("qkv", octet::schema::FullyConnectedT{}, {normed, weights("w", {36, 12}), weights("wb", {36})});
  std::vector<int> parts;
  for (int i = 0; i < 3; ++i) {
    octet::schema::SliceT t;
    t.starts = {0, 0, 12 * i}, t.steps = {1, 1, 1}, t.sizes = {0, 0, 12};
    const std::string name = "part" + std::to_string(i);
    parts.push_back(heads_first(name + "h", reshaped(name + "r", b.node(name, t, {qkv}), {0, 6, 3, 4})));
  }
  octet::schema::MatMulT scores;
  scores.transpose_b = true;
  scores.scale = 0.5F;
  const int s = b.node("scores", scores, {parts[0], parts[1]});
  std::vector<int> softmax_inputs = {s};
  octet::schema::SoftmaxT softmax;
  if (masked) {
    octet::schema::SliceT first;
    first.starts = {0, 0, 0}, first.steps = {1, 1, 1}, first.sizes = {0, 0, 1};
    octet::schema::CompareT positive;
    positive.function = octet::schema::Comparison::Greater;
    softmax.mask_value = -10000;
    softmax_inputs.push_back(b.node("kept", positive, {reshaped("firsts", b.node("first", first, {x}), {0, 1, 1, 6}), b.constant<float>("zero", {}, {0})}, Type::boolean));
  }
  const int p = b.node("shares", softmax, softmax_inputs);
  const int mixed = reshaped("mixed", heads_first("mixedh", b.node("mix", octet::schema::MatMulT{}, {p, parts[2]})), {0, 6, 12});
  const int sum = b.node("sum", octet::schema::AddT{}, {x, mixed});
  octet::schema::ReduceT mean;
  mean.axes = {1};
  mean.keep_dims = false;
  octet::schema::PadT pad;
  pad.mode = octet::schema::PadMode::Reflect;
  pad.begins = {0, 1, 0}, pad.ends = {0, 2, 0};
  return must(b.model({b.node("mean", mean, {sum}), b.node("padded", pad, {sum})}));
}

TEST_CASE("attention, converted, gives the same bytes on every ISA, thread count and batch split") {
  for (const bool masked : {false, true}) {
    const Model model = attention_net(3, masked);
    const VectorSamples samples(16, {Random(4).reals(16 * 72, -2.0F, 2.0F)});
    const Model quantized = must(octet::quantize(model, samples, {}));
    for (const auto& node : quantized.impl().graph.nodes)
      if (node.op() != octet::schema::Operator::Compare && node.name.find("first") == std::string::npos) CHECK(node.float_reason.empty());
    check_contract({masked ? "masked attention" : "attention", quantized});
  }
}

/// An image, resized; its rows as a sequence through recurrent layers.
Model sequence_net(unsigned seed) {
  GraphBuilder b;
  Random random(seed);
  const auto weights = [&](const std::string& name, const Shape& shape) {
    return b.constant(name, shape, random.reals(static_cast<std::size_t>(octet::element_count(shape)), -0.5F, 0.5F));
  };
  const int x = b.input("x", Type::f32, {1, 3, 2, 5});
  octet::schema::ResizeT resize;
  resize.rows = {0, 0, 1, 2}, resize.row_weights = {0.0F, 0.5F, 0.3F, 0.0F};
  resize.columns = {0, 0, 1}, resize.column_weights = {0.25F, 0.75F, 0.0F};
  octet::schema::ReshapeT flat;
  flat.shape = {0, 4, 15};
  const int rows = b.node("rows", flat, {b.node("resized", resize, {x})});
  const int gates = b.node("gates", octet::schema::FullyConnectedT{}, {rows, weights("w1", {24, 15}), weights("b1", {24})});
  const int h = b.node("lstm", octet::schema::LSTMT{}, {gates, weights("r1", {24, 6})});
  const int again = b.node("again", octet::schema::FullyConnectedT{}, {h, weights("w2", {15, 6}), weights("b2", {15})});
  octet::schema::GRUT gru;
  gru.reverse = true;
  b.node("gru", gru, {again, weights("r2", {15, 5})});
  return must(b.model());
}

TEST_CASE("recurrent layers, converted, give the same bytes on every ISA, thread count and batch split") {
  const VectorSamples samples(16, {Random(4).reals(16 * 30, -2.0F, 2.0F)});
  const Model quantized = must(octet::quantize(sequence_net(3), samples, {}));
  for (const auto& node : quantized.impl().graph.nodes) CHECK(node.float_reason.empty());
  check_contract({"sequence", quantized});
}

TEST_CASE("converted float graphs give the same bytes on every ISA, thread count and batch split") {
  for (const unsigned seed : {1U, 2U}) {
    const Model model = float_net(seed);
    const VectorSamples samples(16, {Random(seed + 10).reals(16 * 384, -1.0F, 1.0F)});
    octet::QuantizeOptions options;
    options.per_channel_weights = seed == 1;
    options.symmetric_activations = seed == 2;
    check_contract({"float net", must(octet::quantize(model, samples, options))});
  }
}

/// Sets MXCSR for a scope.
class Environment {
 public:
  explicit Environment(unsigned mxcsr) : saved_(_mm_getcsr()) { _mm_setcsr(mxcsr); }
  ~Environment() { _mm_setcsr(saved_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  unsigned saved_;
};

// Flush-to-zero with denormals-are-zero, and the three other roundings: down, up, towards zero.
constexpr unsigned kMasked = 0x1F80;
constexpr unsigned kHostile[] = {kMasked | 0x8040, kMasked | 0x2000, kMasked | 0x4000, kMasked | 0x6000 | 0x8040};

TEST_CASE("a hostile floating-point environment of the caller changes nothing and is left as it was") {
  for (const Net& net : quantized_nets(1)) {
    INFO(net.name);
    const auto inputs = random_inputs(net.model, kBatch, 5);
    const auto expected = reference_outputs(net.model, inputs);
    for (const auto isa : octet::kernels::available_isas()) {
      for (const unsigned mxcsr : kHostile) {
        for (const int threads : {1, 2}) {
          if (threads == 2 && mxcsr != kHostile[0]) continue;
          INFO(octet::kernels::name_of(isa), ", MXCSR ", mxcsr, ", threads ", threads);
          std::vector<Bytes> outputs;
          unsigned after_session = 0;
          unsigned after_run = 0;
          {
            const Environment environment(mxcsr);
            auto session = session_of(net.model, octet::kernels::name_of(isa), threads, kBatch);
            after_session = _mm_getcsr();
            _mm_setcsr(mxcsr);
            outputs = run_bytes(session, inputs);
            after_run = _mm_getcsr();
          }
          CHECK(outputs == expected);
          // Below 0x40 are the flags of what happened, which ordinary code of the test sets, too.
          CHECK((after_session & ~0x3FU) == (mxcsr & ~0x3FU));
          CHECK((after_run & ~0x3FU) == (mxcsr & ~0x3FU));
        }
      }
    }
  }
}

TEST_CASE("multipliers of zero give the zeros the scalar kernels give, signs included") {
  // f32(s_in s_w) underflows to 0, so that negative sums become -0, which a bound of 0 leaves as it is.
  GraphBuilder b;
  const int x = b.input("x", Type::u8, {1, 4}, affine(1e-30F, 2));
  std::vector<std::int8_t> weights(std::size_t{37} * 4);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::int8_t>(i % 3) - 1;
  octet::schema::FullyConnectedT t;
  for (const auto& [lo, hi] : {std::pair{0.0F, kInf}, std::pair{-0.0F, kInf}, std::pair{-kInf, -0.0F}}) {
    t.clamp_min = lo;
    t.clamp_max = hi;
    GraphBuilder c = b;
    c.node("y", t, {x, c.constant("w", {37, 4}, weights, symmetric({1e-30F}))});
    const auto y = run_every_isa<float>(must(c.model()), std::vector<std::uint8_t>{0, 1, 7, 255});
    for (const float v : y) CHECK(v == 0.0F);
  }
}

}  // namespace
}  // namespace octet_test
