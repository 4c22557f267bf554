// Well-formed files that say impossible things: each class of hostile input is refused with an error that names the
// node or tensor.
#include <cmath>
#include <functional>

#include "tests/support/model_bytes.h"
#include "tests/support/small_model.h"

namespace octet_test {
namespace {

namespace schema = octet::schema;
using schema::ModelT;

/// The small model with one thing changed.
struct Changed {
  std::unique_ptr<ModelT> model;

  Changed() : model(take_apart(small_file())) {}

  schema::TensorT& tensor(const std::string& name) {
    for (auto& t : model->tensors)
      if (t->name == name) return *t;
    FAIL("no tensor " << name);
    return *model->tensors[0];
  }
  schema::NodeT& node(const std::string& name) {
    for (auto& n : model->nodes)
      if (n->name == name) return *n;
    FAIL("no node " << name);
    return *model->nodes[0];
  }
  [[nodiscard]] Result<Model> load() const { return Model::load(put_together(*model)); }
};

void refuses(const std::function<void(Changed&)>& change, const std::vector<std::string>& words) {
  Changed c;
  change(c);
  check_invalid(c.load(), words);
}

TEST_CASE("taking a file apart and putting it together keeps it valid") {
  const Changed c;
  const auto x = Random(3).reals(32, -2.0F, 2.0F);
  CHECK(run_one<float>(must(c.load()), x) == run_one<float>(must(Model::load(small_file())), x));
}

TEST_CASE("tensor indices out of range") {
  refuses([](Changed& c) { c.node("conv").inputs[0] = -1; }, {"node 1 'conv' (Conv)", "input 0", "-1"});
  refuses([](Changed& c) { c.node("conv").inputs[1] = 10'000; }, {"'conv'", "10000"});
  refuses([](Changed& c) { c.node("conv").inputs[2] = -2; }, {"'conv'", "-2"});
  refuses([](Changed& c) { c.node("conv").inputs[2] = 2147483647; }, {"'conv'", "2147483647"});
  refuses([](Changed& c) { c.node("conv").outputs[0] = -1; }, {"'conv'", "output", "-1"});
  refuses([](Changed& c) { c.node("pool").outputs[0] = 99; }, {"'pool'", "99"});
  refuses([](Changed& c) { c.model->inputs[0]->tensor = -1; }, {"graph input -1"});
  refuses([](Changed& c) { c.model->inputs[0]->tensor = 77; }, {"graph input 77"});
  refuses([](Changed& c) { c.model->outputs[0] = -1; }, {"graph output -1"});
  refuses([](Changed& c) { c.model->outputs[0] = 77; }, {"graph output 77"});
  refuses([](Changed& c) { c.node("conv").sources = {99}; }, {"'conv'", "source"});
  refuses([](Changed& c) { c.node("conv").sources = {-1}; }, {"'conv'", "source"});
}

TEST_CASE("wrong numbers of inputs and outputs") {
  refuses([](Changed& c) { c.node("conv").inputs.clear(); }, {"'conv'", "0 inputs"});
  refuses([](Changed& c) { c.node("conv").inputs.push_back(0); }, {"'conv'", "4 inputs"});
  refuses([](Changed& c) { c.node("pool").inputs.push_back(0); }, {"'pool'", "2 inputs"});
  refuses([](Changed& c) { c.node("conv").outputs.clear(); }, {"'conv'", "0 outputs"});
  refuses([](Changed& c) { c.node("conv").outputs.push_back(1); }, {"'conv'", "2 outputs"});
  refuses([](Changed& c) { c.model->outputs.clear(); }, {"no output"});
  refuses([](Changed& c) { c.model->nodes.clear(); }, {"no node writes"});
}

TEST_CASE("an absent input where every one counts") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 4});
  schema::ConcatT concat;
  concat.axis = 1;
  b.node("concat", concat, {x, x});
  auto model = take_apart(must(octet::serialize(must(b.model()))));
  model->nodes[0]->inputs[1] = -1;
  check_invalid(Model::load(put_together(*model)), {"'concat'", "input 1", "absent"});
}

TEST_CASE("order: cycles, reads before writes, writes that come twice") {
  refuses([](Changed& c) { c.node("conv").inputs[0] = c.node("conv").outputs[0]; }, {"'conv'", "read before"});
  refuses([](Changed& c) { c.node("conv").inputs[0] = c.node("pool").outputs[0]; },
          {"'conv'", "'pool'", "read before"});
  refuses([](Changed& c) { std::swap(c.model->nodes[1], c.model->nodes[2]); }, {"'curve'", "read before"});
  refuses([](Changed& c) { c.node("pool").outputs = c.node("curve").outputs; }, {"'pool'", "written twice"});
  refuses([](Changed& c) { c.node("pool").outputs[0] = c.node("conv").inputs[1]; }, {"'conv.w'", "written twice"});
  refuses([](Changed& c) { c.node("pool").outputs[0] = c.model->inputs[0]->tensor; }, {"'x'", "written twice"});
  refuses([](Changed& c) { c.model->inputs.push_back(std::make_unique<schema::GraphInputT>(*c.model->inputs[0])); },
          {"'x'", "twice"});
  refuses([](Changed& c) { c.model->inputs[0]->tensor = c.node("conv").inputs[1]; }, {"'conv.w'", "constant"});
  refuses([](Changed& c) { c.model->outputs.push_back(c.model->outputs[0]); }, {"'dense'", "twice an output"});
  refuses([](Changed& c) { c.model->outputs[0] = c.model->inputs[0]->tensor; }, {"'x'", "no node writes"});
}

TEST_CASE("constants without data, or with too little or too much of it") {
  refuses([](Changed& c) { c.tensor("conv.w").data.clear(); }, {"'conv"});
  refuses([](Changed& c) { c.tensor("conv.w").data.pop_back(); }, {"'conv.w'", "23 bytes", "3x2x2x2"});
  refuses([](Changed& c) { c.tensor("conv.b").data.push_back(0); }, {"'conv.b'", "13 bytes"});
  refuses([](Changed& c) { c.tensor("conv").data.resize(48); }, {"'conv'"});
  // A constant that the batch would multiply.
  refuses([](Changed& c) { c.tensor("conv.b").shape[0] = schema::Dimension(3, 1); }, {"'conv.b'", "batch"});
}

TEST_CASE("shapes that are impossible, overflow, or are not what follows from the inputs") {
  refuses([](Changed& c) { c.tensor("x").shape[1] = schema::Dimension(0, 0); }, {"'q' (Quantize)", "without elements", "1x0x4x2"});
  refuses([](Changed& c) { c.tensor("x").shape[1] = schema::Dimension(-4, 0); }, {"'x'", "-4"});
  refuses([](Changed& c) { c.tensor("x").shape.assign(4, schema::Dimension(2147483647, 0)); }, {"'x'", "overflows"});
  refuses([](Changed& c) { c.tensor("x").shape.assign(9, schema::Dimension(1, 0)); }, {"'x'", "rank 9"});
  refuses([](Changed& c) { c.tensor("x").shape.pop_back(); }, {"'conv'", "rank 4"});
  refuses([](Changed& c) { c.tensor("pool").shape[1] = schema::Dimension(3, 0); }, {"'pool'", "1x3x2x3", "1x2x2x3"});
  refuses([](Changed& c) { c.tensor("pool").shape[0] = schema::Dimension(1, 0); }, {"'pool'", "batch 2"});
  refuses(
      [](Changed& c) {
        c.tensor("conv.w").shape = {schema::Dimension(3, 0), schema::Dimension(8, 0)};
      },
      {"'conv'", "rank 4"});
  Changed free;
  free.tensor("x").shape[1] = schema::Dimension(4, 1);
  check_error(free.load(), ErrorCode::unsupported, {"leading"});
  Changed other;
  other.tensor("x").shape[0] = schema::Dimension(1, 2);
  check_error(other.load(), ErrorCode::unsupported, {"leading"});
}

TEST_CASE("a scalar result must be stored as one") {
  GraphBuilder b;
  schema::ReshapeT scalar;
  b.node("y", scalar, {b.input("x", Type::f32, {1}, {}, false)});
  auto model = take_apart(must(octet::serialize(must(b.model()))));
  CHECK(Model::load(put_together(*model)).has_value());
  model->tensors.back()->shape = {schema::Dimension(1000, 0)};
  check_invalid(Model::load(put_together(*model)), {"'y'", "1000"});
}

TEST_CASE("sizes that overflow on the way to a shape") {
  // Convolution weights that are themselves computed, so large that the reach of a dilated window passes 2^63.
  GraphBuilder b;
  const int big = b.input("big", Type::f32, {1 << 30, 1 << 28}, {}, false);
  schema::ReshapeT tall;
  tall.shape = {1, -1, 1, 1};
  const int w = b.node("w", tall, {big});
  schema::ConvT conv;
  conv.dilation_h = 2147483647;
  b.node("y", conv, {b.input("x", Type::f32, {1, 4, 4, 1}), w});
  check_invalid(b.model(), {"'y'"});

  // An input whose elements cannot be counted at a batch that sessions may ask for.
  GraphBuilder c;
  schema::MaxPoolT pool;
  pool.kernel_h = pool.stride_h = 1 << 29;
  pool.kernel_w = pool.stride_w = 1 << 24;
  c.node("y", pool, {c.input("x", Type::u8, {1, 1 << 29, 1 << 24, 1})}, Type::u8);
  const auto model = must(c.model());
  octet::SessionOptions options;
  options.batch = 1 << 20;
  const auto session = model.session(options);
  REQUIRE_FALSE(session.has_value());
  CHECK(session.error().text().find("'x'") != std::string::npos);
}

TEST_CASE("quantization parameters that are missing, out of range, or of the wrong number") {
  const auto scale = [](const char* tensor, float value) {
    return [=](Changed& c) { c.tensor(tensor).quantization->scales[0] = value; };
  };
  for (const float bad : {0.0F, -0.5F, kInf, -kInf, std::nanf(""), 1e-45F, 1e-38F}) {
    INFO(bad);
    refuses(scale("pool", bad), {"'pool'", "scale[0]"});
    refuses(scale("conv.w", bad), {"'conv.w'", "scale[0]"});
  }
  refuses([](Changed& c) { c.tensor("conv.w").quantization->scales.pop_back(); }, {"'conv.w'", "2 scales", "3"});
  refuses([](Changed& c) { c.tensor("conv.w").quantization->axis = 4; }, {"'conv.w'", "axis 4"});
  refuses([](Changed& c) { c.tensor("conv.w").quantization->axis = -2; }, {"'conv.w'", "axis -2"});
  refuses([](Changed& c) { c.tensor("conv.w").quantization->axis = -1; }, {"'conv.w'", "3 scales", "1"});
  refuses([](Changed& c) { c.tensor("conv.w").quantization->zero_points = {1, 0, 0}; }, {"'conv.w'", "zero-point"});
  refuses([](Changed& c) { c.tensor("q").quantization->zero_points = {256}; }, {"'q'", "256"});
  refuses([](Changed& c) { c.tensor("q").quantization->zero_points = {-1}; }, {"'q'", "-1"});
  refuses([](Changed& c) { c.tensor("q").quantization->zero_points.clear(); }, {"'q'", "zero-points"});
  refuses([](Changed& c) { c.tensor("q").quantization->zero_points = {1, 2}; }, {"'q'", "zero-points"});
  refuses([](Changed& c) { c.tensor("q").quantization->scales.clear(); }, {"'q'", "zero-points without scales"});
  refuses([](Changed& c) { c.tensor("q").quantization.reset(); }, {"'q'", "quantized"});
  refuses([](Changed& c) { c.tensor("conv.w").quantization.reset(); }, {"'conv'", "scale"});
  refuses([](Changed& c) { c.tensor("conv").quantization.reset(); }, {"'conv'", "output"});
  refuses(
      [](Changed& c) {
        c.tensor("x").quantization = std::make_unique<schema::QuantizationT>(*c.tensor("q").quantization);
      },
      {"'x'", "f32"});
}

TEST_CASE("versions and operators of the future are unsupported") {
  Changed version;
  version.node("conv").version = 3;
  check_error(version.load(), ErrorCode::unsupported, {"'conv'", "Conv version 3"});
  version.node("conv").version = 0;
  check_error(version.load(), ErrorCode::unsupported, {"'conv'", "version 0"});
  Changed type;
  type.tensor("x").type = static_cast<schema::Type>(6);
  check_error(type.load(), ErrorCode::unsupported, {"tensor 0", "type"});
}

TEST_CASE("sums that could pass 2^31 are refused, the longest that cannot are not") {
  // 255 * 127 * depth + |bias| < 2^31.
  constexpr std::int64_t kDepth = 66'311;  // 255 * 127 * 66311 = 2147481735
  const auto build = [](std::int64_t depth, std::int32_t bias) {
    GraphBuilder b;
    const int x = b.input("x", Type::u8, {1, depth}, affine(0.1F, 255));
    const std::vector<std::int8_t> weights(static_cast<std::size_t>(depth), 127);
    const int w = b.constant("w", {1, depth}, weights, symmetric({0.1F}));
    b.node("y", schema::FullyConnectedT{}, {x, w, b.constant<std::int32_t>("b", {1}, {bias})});
    return b.model();
  };
  const auto longest = must(build(kDepth, 1912));
  check_invalid(build(kDepth, 1913), {"'y'", "channel 0", "overflow"});
  check_invalid(build(kDepth, -1913), {"'y'", "overflow"});
  check_invalid(build(kDepth, std::numeric_limits<std::int32_t>::min()), {"overflow"});
  check_invalid(build(kDepth + 1, 0), {"overflow"});
  // sum (q - 255) * 127 + 1912 with q = 0 everywhere; then q = 255.
  const auto lowest = run_every_isa<float>(longest, std::vector<std::uint8_t>(static_cast<std::size_t>(kDepth), 0));
  CHECK(lowest[0] == static_cast<float>(-2147481735 + 1912) *
                         static_cast<float>(static_cast<double>(0.1F) * static_cast<double>(0.1F)));
  const auto highest = run_every_isa<float>(longest, std::vector<std::uint8_t>(static_cast<std::size_t>(kDepth), 255));
  CHECK(highest[0] == 1912.0F * static_cast<float>(static_cast<double>(0.1F) * static_cast<double>(0.1F)));
}

TEST_CASE("memory bombs: a small file that asks for more than the limit") {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 7, 1});
  const int y = b.input("y", Type::f32, {1, 1, 7});
  const int square = b.node("square", schema::AddT{}, {x, y});
  b.node("again", schema::AddT{}, {square, x});
  auto tables = take_apart(must(octet::serialize(must(b.model()))));
  for (auto& t : tables->tensors)
    for (auto& d : t->shape)
      if (d.factor() == 7) d = schema::Dimension(1 << 20, d.symbol());  // the sums: 4 TiB each
  const auto file = put_together(*tables);
  CHECK(file.size() < 4096);
  const auto model = must(Model::load(file));
  check_error(model.session(), ErrorCode::run_failed, {"limit"});

  octet::SessionOptions options;
  const auto small = must(Model::load(small_file()));
  const std::size_t needs = must(small.session()).arena_bytes() + must(small.session()).weight_bytes();
  options.memory_limit_bytes = needs;
  CHECK(small.session(options).has_value());
  options.memory_limit_bytes = needs - 1;
  check_error(small.session(options), ErrorCode::run_failed, {"limit"});
  options.memory_limit_bytes = 0;
  check_error(small.session(options), ErrorCode::run_failed, {"limit"});
}

TEST_CASE("one table that is referred to again and again does not multiply in memory") {
  // Offsets may share what they point at: thousands of tensors with one long name would take gigabytes once decoded.
  flatbuffers::FlatBufferBuilder fbb;
  const auto name = fbb.CreateString(std::string(1 << 20U, 'n'));
  const auto tensor = schema::CreateTensor(fbb, name);
  const auto tensors = fbb.CreateVector(std::vector<flatbuffers::Offset<schema::Tensor>>(4096, tensor));
  const auto root = schema::CreateModel(fbb, 0, tensors);
  const std::vector<std::uint8_t> header(octet::kHeaderBytes - 8);
  fbb.Align(octet::kHeaderBytes);
  fbb.PushBytes(header.data(), header.size());
  schema::FinishModelBuffer(fbb, root);
  const auto bytes = std::as_bytes(std::span(fbb.GetBufferPointer(), fbb.GetSize()));
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  octet::seal(file);
  check_invalid(Model::load(file), {"share"});
}

TEST_CASE("padding far larger than the image does not overflow the size of a padded copy") {
  // 2^30 x 2^30 x 16 elements once padded: 2^64, which wraps to nothing.
  for (const int zero_point : {0, 3}) {
    GraphBuilder b;
    const int x = b.input("x", Type::u8, {1, 1, 1, 16}, affine(0.5F, zero_point));
    schema::ConvT conv;
    conv.stride_h = conv.stride_w = 1 << 29;
    conv.pad_top = conv.pad_left = 1 << 29;
    conv.pad_bottom = conv.pad_right = (1 << 29) - 1;
    const int w = b.constant("w", {16, 1, 1, 16}, std::vector<std::int8_t>(256, 1), symmetric({0.25F}));
    b.node("conv", conv, {x, w}, Type::u8, affine(1.0F, 7));
    const auto model = must(Model::load(must(octet::serialize(must(b.model())))));
    auto session = must(model.session());
    std::vector<std::uint8_t> in(16, static_cast<std::uint8_t>(zero_point + 8));
    std::vector<std::uint8_t> out(2 * 2 * 16);
    must(session.run({in}, {out}));
    // Only the last window sees the image: 16 * 8 * 0.5 * 0.25 = 16.
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(int{out[i]} == (i < 48 ? 7 : 23));
  }
}

TEST_CASE("a dynamic convolution pads a copy, whose size is checked") {
  for (const int pad : {1 << 29, 1 << 17}) {
    GraphBuilder b;
    schema::ConvT conv;
    conv.stride_h = conv.stride_w = pad;
    conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = pad;
    const int w = b.constant("w", {16, 1, 1, 16}, std::vector<std::int8_t>(256, 1), symmetric({0.25F}));
    b.node("conv", conv, {b.input("x", Type::f32, {1, 1, 1, 16}), w});
    check_error(must(b.model()).session(), ErrorCode::run_failed, {pad == 1 << 17 ? "limit" : "'conv' (Conv): its padded input"});
  }
}

TEST_CASE("memory bombs: the tables of many large pools") {
  GraphBuilder b;
  const int x = b.input("x", Type::u8, {1, 2048, 2048, 1}, affine(0.5F, 3));
  schema::AveragePoolT pool;
  pool.kernel_h = pool.kernel_w = 2048;  // 16 MiB of multipliers
  std::vector<int> outputs;
  for (int i = 0; i < 64; ++i) outputs.push_back(b.node("pool" + std::to_string(i), pool, {x}, Type::u8, affine(0.5F, 3)));
  const auto model = must(b.model(outputs));
  octet::SessionOptions options;
  options.memory_limit_bytes = std::size_t{64} << 20;
  check_error(model.session(options), ErrorCode::run_failed, {"limit"});
}

TEST_CASE("no operator works along the batch: results must not depend on its size") {
  const auto with = [](Shape shape, auto op, Type type = Type::f32, Quantization q = {}) {
    GraphBuilder b;
    const int x = b.input("x", type, std::move(shape), q);
    const bool joins = std::is_same_v<decltype(op), schema::ConcatT>;
    b.node("op", std::move(op), joins ? std::vector<int>{x, x} : std::vector<int>{x}, type, q);
    return b;
  };
  const auto refused = [](GraphBuilder b) {
    check_error(b.model(), ErrorCode::unsupported, {"node 0 'op'", "batch"});
    auto& out = b.graph.tensors.back();  // as a file might say it
    out.shape = b.graph.tensors[0].shape;
    out.batched = true;
    if (b.graph.nodes[0].inputs.size() == 2) out.shape[0] *= 2;
    check_error(octet::make_model(b.graph), ErrorCode::invalid_file, {"node 0 'op'", "batch"});
  };
  schema::SoftmaxT softmax;
  softmax.axis = 0;
  refused(with({1, 4}, softmax));
  softmax.axis = -1;
  softmax.table.assign(256, 1);
  refused(with({1}, softmax, Type::u8, affine(0.5F, 3)));
  refused(with({1, 4}, schema::ConcatT{}));
  softmax.axis = 1;
  softmax.table.clear();
  must(with({1, 4}, softmax).model());
}

}  // namespace
}  // namespace octet_test
