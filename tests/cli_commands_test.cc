// The commands on a small model, from conversion to measurement: what they print, write and agree on.
#include <cmath>
#include <cstring>
#include <set>

#include "cli/data/source.h"
#include "kernels/isa.h"
#include "support/cli_models.h"
#include "support/data_files.h"
#include "support/program.h"

using namespace octet_test;
using nlohmann::json;

namespace {

constexpr std::int64_t kSamples = 50;

/// A model of random weights, images of random bytes, and as labels what the float model answers.
struct Fixture : TempDir {
  Fixture() {
    write("net.onnx", classifier().bytes());
    octet::cli::Array images{octet::Type::u8, {kSamples, 1, 8, 8}, {}};
    std::mt19937 random(7);
    for (std::int64_t i = 0; i < kSamples * 64; ++i) images.bytes.push_back(static_cast<std::byte>(random() & 255U));
    write_array(*this, "images.npy", images);
    convert("net.octet");
    run({"run", file("net.onnx"), "--data", file("images.npy"), "--out", file("float.npy")}, true);
    labels = classes(file("float.npy"));
    write_labels(*this, "labels.txt", labels);
  }

  Args with_scale(Args args) const {
    args.insert(args.end(), {"--scale", "0.00784313725490196", "--mean", "1", "--std", "0.5"});
    return args;
  }
  std::string run(const Args& args, bool scale = false) const { return octet_output(scale ? with_scale(args) : args); }
  std::string convert(const std::string& name, const Args& more = {}) const {
    Args args = {"convert", file("net.onnx"), "-o", file(name), "--data", file("images.npy")};
    args.insert(args.end(), more.begin(), more.end());
    run(args, true);
    return slurp(file(name));
  }

  static octet::cli::Array array(const std::string& path) { return must(octet::cli::read_data(path)).at(""); }
  /// The largest score of each row.
  static std::vector<std::int64_t> classes(const std::string& path) {
    const octet::cli::Array a = array(path);
    REQUIRE(a.shape == std::vector<std::int64_t>{kSamples, 10});
    const auto values = a.as<float>();
    std::vector<std::int64_t> result;
    for (std::int64_t i = 0; i < kSamples; ++i) {
      const auto row = values.begin() + 10 * i;
      result.push_back(std::max_element(row, row + 10) - row);
    }
    return result;
  }

  std::vector<std::int64_t> labels;
};

const Fixture& fixture() {
  static const Fixture made;
  return made;
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> result;
  for (const auto& [key, value] : object.items()) result.insert(key);
  return result;
}

/// The keys scripts read, whatever else there is.
void check_keys(const json& object, const std::set<std::string>& wanted) {
  const auto there = keys(object);
  for (const std::string& key : wanted) CHECK_MESSAGE(there.contains(key), key);
}

/// What identifies a node of the source in explain's and verify's lists.
std::vector<std::string> names(const json& list) {
  std::vector<std::string> result;
  for (const json& item : list) result.push_back(item["name"]);
  return result;
}

}  // namespace

TEST_CASE("cli commands: convert's memory does not grow with the samples") {
  const Fixture& f = fixture();
  std::mt19937 random(3);
  octet::cli::Array images{octet::Type::u8, {200'000, 1, 8, 8}, {}};
  images.bytes.resize(std::size_t{200'000} * 64);
  for (auto& byte : images.bytes) byte = static_cast<std::byte>(random() & 255U);
  must(octet::cli::write_npy(f.file("many.npy"), images));
  [[maybe_unused]] const auto peak = [&](const std::string& samples) {
    return octet_json(f.with_scale({"convert", f.file("net.onnx"), "-o", f.file("many.octet"), "--data", f.file("many.npy"),
                                    "--samples", samples, "--calibrator", "mse"}))["peak_rss_bytes"]
        .get<std::int64_t>();
  };
#ifndef __SANITIZE_ADDRESS__  // its quarantine keeps what was freed
  CHECK(peak("200000") < peak("500") + (std::int64_t{3} << 20U));  // the data are 12 MiB
#endif
  fs::remove(f.file("many.npy"));
}

TEST_CASE("cli commands: convert reports what it did") {
  const Fixture& f = fixture();
  const json report = octet_json(
      f.with_scale({"convert", f.file("net.onnx"), "-o", f.file("again.octet"), "--data", f.file("images.npy")}));
  check_keys(report, {"float_bytes", "octet_bytes", "calibrator", "nodes", "seconds", "peak_rss_bytes"});
  CHECK(report["float_bytes"] == fs::file_size(f.file("net.onnx")));
  CHECK(report["octet_bytes"] == fs::file_size(f.file("again.octet")));
  CHECK(report["calibrators"].size() == 6);  // auto, by default
  for (const json& tried : report["calibrators"]) CHECK(tried["chosen"] == (tried["calibrator"] == report["calibrator"]));
  const json alone =
      octet_json(f.with_scale({"convert", f.file("net.onnx"), "-o", f.file("again.octet"), "--data",
                               f.file("images.npy"), "--calibrator", "percentile", "--percentile", "99.9"}));
  CHECK(alone["calibrator"] == "percentile");
  CHECK(alone["calibrators"].empty());
  CHECK(report["nodes"] == json({{"int8", 5}, {"float", 0}, {"integer", 0}, {"folded", 0}}));
  CHECK(report["seconds"] > 0);
  CHECK(report["peak_rss_bytes"] > 1 << 20);

  const std::string text =
      f.run({"convert", f.file("net.onnx"), "-o", f.file("again.octet"), "--data", f.file("images.npy")}, true);
  CHECK(text.find("nodes: 5 int8, 0 float, 0 folded") != std::string::npos);
}

TEST_CASE("cli commands: the peak memory is the program's own, not that of who started it") {
  const Fixture& f = fixture();
  constexpr std::size_t kLarge = std::size_t{512} << 20U;
  const std::vector<char> large(kLarge, 1);  // touched
  const json report = octet_json({"convert", f.file("net.onnx"), "-o", f.file("small.octet"), "--mode", "float"});
  CHECK(report["peak_rss_bytes"] > 1 << 20);
  CHECK(report["peak_rss_bytes"] < kLarge);
  CHECK(large.back() == 1);
}

TEST_CASE("cli commands: convert gives the same bytes again, whatever the threads") {
  const Fixture& f = fixture();
  const std::string bytes = slurp(f.file("net.octet"));
  CHECK(f.convert("a.octet") == bytes);
  CHECK(f.convert("b.octet", {"--threads", "4"}) == bytes);
  CHECK(f.convert("c.octet", {"--samples", "20"}) != bytes);
  CHECK(f.convert("d.octet", {"--weights", "per-tensor"}) != bytes);
  CHECK(f.convert("e.octet", {"--activations", "symmetric"}) != bytes);
  // An existing file, and what a link points to, are replaced.
  fs::create_symlink(f.file("c.octet"), f.file("link.octet"));
  CHECK(f.convert("link.octet") == bytes);
  CHECK(fs::is_symlink(f.file("link.octet")));
  CHECK(slurp(f.file("c.octet")) == bytes);
}

TEST_CASE("cli commands: convert --json to a file, --mode float, --float") {
  const Fixture& f = fixture();
  f.convert("a.octet", {"--json", f.file("report.json")});
  CHECK(json::parse(slurp(f.file("report.json")))["schema_version"] == 1);

  octet_output({"convert", f.file("net.onnx"), "-o", f.file("float.octet"), "--mode", "float"});
  const json all_float = octet_json({"explain", f.file("float.octet")})["nodes"];
  for (const json& node : all_float) CHECK(node["type"] == "f32");
  f.run({"run", f.file("float.octet"), "--data", f.file("images.npy"), "--out", f.file("float_octet.npy")}, true);
  CHECK(slurp(f.file("float_octet.npy")) == slurp(f.file("float.npy")));

  f.convert("mixed.octet", {"--float", "fc"});
  const json mixed_nodes = octet_json({"explain", f.file("mixed.octet")})["nodes"];
  for (const json& node : mixed_nodes) {
    const bool kept = node["name"] == "fc";
    CHECK(node["type"] == (kept ? "f32" : "u8"));
    CHECK(node["reason"].get<std::string>().empty() == !kept);
  }
}

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

/// Whether a convolution's kernel does the max-pool that follows, too.
bool pools(const std::string& kernel) { return kernel.find(" + max_pool") != std::string::npos; }

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

TEST_CASE("cli commands: several inputs and outputs, by name and as .npz") {
  const TempDir dir;
  dir.write("two.onnx", two_inputs().bytes());
  ModelBuilder odd = two_inputs();  // a name with '='
  odd.proto.mutable_graph()->mutable_input(0)->set_name("a=b");
  odd.proto.mutable_graph()->mutable_node(0)->set_input(0, "a=b");
  dir.write("odd.onnx", odd.bytes());
  const auto left = random_values(12, 1);
  const auto right = random_values(12, 2);
  write_array(dir, "left.npy", f32_array({3, 4}, left));
  write_array(dir, "right=.npy", f32_array({3, 4}, right));
  const auto check_sum = [&](const std::string& path, bool relu) {
    const octet::cli::Array a = Fixture::array(path);
    REQUIRE(a.shape == std::vector<std::int64_t>{3, 4});
    for (std::size_t i = 0; i < 12; ++i) {
      const float sum = left[i] + right[i];
      CHECK(a.as<float>()[i] == (relu ? std::max(sum, 0.0F) : sum));
    }
  };
  for (const std::string name : {"left", "a=b"}) {
    const std::string model = dir.file(name == "left" ? "two.onnx" : "odd.onnx");
    octet_output({"run", model, "--data", "right=" + dir.file("right=.npy"), "--data",
                  name + "=" + dir.file("left.npy"), "--out", "positive=" + dir.file("p.npy"), "--out",
                  "sum=" + dir.file("s=1.npy")});
    check_sum(dir.file("s=1.npy"), false);
    check_sum(dir.file("p.npy"), true);
  }
  const std::string both = dir.write(
      "both.npz", zip({{"left.npy", slurp(dir.file("left.npy"))}, {"right.npy", slurp(dir.file("right=.npy"))}}));
  for (const Args& data : {Args{"--data", both}, Args{"--data", "left=" + both, "--data", "right=" + both}}) {
    Args args = {"run", dir.file("two.onnx"), "--out", "positive=" + dir.file("p.npy")};
    args.insert(args.end(), data.begin(), data.end());
    fs::remove(dir.file("p.npy"));
    octet_output(args);
    check_sum(dir.file("p.npy"), true);
  }
  octet_output({"convert", dir.file("two.onnx"), "-o", dir.file("two.octet"), "--data", "left=" + dir.file("left.npy"),
                "--data", "right=" + dir.file("right=.npy")});
  const json report = octet_json({"verify", dir.file("two.octet"), "--against", dir.file("two.onnx"), "--data",
                                  "left=" + dir.file("left.npy"), "--data", "right=" + dir.file("right=.npy")});
  CHECK(report["output"]["sqnr_db"] > 25);
}

TEST_CASE("cli commands: a model of a fixed batch") {
  const TempDir dir;
  ModelBuilder fixed = classifier();
  fixed.proto.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(1);
  dir.write("fixed.onnx", fixed.bytes());
  const std::string data = write_array(dir, "x.npy", random_array({5, 1, 8, 8}, 3));
  const std::string labels = write_labels(dir, "labels.txt", {0, 1, 2, 3, 4});
  octet_output({"convert", dir.file("fixed.onnx"), "-o", dir.file("fixed.octet"), "--data", data});
  for (const char* model : {"fixed.onnx", "fixed.octet"}) {
    octet_output({"run", dir.file(model), "--data", data, "--batch", "3", "--out", dir.file("y.npy")});
    CHECK(Fixture::array(dir.file("y.npy")).shape == std::vector<std::int64_t>{5, 10});
    CHECK(octet_json({"eval", dir.file(model), "--data", data, "--labels", labels})["total"] == 5);
  }
  CHECK(octet_json({"verify", dir.file("fixed.octet"), "--against", dir.file("fixed.onnx"), "--data",
                    data})["output"]["sqnr_db"] > 25);
}

TEST_CASE("cli commands: images of any size become samples of the input's") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 2, 3}).output("y");
  m.node("Relu", {"x"}, {"y"});
  const TempDir dir;
  dir.write("net.onnx", m.bytes());
  fs::create_directory(dir.file("images"));
  // Gray 4 x 2: halves of 0 and 200; its middle is one column of each.
  dir.write("images/a.png", png(4, 2, PNG_FORMAT_GRAY, {0, 0, 200, 200, 0, 0, 200, 200}));
  dir.write("images/b.png", png(1, 1, PNG_FORMAT_RGB, {10, 20, 30}));
  octet_output({"run", dir.file("net.onnx"), "--data", dir.file("images"), "--channels", "bgr", "--out", dir.file("y.npy")});
  const auto arrays = octet::cli::read_data(dir.file("y.npy"));
  REQUIRE(arrays);
  const octet::cli::Array& y = arrays->begin()->second;
  CHECK(y.shape == std::vector<std::int64_t>{2, 2, 2, 3});
  CHECK(std::vector<float>(y.as<float>().begin(), y.as<float>().end()) ==
        std::vector<float>{0, 0, 0, 200, 200, 200, 0, 0, 0, 200, 200, 200, 30, 20, 10, 30, 20, 10, 30, 20, 10, 30, 20, 10});
}

/// x -> Gemm, Exp, Mean with x, Identity -> y: what is in int8, in float, in two nodes, and gone.
ModelBuilder mixed() {
  ModelBuilder m;
  m.input("x", {kOpen, 4}).output("y").random("w", {4, 4});
  m.node("Gemm", {"x", "w"}, {"g"}).named("gemm");
  m.node("Identity", {"g"}, {"i"}).named("same");
  m.node("Exp", {"i"}, {"e"}).named("exp");
  m.node("Mean", {"e", "x"}, {"y"}).named("mean");
  return m;
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

TEST_CASE("cli commands: convert --require-int8 names what would stay in float, and writes nothing") {
  const TempDir dir;
  dir.write("net.onnx", mixed().bytes());
  write_array(dir, "data.npy", random_array({5, 4}, 3));
  const Args args = {"convert", dir.file("net.onnx"), "-o", dir.file("net.octet"), "--data", dir.file("data.npy"), "--require-int8",
                     "--json", dir.file("report.json")};
  const std::vector<std::string> before = dir.list();
  const Ran ran = octet_program(args);
  CHECK(ran.code == 1);
  CHECK(ran.out.empty());
  CHECK(ran.err.find("octet convert: error: 1 of 4 nodes would stay in float") == 0);
  CHECK(ran.err.find("\n  exp (Exp): its results spread") != std::string::npos);
  CHECK(ran.err.find("gemm") == std::string::npos);
  CHECK(dir.list() == before);
  dir.write("good.onnx", classifier().bytes());
  write_array(dir, "images.npy", random_array({5, 1, 8, 8}, 3));
  octet_output({"convert", dir.file("good.onnx"), "-o", dir.file("good.octet"), "--data", dir.file("images.npy"), "--require-int8"});
  CHECK(fs::exists(dir.file("good.octet")));
}

TEST_CASE("cli commands: operators prints the table of the document") {
  CHECK(octet_output({"operators"}).find("| Abs | Pointwise | yes |") != std::string::npos);
  CHECK(octet_output({"--help"}).find("\n  operators") == std::string::npos);
}
