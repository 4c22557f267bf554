// convert: what it reports and writes, and what it refuses to.
#include "support/cli_fixture.h"

using namespace octet_test;
using nlohmann::json;

TEST_CASE("cli convert: its memory does not grow with the samples") {
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
#ifndef OCTET_SANITIZED  // the quarantine of AddressSanitizer keeps what was freed
  CHECK(peak("200000") < peak("500") + (std::int64_t{3} << 20U));  // the data are 12 MiB
#endif
  fs::remove(f.file("many.npy"));
}

TEST_CASE("cli convert: reports what it did") {
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

TEST_CASE("cli convert: the peak memory is the program's own, not that of who started it") {
  const Fixture& f = fixture();
  constexpr std::size_t kLarge = std::size_t{512} << 20U;
  const std::vector<char> large(kLarge, 1);  // touched
  const json report = octet_json({"convert", f.file("net.onnx"), "-o", f.file("small.octet"), "--mode", "float"});
  CHECK(report["peak_rss_bytes"] > 1 << 20);
  CHECK(report["peak_rss_bytes"] < kLarge);
  CHECK(large.back() == 1);
}

TEST_CASE("cli convert: gives the same bytes again, whatever the threads") {
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

TEST_CASE("cli convert: --json to a file, --mode float, --float") {
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

TEST_CASE("cli convert: --require-int8 names what would stay in float, and writes nothing") {
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
