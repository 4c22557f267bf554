// convert's modes, and nodes kept in float, as a user meets them.
#include "cli/nearest.h"
#include "kernels/isa.h"
#include "support/cli_models.h"
#include "support/program.h"

using namespace octet_test;
using nlohmann::json;

namespace {

constexpr std::int64_t kSamples = 24;

struct Fixture : TempDir {
  Fixture() {
    write("net.onnx", classifier().bytes());
    write_array(*this, "images.npy", random_array({kSamples, 1, 8, 8}, 3));
  }
  [[nodiscard]] Args convert(const std::string& name, const Args& more) const {
    Args args = {"convert", file("net.onnx"), "-o", file(name)};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  /// The output of a run, as the bytes of its file.
  [[nodiscard]] std::string run(const std::string& model, const Args& more = {}, const Args& environment = {}) const {
    Args args = {"run", file(model), "--data", file("images.npy"), "--out", file("y.npy")};
    args.insert(args.end(), more.begin(), more.end());
    octet_output(args, environment);
    return slurp(file("y.npy"));
  }
};

const Fixture& fixture() {
  static const Fixture made;
  return made;
}

json nodes_of(const std::string& model) { return octet_json({"explain", model})["nodes"]; }

}  // namespace

TEST_CASE("cli modes: dynamic needs no data, and says what is int8") {
  const Fixture& f = fixture();
  const json report = octet_json(f.convert("dynamic.octet", {"--mode", "dynamic"}));
  CHECK(report["nodes"] == json({{"int8", 3}, {"float", 2}, {"integer", 0}, {"folded", 0}}));
  CHECK(report["calibrator"] == "none");
  std::map<std::string, std::string> types;
  for (const json& n : nodes_of(f.file("dynamic.octet"))) {
    types[n["name"]] = n["type"];
    if (n["name"] == "pool") CHECK(n["reason"].get<std::string>().find("constant weights") != std::string::npos);
  }
  CHECK(types == std::map<std::string, std::string>{{"conv", "u8"}, {"relu", "u8"}, {"pool", "f32"}, {"flatten", "f32"}, {"fc", "u8"}});
  CHECK(octet_json({"inspect", f.file("dynamic.octet")})["provenance"]["calibrator"] == "dynamic");
}

TEST_CASE("cli modes: what was quantized at run time is so in Octet's way, or in float as it says") {
  const Fixture& f = fixture();
  const std::string source = std::string(OCTET_SOURCE_DIR) + "/tests/quantized/dynamic_matmul/model.onnx";
  write_array(f, "rows.npy", random_array({2, 3, 16}, 5));
  const json report = octet_json({"convert", source, "-o", f.file("q.octet"), "--mode", "dynamic"});
  CHECK(report["nodes"]["int8"].get<int>() == 2);
  CHECK(report["nodes"]["folded"].get<int>() == 4);
  const json compared = octet_json({"verify", f.file("q.octet"), "--against", source, "--data", f.file("rows.npy")});
  CHECK(compared["output"]["sqnr_db"].get<double>() > 30);
  const json real = octet_json({"convert", source, "-o", f.file("f.octet"), "--mode", "float"});
  CHECK(real["nodes"]["int8"].get<int>() == 0);
  CHECK(real["nodes"]["folded"].get<int>() == 0);
}

TEST_CASE("cli modes: a dynamic model gives the same bytes on every ISA, thread count and batch, and again") {
  const Fixture& f = fixture();
  octet_output(f.convert("d.octet", {"--mode", "dynamic"}));
  const std::string bytes = slurp(f.file("d.octet"));
  octet_output(f.convert("d.octet", {"--mode", "dynamic", "--threads", "3"}));
  CHECK(slurp(f.file("d.octet")) == bytes);
  const std::string expected = f.run("d.octet", {"--batch", "1"}, {"OCTET_ISA=reference"});
  for (const auto isa : octet::kernels::available_isas()) {
    const std::string name = octet::kernels::name_of(isa);
    CAPTURE(name);
    CHECK(f.run("d.octet", {"--batch", "7"}, {"OCTET_ISA=" + name}) == expected);
  }
  CHECK(f.run("d.octet", {"--threads", "2", "--batch", "24"}) == expected);
}

TEST_CASE("cli modes: dynamic --float and --weights") {
  const Fixture& f = fixture();
  octet_output(f.convert("kept.octet", {"--mode", "dynamic", "--float", "fc"}));
  for (const json& n : nodes_of(f.file("kept.octet")))
    if (n["name"] == "fc") {
      CHECK(n["type"] == "f32");
      CHECK(n["reason"] == "kept in float on request");
    }
  octet_output(f.convert("channel.octet", {"--mode", "dynamic"}));
  octet_output(f.convert("tensor.octet", {"--mode", "dynamic", "--weights", "per-tensor"}));
  CHECK(slurp(f.file("channel.octet")) != slurp(f.file("tensor.octet")));
  const Ran everything = octet_program(f.convert("none.octet", {"--mode", "dynamic", "--float", "fc", "--float", "conv"}));
  CHECK(everything.code == 4);
  CHECK(everything.err.find("net.onnx: nothing to quantize") != std::string::npos);
  CHECK_FALSE(fs::exists(f.file("none.octet")));
}

TEST_CASE("cli modes: float and dynamic refuse what they have no use for") {
  const Fixture& f = fixture();
  for (const std::string mode : {"float", "dynamic"}) {
    for (const Args& more : {Args{"--data", f.file("images.npy")}, Args{"--scale", "0.5"}, Args{"--mean", "1"}}) {
      Args args = f.convert("no.octet", {"--mode", mode});
      args.insert(args.end(), more.begin(), more.end());
      const Ran ran = octet_program(args);
      CHECK(ran.code == 2);
      CHECK(ran.err.find("--mode " + mode + " takes no --data, --scale, --mean or --std") != std::string::npos);
    }
  }
  CHECK(octet_program(f.convert("no.octet", {"--mode", "float", "--float", "fc"})).code == 2);
  CHECK_FALSE(fs::exists(f.file("no.octet")));
}

TEST_CASE("cli modes: a float file runs as its source does, and is told from a quantized one") {
  const Fixture& f = fixture();
  const json report = octet_json(f.convert("float.octet", {"--mode", "float"}));
  CHECK(report["nodes"] == json({{"int8", 0}, {"float", 5}, {"integer", 0}, {"folded", 0}}));
  CHECK(report["calibrator"] == "none");
  CHECK(f.run("float.octet") == f.run("net.onnx"));
  for (const json& n : nodes_of(f.file("float.octet"))) {
    CHECK(n["type"] == "f32");
    CHECK(n["reason"] == "");
  }
  // It can stand for its source.
  octet_output({"convert", f.file("float.octet"), "-o", f.file("dynamic.octet"), "--mode", "dynamic"});
  octet_output(f.convert("d.octet", {"--mode", "dynamic"}));
  CHECK(f.run("dynamic.octet") == f.run("d.octet"));
  const Ran again = octet_program({"convert", f.file("d.octet"), "-o", f.file("twice.octet"), "--mode", "dynamic"});
  CHECK(again.code == 2);
  CHECK(again.err.find("quantized already") != std::string::npos);
}

TEST_CASE("cli modes: a misspelt --float is answered with the nearest names") {
  const Fixture& f = fixture();
  for (const std::string mode : {"dynamic", "static"}) {
    Args args = f.convert("no.octet", {"--mode", mode, "--float", "flaten"});
    if (mode == "static") args.insert(args.end(), {"--data", f.file("images.npy")});
    const Ran ran = octet_program(args);
    CHECK(ran.code == 2);
    CHECK(ran.err.find("--float flaten: the model has no such node; did you mean 'flatten'?") != std::string::npos);
  }
}

TEST_CASE("cli modes: nearest names") {
  const std::vector<std::string> names = {"/conv1/Conv", "/conv2/Conv", "/fc1/Gemm", "/fc2/Gemm", "relu"};
  using octet::cli::nearest;
  CHECK(nearest("/conv1/conv", names, 1) == std::vector<std::string>{"/conv1/Conv"});
  CHECK(nearest("/conv1/conv", names) == std::vector<std::string>{"/conv1/Conv", "/conv2/Conv"});
  CHECK(nearest("fc2", names) == std::vector<std::string>{"/fc2/Gemm"});
  CHECK(nearest("gelu", names) == std::vector<std::string>{"relu"});
  CHECK(nearest("nothing at all", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest(std::string(100'000, 'a'), names).empty());
  CHECK(octet::cli::did_you_mean("fc", names) == "; did you mean '/fc1/Gemm' or '/fc2/Gemm'?");
  CHECK(octet::cli::did_you_mean("zzz", names).empty());
}
