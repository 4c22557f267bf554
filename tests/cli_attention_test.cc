// A model of token ids and a mask, with attention, through the program: convert, explain, verify, bench, run.
#include "support/cli_models.h"
#include "support/program.h"

namespace octet_test {
namespace {

using nlohmann::json;

using Ints = std::vector<std::int64_t>;
using Strings = std::vector<std::string>;

constexpr std::int64_t kSamples = 12, kLength = 8, kWidth = 16, kWords = 40;

/// Words, one head of attention over those the mask names, and the mean of these.
ModelBuilder encoder() {
  ModelBuilder m;
  m.input("ids", {kOpen, kLength}, onnx::TensorProto::INT64).input("mask", {kOpen, kLength}, onnx::TensorProto::INT64).output("mean");
  m.random("words", {kWords, kWidth}).random("wq", {kWidth, kWidth}).random("wk", {kWidth, kWidth});
  m.f32("root", {}, {4}).f32("one", {}, {1}).f32("big", {}, {-10000}).s64("axis1", {1}).s64("axis2", {2});
  m.node("Gather", {"words", "ids"}, {"x"}).named("embed");
  m.node("MatMul", {"x", "wq"}, {"q"}).named("query");
  m.node("MatMul", {"x", "wk"}, {"k"}).named("key");
  m.node("Transpose", {"k"}, {"kt"}).with("perm", Ints{0, 2, 1}).named("flip");
  m.node("MatMul", {"q", "kt"}, {"scores"}).named("scores");
  m.node("Div", {"scores", "root"}, {"scaled"}).named("scale");
  m.node("Cast", {"mask"}, {"m"}).with("to", 1).named("cast");
  m.node("Sub", {"one", "m"}, {"inverse"}).named("inverse");
  m.node("Mul", {"inverse", "big"}, {"bias"}).named("bias");
  m.node("Unsqueeze", {"bias", "axis1"}, {"bias3"}).named("bias3");
  m.node("Add", {"scaled", "bias3"}, {"masked"}).named("masked");
  m.node("Softmax", {"masked"}, {"shares"}).with("axis", -1).named("shares");
  m.node("MatMul", {"shares", "x"}, {"mixed"}).named("mix");
  m.node("Unsqueeze", {"m", "axis2"}, {"m3"}).named("m3");
  m.node("Mul", {"mixed", "m3"}, {"kept"}).named("kept");
  m.node("ReduceSum", {"kept", "axis1"}, {"total"}).with("keepdims", 0).named("total");
  m.node("ReduceSum", {"m", "axis1"}, {"count"}).named("count");
  m.node("Div", {"total", "count"}, {"mean"}).named("mean");
  return m;
}

std::string write_integers(const TempDir& dir, const std::string& name, const Ints& values) {
  octet::cli::Array array{octet::Type::s64, {kSamples, kLength}, {}};
  const auto bytes = std::as_bytes(std::span(values));
  array.bytes.assign(bytes.begin(), bytes.end());
  return write_array(dir, name, array);
}

TEST_CASE("cli attention: calibrated on whole sequences, run on padded ones") {
  const TempDir dir;
  const std::string source = dir.write("encoder.onnx", encoder().bytes());
  const std::string target = dir.file("encoder.octet");
  Ints ids, whole(kSamples * kLength, 1), padded;
  for (std::int64_t i = 0; i < kSamples * kLength; ++i) {
    ids.push_back((i * 17 + i / kLength) % kWords);
    padded.push_back(i % kLength < 3 + i / kLength % (kLength - 2) ? 1 : 0);
  }
  const std::string words = "ids=" + write_integers(dir, "ids.npy", ids);
  const std::string ones = "mask=" + write_integers(dir, "ones.npy", whole);
  const std::string some = "mask=" + write_integers(dir, "some.npy", padded);
  octet_json({"convert", source, "-o", target, "--data", words, "--data", ones, "--calibrator", "minmax"});
  const json explained = octet_json({"explain", target});
  CHECK(explained["macs"]["float"] == 0);
  CHECK(explained["macs"]["int8"] > 0);
  for (const json& n : explained["nodes"])
    if (n["name"] == "masked" || n["name"] == "scale" || n["name"] == "shares") CHECK(n["type"] == "u8");
  const json verified = octet_json({"verify", target, "--against", source, "--data", words, "--data", some});
  CHECK(verified["output"]["sqnr_db"] > 20);
  CHECK(verified["diagnosis_samples"] == kSamples);
  CHECK(octet_json({"bench", target, "--seconds", "0.02", "--warmup", "0"})["latency_us"]["min"] > 0);
  CHECK(octet_json({"bench", source, "--seconds", "0.02", "--warmup", "0"})["latency_us"]["min"] > 0);
}

}  // namespace
}  // namespace octet_test
