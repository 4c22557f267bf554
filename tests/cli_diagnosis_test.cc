// What verify and convert say about layers that cost accuracy.
#include <cmath>

#include "support/cli_models.h"
#include "support/program.h"

using namespace octet_test;
using nlohmann::json;

namespace {

constexpr std::int64_t kSamples = 40;

/// x [N,16] -> Gemm "first" -> Relu -> Gemm "second" -> y [N,6], every other hidden channel 1000 times too large.
ModelBuilder unbalanced() {
  ModelBuilder m;
  std::vector<float> w1 = random_values(16 * 12, 1);
  std::vector<float> w2 = random_values(12 * 6, 2);
  for (std::size_t c = 0; c < 12; c += 2) {
    for (std::size_t i = 0; i < 16; ++i) w1[c * 16 + i] *= 1000;
    for (std::size_t o = 0; o < 6; ++o) w2[o * 12 + c] /= 1000;
  }
  m.input("x", {kOpen, 16}).output("y");
  m.f32("w1", {12, 16}, w1).f32("w2", {6, 12}, w2);
  m.node("Gemm", {"x", "w1"}, {"a"}).named("first").with("transB", 1);
  m.node("Relu", {"a"}, {"r"}).named("relu");
  m.node("Gemm", {"r", "w2"}, {"y"}).named("second").with("transB", 1);
  return m;
}

struct Fixture : TempDir {
  Fixture() {
    write("good.onnx", classifier().bytes());
    write_array(*this, "good.npy", random_array({kSamples, 1, 8, 8}, 3));
    write("bad.onnx", unbalanced().bytes());
    write_array(*this, "bad.npy", random_array({kSamples, 16}, 4));
    octet_output(convert("good", {}));
    CHECK(octet_program(convert("bad", {"--repair", "none"})).code == 0);
  }
  [[nodiscard]] Args convert(const std::string& name, const Args& more) const {
    Args args = {"convert", file(name + ".onnx"), "-o", file(name + ".octet"), "--data", file(name + ".npy")};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  [[nodiscard]] Args verify(const std::string& name, const Args& more = {}) const {
    Args args = {"verify", file(name + ".octet"), "--against", file(name + ".onnx"), "--data", file(name + ".npy")};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
};

const Fixture& fixture() {
  static const Fixture made;
  return made;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("cli diagnosis: verify ranks layers by the damage they do to the outputs") {
  const json report = octet_json(fixture().verify("good"));
  CHECK(report["diagnosis_samples"] == kSamples);
  const json& worst = report["diagnosis"];
  REQUIRE(worst.size() == 3);  // the input, conv, fc
  double shares = 0;
  for (std::size_t i = 0; i < worst.size(); ++i) {
    for (const char* key : {"name", "op", "damage_db", "damage_share", "cause", "detail", "fix", "fixed_db"}) CHECK(worst[i].contains(key));
    if (i > 0) CHECK(worst[i]["damage_db"] >= worst[i - 1]["damage_db"]);
    shares += worst[i]["damage_share"].get<double>();
  }
  CHECK(shares == doctest::Approx(1));
  // The keys of old are still there, and the new ones beside them.
  for (const json& layer : report["layers"]) {
    for (const char* key : {"name", "op", "sqnr_db", "cosine", "max_abs", "clipped"}) CHECK(layer.contains(key));
    CHECK(layer.contains("damage_db") == (layer["name"] == "conv" || layer["name"] == "fc"));
  }
  CHECK(report["output"]["sqnr_db"] > 25);
}

TEST_CASE("cli diagnosis: verify names cause and option, and the option keeps its promise") {
  const Fixture& f = fixture();
  const json before = octet_json(f.verify("bad"));
  const json worst = before["diagnosis"][0];
  CHECK((worst["name"] == "first" || worst["name"] == "second"));
  CHECK(worst["fix"] == "--repair equalize");
  CHECK(worst["damage_db"] < 25);
  CHECK(worst["fixed_db"] > 35);
  CHECK(worst["detail"].get<std::string>().size() > 20);
  const std::string text = octet_output(f.verify("bad"));
  CHECK(contains(text, "Each layer quantized by itself, all others in float (40 samples), worst first:"));
  CHECK(contains(text, "  --repair equalize would leave "));
  CHECK(text.find(worst["name"].get<std::string>()) < text.find("x_quantized"));

  octet_output({"convert", f.file("bad.onnx"), "-o", f.file("fixed.octet"), "--data", f.file("bad.npy"), "--repair", "equalize"});
  const json after = octet_json({"verify", f.file("fixed.octet"), "--against", f.file("bad.onnx"), "--data", f.file("bad.npy")});
  CHECK(after["output"]["sqnr_db"].get<double>() > before["output"]["sqnr_db"].get<double>() + 10);
  CHECK(after["diagnosis"][0]["fix"] == "");
}

TEST_CASE("cli diagnosis: the same on any number of threads, and not at all where it is not wanted") {
  const Fixture& f = fixture();
  const std::string one = octet_output(f.verify("bad", {"--json", "-", "--threads", "1"}));
  CHECK(octet_output(f.verify("bad", {"--json", "-", "--threads", "3"})) == one);
  const json none = octet_json(f.verify("bad", {"--damage-samples", "0"}));
  CHECK(none["diagnosis"] == json::array());
  CHECK(none["diagnosis_samples"] == 0);
  CHECK(none["layers"].size() == json::parse(one)["layers"].size());
  CHECK(octet_json(f.verify("bad", {"--damage-samples", "7"}))["diagnosis_samples"] == 7);
  const Ran wrong = octet_program(f.verify("bad", {"--damage-samples", "-1"}));
  CHECK(wrong.code == 2);
  CHECK(contains(wrong.err, "--damage-samples"));
}

TEST_CASE("cli diagnosis: dynamic models") {
  const Fixture& f = fixture();
  octet_output({"convert", f.file("bad.onnx"), "-o", f.file("dynamic.octet"), "--mode", "dynamic", "--repair", "none"});
  const json report = octet_json({"verify", f.file("dynamic.octet"), "--against", f.file("bad.onnx"), "--data", f.file("bad.npy")});
  REQUIRE(report["diagnosis"].size() == 2);
  CHECK(report["diagnosis"][0]["name"] == "second");
  CHECK(report["diagnosis"][0]["damage_db"] < report["diagnosis"][1]["damage_db"]);
}

TEST_CASE("cli diagnosis: convert estimates the outputs' SQNR, as verify measures it") {
  const Fixture& f = fixture();
  const json report = octet_json(f.convert("good", {}));
  CHECK(report["worst_layer"].is_null());
  const double estimated = report["output"]["sqnr_db"];
  const double measured = octet_json(f.verify("good"))["output"]["sqnr_db"];
  CHECK(estimated == doctest::Approx(measured).epsilon(0.02));  // both of all samples, which are few
  CHECK(contains(octet_output(f.convert("good", {})), "output SQNR"));

  octet_output({"convert", f.file("good.onnx"), "-o", f.file("float.octet"), "--mode", "float"});
  const json dynamic = octet_json({"convert", f.file("good.onnx"), "-o", f.file("d.octet"), "--mode", "dynamic"});
  CHECK(dynamic["output"].is_null());  // there is no data
}

TEST_CASE("cli diagnosis: convert warns with layer, cause and option where the SQNR is low") {
  const Fixture& f = fixture();
  const Ran ran = octet_program(f.convert("bad", {"--repair", "none", "--calibrator", "minmax", "--weights", "per-tensor", "--json", "-"}));
  CHECK(ran.code == 0);
  const json report = json::parse(ran.out);
  REQUIRE(report["output"]["sqnr_db"] < 20);
  const json& worst = report["worst_layer"];
  CHECK(worst["fix"] == "--repair equalize");
  CHECK(contains(ran.err, "octet convert: warning: the outputs' SQNR is "));
  CHECK(contains(ran.err, "the worst layer: " + worst["name"].get<std::string>() + " (FullyConnected) alone leaves "));
  CHECK(contains(ran.err, worst["cause"].get<std::string>()));
  CHECK(contains(ran.err, "--repair equalize would leave "));
  CHECK(octet_program(f.convert("bad", {"--repair", "none"})).code == 0);
}
