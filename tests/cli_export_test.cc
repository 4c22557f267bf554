// octet export, and convert of what it writes, as a user meets them.
#include <filesystem>

#include "support/cli_models.h"
#include "support/program.h"

using namespace octet_test;
using nlohmann::json;

namespace {

struct Fixture : TempDir {
  Fixture() {
    write("net.onnx", classifier().bytes());
    write_array(*this, "images.npy", random_array({24, 1, 8, 8}, 3));
    octet_output({"convert", file("net.onnx"), "-o", file("net.octet"), "--data", file("images.npy"), "--calibrator", "minmax"});
    octet_output({"export", file("net.octet"), "-o", file("q.onnx")});
  }
  /// The output of a run, as the bytes of its file.
  [[nodiscard]] std::string run(const std::string& model) const {
    octet_output({"run", file(model), "--data", file("images.npy"), "--out", file("y.npy"), "--batch", "8"});
    return slurp(file("y.npy"));
  }
};

const Fixture& fixture() {
  static const Fixture made;
  return made;
}

}  // namespace

TEST_CASE("cli export: what is written converts again without data, to the same bytes of output") {
  const Fixture& f = fixture();
  const json report = octet_json({"convert", f.file("q.onnx"), "-o", f.file("again.octet")});
  CHECK(report["calibrator"] == "imported");
  CHECK(report["nodes"]["int8"].get<int>() >= 3);
  CHECK(f.run("again.octet") == f.run("net.octet"));
  CHECK(octet_json({"inspect", f.file("again.octet")})["provenance"]["calibrator"] == "imported");
  CHECK(octet_output({"inspect", f.file("again.octet")}).find("imported quantization") != std::string::npos);
  const json written = octet_json({"export", f.file("again.octet"), "-o", f.file("q2.onnx")});
  CHECK(written["onnx_bytes"].get<std::uint64_t>() == std::filesystem::file_size(f.file("q2.onnx")));
}

TEST_CASE("cli export: float and dynamic models are written, too") {
  const Fixture& f = fixture();
  for (const char* mode : {"float", "dynamic"}) {
    octet_output({"convert", f.file("net.onnx"), "-o", f.file("m.octet"), "--mode", mode});
    octet_output({"export", f.file("m.octet"), "-o", f.file("m.onnx")});
    octet_output({"convert", f.file("m.onnx"), "-o", f.file("back.octet"), "--mode", "float"});
    if (std::string(mode) == "float") CHECK(f.run("back.octet") == f.run("m.octet"));
  }
}

TEST_CASE("cli export: errors have their exit codes and leave nothing behind") {
  const Fixture& f = fixture();
  f.write("bad.octet", "not a model");
  struct Case {
    Args args;
    int code;
    const char* text;
  };
  const Case cases[] = {
      {{"export", f.file("net.octet")}, 2, "--output"},
      {{"export", f.file("net.octet"), "-o", f.file("net.octet")}, 2, "overwrite the model itself"},
      {{"export", f.file("net.octet"), "-o", f.file("x.onnx"), "--json", f.file("x.onnx")}, 2, "same file"},
      {{"export", f.file("missing.octet"), "-o", f.file("x.onnx")}, 3, "missing.octet"},
      {{"export", f.file("bad.octet"), "-o", f.file("x.onnx")}, 3, "bad.octet"},
      {{"export", f.file("net.octet"), "-o", f.file("no/x.onnx")}, 5, "x.onnx"},
      {{"convert", f.file("q.onnx"), "-o", f.file("x.octet"), "--data", f.file("images.npy")}, 2, "quantized already"},
      {{"convert", f.file("q.onnx"), "-o", f.file("x.octet"), "--mode", "dynamic"}, 2, "quantized already"},
  };
  for (const Case& c : cases) {
    const Ran ran = octet_program(c.args);
    INFO(ran.err);
    CHECK(ran.code == c.code);
    CHECK(ran.err.find(c.text) != std::string::npos);
  }
  CHECK(!std::filesystem::exists(f.file("x.onnx")));
  CHECK(!std::filesystem::exists(f.file("x.octet")));
  CHECK(octet_output({"export", "--help"}).find("Examples:") != std::string::npos);
}
