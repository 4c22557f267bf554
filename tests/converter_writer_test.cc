// What is written is what is read, and a file is replaced whole or not at all.
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <limits>

#include "tests/support/model_bytes.h"
#include "tests/support/small_model.h"
#include "tests/support/temp_dir.h"

namespace octet_test {
namespace {

/// A graph that uses every field of the format.
Graph full_graph() {
  GraphBuilder b = small_graph();
  Graph& g = b.graph;
  g.outputs = {static_cast<int>(g.tensors.size()) - 1};
  must(octet::resolve_shapes(g));
  octet::Preprocessing preprocessing;
  preprocessing.scale = 1.0F / 255;
  preprocessing.mean = {0.5F, 0.25F};
  preprocessing.std = {0.125F, 2.0F};
  g.preprocessing[0] = std::make_shared<const octet::Preprocessing>(preprocessing);
  g.provenance = {"9.8.7", "source.onnx", 0xFEDCBA9876543210U, 123, "minmax", 77, 0x0123456789ABCDEFU, "p = 1", "mse", "equalize"};
  g.source_nodes = {{"first \xC3\xA9", "Conv"}, {"", "Relu"}, {"gone", "Identity"}};
  for (auto& node : g.nodes) node.sources.clear();
  g.nodes[1].sources = {0, 1};
  g.nodes.back().float_reason = "because";
  return g;
}

void check_same(const octet::Graph& a, const octet::Graph& b) {
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    const Tensor& s = a.tensors[i];
    const Tensor& t = b.tensors[i];
    INFO(s.name);
    CHECK(s.name == t.name);
    CHECK(s.type == t.type);
    CHECK(s.shape == t.shape);
    CHECK(s.batched == t.batched);
    CHECK(s.quant == t.quant);
    CHECK(s.constant() == t.constant());
    CHECK(std::ranges::equal(s.data.bytes(), t.data.bytes()));
    if (t.constant()) CHECK(reinterpret_cast<std::uintptr_t>(t.data.bytes().data()) % 64 == 0);
  }
  REQUIRE(a.nodes.size() == b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    INFO(a.nodes[i].name);
    CHECK(a.nodes[i].name == b.nodes[i].name);
    CHECK(a.nodes[i].op() == b.nodes[i].op());
    CHECK(a.nodes[i].inputs == b.nodes[i].inputs);
    CHECK(a.nodes[i].outputs == b.nodes[i].outputs);
    CHECK(a.nodes[i].sources == b.nodes[i].sources);
    CHECK(a.nodes[i].float_reason == b.nodes[i].float_reason);
  }
  CHECK(a.inputs == b.inputs);
  CHECK(a.outputs == b.outputs);
}

TEST_CASE("everything survives writing and reading") {
  const Graph g = full_graph();
  const auto file = must(octet::serialize(must(octet::make_model(g))));
  const auto model = must(Model::load(file));
  const Graph& r = model.impl().graph;
  check_same(g, r);
  REQUIRE(r.preprocessing.size() == 1);
  REQUIRE(r.preprocessing[0] != nullptr);
  CHECK(r.preprocessing[0]->scale == 1.0F / 255);
  CHECK(r.preprocessing[0]->mean == std::vector<float>{0.5F, 0.25F});
  CHECK(r.preprocessing[0]->std == std::vector<float>{0.125F, 2.0F});
  CHECK(r.provenance.tool_version == "9.8.7");
  CHECK(r.provenance.source_name == "source.onnx");
  CHECK(r.provenance.source_hash == 0xFEDCBA9876543210U);
  CHECK(r.provenance.source_bytes == 123);
  CHECK(r.provenance.calibrator == "minmax");
  CHECK(r.provenance.calibrator_options == "p = 1");
  CHECK(r.provenance.weight_calibrator == "mse");
  CHECK(r.provenance.calibration_samples == 77);
  CHECK(r.provenance.calibration_hash == 0x0123456789ABCDEFU);
  CHECK(r.provenance.repair == "equalize");
  REQUIRE(r.source_nodes.size() == 3);
  CHECK(r.source_nodes[0].name == "first \xC3\xA9");
  CHECK(r.source_nodes[1].op_type == "Relu");
  const auto& conv = r.nodes[1].as<octet::schema::ConvT>();
  CHECK(conv.pad_right == 1);
  CHECK(conv.pad_left == 0);
  CHECK(conv.clamp_min == 0.0F);
  CHECK(conv.clamp_max == kInf);
  CHECK(r.nodes[2].as<octet::schema::LookupT>().tables == g.nodes[2].as<octet::schema::LookupT>().tables);
  CHECK(r.nodes[4].as<octet::schema::ReshapeT>().shape == std::vector<int>{0, -1});
  // And once more: the same bytes.
  CHECK(must(octet::serialize(model)) == file);
}

TEST_CASE("no preprocessing stays none") {
  const auto model = must(Model::load(small_file()));
  CHECK(model.impl().graph.preprocessing[0] == nullptr);
}

TEST_CASE("the header says what the file is") {
  const auto file = small_file();
  CHECK(std::memcmp(file.data() + 4, "OCT1", 4) == 0);
  std::uint64_t size = 0;
  std::uint32_t version = 0;
  std::memcpy(&size, file.data() + 16, sizeof(size));
  std::memcpy(&version, file.data() + 24, sizeof(version));
  CHECK(size == file.size());
  CHECK(version == 1);
  for (std::size_t i = 28; i < octet::kHeaderBytes; ++i) CHECK(file[i] == std::byte{0});
  CHECK(octet::check_header(file).has_value());
}

TEST_CASE("the content hash is XXH64 with seed 0") {
  CHECK(octet::hash64({}) == 0xEF46DB3751D8E999U);
  CHECK(octet::hash64(std::as_bytes(std::span("abc", 3))) == 0x44BC2CF5AD770999U);
}

TEST_CASE("save writes serialize's bytes and nothing else") {
  const TempDir dir;
  const auto model = must(small_graph().model());
  const std::string path = dir.file("model.octet");
  CHECK(must(octet::save(model, path)) == small_file().size());
  const std::string text = slurp(path);
  const auto file = small_file();
  REQUIRE(text.size() == file.size());
  CHECK(std::memcmp(text.data(), file.data(), file.size()) == 0);
  CHECK(dir.list() == std::vector<std::string>{"model.octet"});
  // An existing file is replaced.
  must(octet::save(must(other_graph().model()), path));
  CHECK(slurp(path).size() == other_file().size());
  CHECK(dir.list() == std::vector<std::string>{"model.octet"});
}

TEST_CASE("a place that cannot be written is an error naming it, and nothing is left there") {
  const TempDir dir;
  const auto model = must(small_graph().model());
  check_error(octet::save(model, dir.file("none/model.octet")), ErrorCode::run_failed, {"none/model.octet"});
  dir.write("file", "text");
  check_error(octet::save(model, dir.file("file/model.octet")), ErrorCode::run_failed, {"file/model.octet"});
  fs::create_directory(dir.file("folder"));
  check_error(octet::save(model, dir.file("folder")), ErrorCode::run_failed, {"folder"});
  check_error(octet::save(model, ""), ErrorCode::run_failed, {});
  CHECK(dir.list() == std::vector<std::string>{"file", "folder"});
}

TEST_CASE("a write that fails half way leaves the old file as it was") {
  const TempDir dir;
  const auto model = must(small_graph().model());
  const std::string path = dir.write("model.octet", "the old file");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 1000;  // bytes a file may have: a full disk
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const auto saved = octet::save(model, path);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  check_error(saved, ErrorCode::run_failed, {"model.octet"});
  CHECK(slurp(path) == "the old file");
  CHECK(dir.list() == std::vector<std::string>{"model.octet"});
}

TEST_CASE("a model that cannot take zeros, a mean over those a mask names, is written") {
  GraphBuilder b;
  const int mask = b.input("mask", Type::s64, {1, 4});
  const int weights = b.node("weights", octet::schema::CastT{}, {mask});
  octet::schema::ReduceT sum;
  sum.reduction = octet::schema::Reduction::Sum;
  sum.axes = {1};
  octet::schema::BinaryT quotient;
  quotient.function = octet::schema::BinaryFunction::Div;
  const int share = b.node("share", quotient, {weights, b.node("sum", sum, {weights})});
  b.node("q", octet::schema::QuantizeT{}, {share}, Type::u8, affine(1.0F / 255, 0));  // a NaN is an error of the run
  CHECK(octet::serialize(must(b.model())).has_value());
}

TEST_CASE("a model that cannot take an image of one color is written; one that can take nothing is invalid") {
  const auto model = [](float factor) {
    GraphBuilder b;
    const int x = b.input("x", Type::f32, {1, 4, 4});
    octet::schema::ReduceT least, most;
    least.reduction = octet::schema::Reduction::Min;
    most.reduction = octet::schema::Reduction::Max;
    least.axes = most.axes = {1, 2};
    const int lo = b.node("lo", least, {x});
    const int range = b.node("range", octet::schema::SubT{}, {b.node("hi", most, {x}), lo});
    octet::schema::BinaryT quotient, product;
    quotient.function = octet::schema::BinaryFunction::Div;
    product.function = octet::schema::BinaryFunction::Mul;
    const int share = b.node("share", quotient, {b.node("above", octet::schema::SubT{}, {x, lo}), range});
    const int scaled = b.node("scaled", octet::schema::MulT{}, {share, b.constant("factor", {1, 1, 1}, std::vector<float>{factor})});
    b.node("q", octet::schema::QuantizeT{}, {scaled}, Type::u8, affine(1.0F / 255, 0));
    return must(b.model());
  };
  CHECK(octet::serialize(model(1)).has_value());
  check_invalid(octet::serialize(model(std::numeric_limits<float>::quiet_NaN())), {"not valid", "'q'", "NaN"});
}

TEST_CASE("what would not be read back is not written") {
  auto impl = std::make_shared<Model::Impl>();
  impl->graph = full_graph();
  impl->graph.tensors[1].quant.scales[0] = -1.0F;
  const TempDir dir;
  check_invalid(octet::save(Model(impl), dir.file("model.octet")), {"not valid", "'q'"});
  CHECK(dir.list().empty());
}

}  // namespace
}  // namespace octet_test
