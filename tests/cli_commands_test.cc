// The commands on a small model, from inspection to measurement: what they print and agree on.
#include <cmath>
#include <cstring>

#include "kernels/isa.h"
#include "support/cli_fixture.h"

using namespace octet_test;
using nlohmann::json;

namespace {

/// What identifies a node of the source in explain's and verify's lists.
std::vector<std::string> names(const json& list) {
  std::vector<std::string> result;
  for (const json& item : list) result.push_back(item["name"]);
  return result;
}

/// Whether a convolution's kernel does the max-pool that follows, too.
bool pools(const std::string& kernel) { return kernel.find(" + max_pool") != std::string::npos; }

}  // namespace

TEST_CASE("cli commands: inspect shows every tensor") {
  const Fixture& f = fixture();
  const json report = octet_json({"inspect", f.file("net.octet")});
  check_keys(report, {"bytes", "provenance", "tensors", "nodes"});
  CHECK(report["bytes"] == fs::file_size(f.file("net.octet")));
  check_keys(report["provenance"], {"tool_version", "source_name", "source_bytes", "source_hash", "calibrator",
                                    "calibration_samples", "calibration_hash"});
  CHECK(report["provenance"]["source_name"] == "net.onnx");
  CHECK(report["provenance"]["calibration_samples"] == kSamples);
  const std::string text = octet_output({"inspect", f.file("net.octet")});
  std::set<std::string> kinds;
  for (const json& t : report["tensors"]) {
    check_keys(t, {"name", "kind", "type", "shape", "batched", "scales", "zero_points", "bytes"});
    CHECK(text.find(t["name"].get<std::string>()) != std::string::npos);
    kinds.insert(t["kind"]);
    for (const double scale : t["scales"]) CHECK(scale > 0);
  }
  CHECK(kinds == std::set<std::string>{"input", "output", "constant", "activation"});
  CHECK(text.find("takes raw bytes: x = (byte * 0.00784313") != std::string::npos);
}

TEST_CASE("cli commands: explain accounts for every node of the source") {
  const Fixture& f = fixture();
  const std::vector<std::string> source = {"conv", "relu", "pool", "flatten", "fc"};
  const std::vector<std::string> ops = {"Conv", "Relu", "MaxPool", "Flatten", "Gemm"};
  const std::vector<std::string> octet_ops = {"Conv", "Conv", "MaxPool", "Reshape", "FullyConnected"};
  for (const char* model : {"net.octet", "net.onnx"}) {
    CAPTURE(model);
    const json nodes = octet_json({"explain", f.file(model)})["nodes"];
    CHECK(names(nodes) == source);
    const std::string text = octet_output({"explain", f.file(model)});
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const json& n = nodes[i];
      check_keys(n, {"name", "op", "operator", "kernel", "why", "type", "isa", "fused_into", "reason", "macs"});
      CHECK(n["op"] == ops[i]);
      CHECK(n["operator"] == octet_ops[i]);
      CHECK(n["type"] == (std::string(model) == "net.octet" ? "u8" : "f32"));
      const bool pooled = source[i] == "pool" && pools(nodes[0]["kernel"]);
      CHECK(n["fused_into"] == (source[i] == "relu" || pooled ? "conv" : ""));
      CHECK(n["kernel"] != "");
      CHECK(n["isa"] != "");
      if (n["operator"] != "Reshape") CHECK(n["why"] != "");
      CHECK(text.find(source[i]) != std::string::npos);
    }
    CHECK(nodes[0]["macs"] == 8 * 8 * 4 * 9);
    CHECK(nodes[4]["macs"] == 640);
  }
  const json reference = json::parse(octet_output({"explain", f.file("net.octet"), "--json", "-"}, {"OCTET_ISA=reference"}));
  for (const json& n : reference["nodes"]) CHECK(n["isa"] == "reference");
}

TEST_CASE("cli commands: run writes the same bytes whatever the batch, the threads and the ISA") {
  const Fixture& f = fixture();
  const auto result = [&](const Args& more, const Args& environment = {}) {
    Args args = {"run", f.file("net.octet"), "--data", f.file("images.npy"), "--out", f.file("out.npy")};
    args.insert(args.end(), more.begin(), more.end());
    octet_output(args, environment);
    return slurp(f.file("out.npy"));
  };
  const std::string one = result({"--batch", "1"});
  CHECK(Fixture::array(f.file("out.npy")).type == octet::Type::f32);
  CHECK(result({"--batch", "3"}) == one);
  CHECK(result({"--batch", "1000"}) == one);
  CHECK(result({"--threads", "3", "--batch", "7"}) == one);
  CHECK(result({}, {"OCTET_ISA=reference"}) == one);
  result({"--samples", "4"});
  const octet::cli::Array four = Fixture::array(f.file("out.npy"));
  CHECK(four.shape == std::vector<std::int64_t>{4, 10});
  CHECK(std::memcmp(four.bytes.data(), one.data() + one.size() - kSamples * 40, four.bytes.size()) == 0);
}

TEST_CASE("cli commands: eval counts what run answers") {
  const Fixture& f = fixture();
  const json exact = octet_json(
      f.with_scale({"eval", f.file("net.onnx"), "--data", f.file("images.npy"), "--labels", f.file("labels.txt")}));
  check_keys(exact, {"accuracy", "correct", "total"});
  CHECK(exact["accuracy"] == 1.0);
  CHECK(exact["total"] == kSamples);

  octet_output({"run", f.file("net.octet"), "--data", f.file("images.npy"), "--out", f.file("logits.npy")});
  const auto classes = Fixture::classes(f.file("logits.npy"));
  std::int64_t agreed = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) agreed += classes[i] == f.labels[i];
  CHECK(agreed >= kSamples * 9 / 10);
  for (const char* batch : {"1", "32"}) {
    const json report = octet_json({"eval", f.file("net.octet"), "--data", f.file("images.npy"), "--labels",
                                    f.file("labels.txt"), "--batch", batch});
    CHECK(report["correct"] == agreed);
    CHECK(report["accuracy"] == static_cast<double>(agreed) / kSamples);
  }
  // More labels than samples are no mistake.
  CHECK(octet_json({"eval", f.file("net.octet"), "--data", f.file("images.npy"), "--labels", f.file("labels.txt"),
                    "--samples", "5"})["total"] == 5);
}

TEST_CASE("cli commands: verify compares layer by layer") {
  const Fixture& f = fixture();
  const Args args = {"verify", f.file("net.octet"), "--against", f.file("net.onnx"), "--data", f.file("images.npy")};
  const json report = octet_json(args);
  check_keys(report, {"layers", "output", "top1_agreement"});
  CHECK(names(report["layers"]) == std::vector<std::string>{"conv", "pool", "flatten", "fc"});
  for (const json& layer : report["layers"]) {
    check_keys(layer, {"name", "op", "sqnr_db", "cosine", "max_abs", "clipped"});
    CHECK(layer["sqnr_db"] > 25);
    CHECK(layer["cosine"] > 0.99);
    CHECK(layer["max_abs"] > 0);
    CHECK(layer["clipped"] == 0);  // calibrated on these very images
  }
  check_keys(report["output"], {"sqnr_db", "cosine", "max_abs"});
  CHECK(report["output"]["sqnr_db"] > 25);
  std::int64_t agreed = 0;
  octet_output({"run", f.file("net.octet"), "--data", f.file("images.npy"), "--out", f.file("logits.npy")});
  const auto classes = Fixture::classes(f.file("logits.npy"));
  for (std::size_t i = 0; i < classes.size(); ++i) agreed += classes[i] == f.labels[i];
  CHECK(report["top1_agreement"] == static_cast<double>(agreed) / kSamples);
  const std::string text = octet_output(args);
  for (const char* word : {"SQNR dB", "cosine", "max abs", "clipped %", "logits", "top-1 agreement"})
    CHECK_MESSAGE(text.find(word) != std::string::npos, word);

  // Values beyond what calibration saw are clipped, and the table says where.
  f.convert("narrow.octet", {"--samples", "1"});
  double clipped = 0;
  const json narrow =
      octet_json({"verify", f.file("narrow.octet"), "--against", f.file("net.onnx"), "--data", f.file("images.npy")});
  for (const json& layer : narrow["layers"]) clipped += layer["clipped"].get<double>();
  CHECK(clipped > 0);
}

TEST_CASE("cli commands: bench measures") {
  const Fixture& f = fixture();
  for (const char* model : {"net.octet", "net.onnx"}) {
    CAPTURE(model);
    const json report =
        octet_json({"bench", f.file(model), "--batch", "2", "--seconds", "0.05", "--warmup", "0.01", "--profile"});
    check_keys(report,
               {"model", "isa", "threads", "batch", "load_ms", "arena_bytes", "weight_bytes", "latency_us", "ops"});
    CHECK(report["model"] == f.file(model));
    CHECK(report["batch"] == 2);
    CHECK(report["threads"] == 1);
    CHECK(report["load_ms"] > 0);
    CHECK(report["arena_bytes"] > 0);
    CHECK(report["weight_bytes"] > 0);
    const json& us = report["latency_us"];
    check_keys(us, {"min", "p50", "p90", "p99", "mean"});
    CHECK(us["min"] > 0);
    CHECK(us["min"] <= us["p50"]);
    CHECK(us["p50"] <= us["p90"]);
    CHECK(us["p90"] <= us["p99"]);
    CHECK(us["min"] <= us["mean"]);
    std::set<std::string> layers;
    for (const json& op : report["ops"]) {
      check_keys(op, {"name", "op", "kernel", "why", "us", "macs"});
      CHECK(op["us"] >= 0);
      layers.insert(op["name"]);
      if (op["name"] == "conv") CHECK(op["macs"] == 2 * 8 * 8 * 4 * 9);
    }
    CHECK(layers.contains("conv"));
    CHECK(layers.contains("fc"));
  }
  const std::string text = octet_output({"bench", f.file("net.octet"), "--seconds", "0.01", "--warmup", "0"});
  for (const char* word : {"load ", "arena ", "weights ", "min ", "p50 ", "p90 ", "p99 ", "mean "})
    CHECK_MESSAGE(text.find(word) != std::string::npos, word);
  CHECK(octet_json({"bench", f.file("net.octet"), "--seconds", "0.01", "--warmup", "0"})["ops"].empty());
}

TEST_CASE("cli commands: bench compares layers with their float form, and both it and explain choose kernels by timing where asked") {
  const Fixture& f = fixture();
  const json report = octet_json({"bench", f.file("net.octet"), "--seconds", "0.05", "--warmup", "0", "--profile", "--compare-float", "--batch", "3"});
  std::set<std::string> compared;
  for (const json& op : report["ops"])
    if (op.contains("float_us") && op["float_us"] > 0) compared.insert(op["name"]);
  const bool pooled = pools(report["ops"][0]["kernel"]) || pools(report["ops"][1]["kernel"]);  // by the convolution, whose time has both
  CHECK(compared == (pooled ? std::set<std::string>{"conv", "fc"} : std::set<std::string>{"conv", "fc", "pool"}));
  for (const json& op : report["ops"])
    if (op["name"] == "pool") CHECK((op["kernel"] == "fused into conv") == pooled);
  const std::string text = octet_output({"bench", f.file("net.octet"), "--seconds", "0.05", "--warmup", "0", "--profile", "--compare-float"});
  CHECK(text.find(pooled ? "of 2 int8 layers with a float form are slower than it" : "of 3 int8 layers with a float form are slower than it") != std::string::npos);
  const json real = octet_json({"bench", f.file("net.onnx"), "--seconds", "0.02", "--profile", "--compare-float"});
  for (const json& op : real["ops"]) CHECK_FALSE(op.contains("float_us"));

  if (!octet::kernels::cpu_has(octet::kernels::Isa::avx2)) return;
  const std::string name = octet::kernels::name_of(octet::kernels::best_isa());
  const json tuned = octet_json({"explain", f.file("net.octet"), "--tune"})["nodes"];
  CHECK(tuned[0]["why"].get<std::string>().starts_with("timed: "));
  CHECK(octet_json({"bench", f.file("net.octet"), "--tune", "--seconds", "0.02"})["isa"] == name);
}

TEST_CASE("cli commands: explain counts multiply-accumulates, and speaks of nodes that became several or none") {
  const TempDir dir;
  dir.write("net.onnx", mixed().bytes());
  write_array(dir, "data.npy", random_array({5, 4}, 3));
  octet_output({"convert", dir.file("net.onnx"), "-o", dir.file("net.octet"), "--data", dir.file("data.npy"), "--float", "mean"});
  const json report = octet_json({"explain", dir.file("net.octet")});
  CHECK(report["macs"]["int8"] == 16);
  CHECK(report["macs"]["float"] == 0);
  const json& nodes = report["nodes"];
  REQUIRE(nodes.size() == 4);
  CHECK(nodes[0]["type"] == "u8");
  CHECK(nodes[1]["type"] == "folded");
  CHECK(nodes[1]["operator"] == "");
  CHECK(nodes[2]["type"] == "f32");
  CHECK(nodes[2]["reason"].get<std::string>().find("spread") != std::string::npos);
  CHECK(nodes[3]["reason"].get<std::string>().find("request") != std::string::npos);
  const std::string text = octet_output({"explain", dir.file("net.octet")});
  CHECK(text.find("16 multiply-accumulates: 100.00 % int8") != std::string::npos);
  CHECK(text.find("computed at conversion, or nothing") != std::string::npos);
  CHECK(octet_json({"explain", dir.file("net.onnx")})["macs"]["float"] == 16);
}

TEST_CASE("cli commands: operators prints the table of the document") {
  CHECK(octet_output({"operators"}).find("| Abs | Pointwise | yes |") != std::string::npos);
  CHECK(octet_output({"--help"}).find("\n  operators") == std::string::npos);
}
