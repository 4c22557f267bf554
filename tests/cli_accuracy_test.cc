// The accuracy, size and coverage int8 is to reach on trained models: 500 training images calibrate, 10,000 test images
// are counted. Skipped where the models or the images are not there.
#include "support/cli_models.h"
#include "support/program.h"

using namespace octet_test;
using nlohmann::json;

namespace {

const std::string kModels = std::string(OCTET_SHARED_DIR) + "/models/";

struct Images {
  std::string folder, suffix;
  Args normalization;

  [[nodiscard]] std::string train() const { return folder + "/train-images-idx3-ubyte" + suffix; }
  [[nodiscard]] std::string test() const { return folder + "/t10k-images-idx3-ubyte" + suffix; }
  [[nodiscard]] std::string labels() const { return folder + "/t10k-labels-idx1-ubyte" + suffix; }
};

Images images(const std::string& folder, const std::string& mean, const std::string& std) {
  const std::string suffix = fs::exists(folder + "/train-images-idx3-ubyte.gz") ? ".gz" : "";
  return {folder, suffix, {"--scale", "0.00392156862745098", "--mean", mean, "--std", std}};
}
const Images& mnist() {
  static const Images all = images(std::string(OCTET_SHARED_DIR) + "/data/mnist", "0.1307", "0.3081");
  return all;
}
const Images& fashion() {
  static const Images all = images("/usr/share/datasets/fashion-mnist", "0.2860", "0.3530");
  return all;
}

bool present(const std::string& model, const Images& data) {
  for (const std::string& path : {kModels + model + ".onnx", data.train(), data.test(), data.labels()}) {
    if (fs::exists(path)) continue;
    MESSAGE("skipped: there is no " << path);
    return false;
  }
  return true;
}

Args operator+(Args a, const Args& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

json convert(const std::string& onnx, const std::string& octet, const Args& data) {
  return octet_json(Args{"convert", onnx, "-o", octet, "--threads", "2"} + data);
}

/// Every node of the source is computed in int8 or gone: none is in float, none is missing.
void check_all_int8(const std::string& octet, const std::string& onnx) {
  const json real = octet_json({"explain", onnx})["nodes"];
  const json nodes = octet_json({"explain", octet})["nodes"];
  REQUIRE(nodes.size() == real.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const json& n = nodes[i];
    CAPTURE(n["name"].get<std::string>());
    CAPTURE(n["reason"].get<std::string>());
    CHECK(n["name"] == real[i]["name"]);
    CHECK((n["type"] == "u8" || n["type"] == "s8" || n["type"] == "folded"));
  }
}

double accuracy(const std::string& model, const Images& data, const Args& more) {
  // Threads that spin while they wait slow each other down where other tests run at the same time.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  return octet_json(Args{"eval", model, "--data", data.test(), "--labels", data.labels(), "--threads", "2"} +
                    more)["accuracy"];
}

struct Target {
  std::string model;
  const Images& data;
  double accuracy = 0;      ///< at least
  double size = 1;          ///< of the ONNX file, at most
  double float_margin = 1;  ///< below float, at most
  Args options = {};        ///< of convert
};

void check_target(const Target& t) {
  if (!present(t.model, t.data)) return;
  const TempDir dir;
  const std::string onnx = kModels + t.model + ".onnx";
  const std::string octet = dir.file("model.octet");
  const json report = convert(onnx, octet, Args{"--data", t.data.train(), "--samples", "500"} + t.data.normalization + t.options);
  const double size = report["octet_bytes"].get<double>() / report["float_bytes"].get<double>();
  CHECK(size <= t.size);
  check_all_int8(octet, onnx);
  const double int8 = accuracy(octet, t.data, {});
  CHECK(int8 >= t.accuracy);
  MESSAGE(t.model << ": int8 " << 100 * int8 << " %, file " << 100 * size << " % of the ONNX file");
  if (t.float_margin == 1) return;
  const double real = accuracy(onnx, t.data, t.data.normalization);
  MESSAGE(t.model << ": float " << 100 * real << " %");
  CHECK(int8 >= real - t.float_margin);
}

}  // namespace

TEST_CASE("cli accuracy: lenet") { check_target({.model = "lenet", .data = mnist(), .accuracy = 0.9815, .size = 0.27}); }

TEST_CASE("cli accuracy: lenet under every range strategy") {
  if (!present("lenet", mnist())) return;
  const TempDir dir;
  for (const std::string name : {"minmax", "moving-average", "percentile", "mse", "entropy", "cross-entropy"}) {
    convert(kModels + "lenet.onnx", dir.file("lenet.octet"),
            Args{"--data", mnist().train(), "--samples", "500", "--calibrator", name} + mnist().normalization);
    const double int8 = accuracy(dir.file("lenet.octet"), mnist(), {});
    MESSAGE("lenet, " << name << ": " << 100 * int8 << " %");
    CHECK(int8 >= 0.9795);
  }
}

TEST_CASE("cli accuracy: mnist_mlp") {
  check_target({.model = "mnist_mlp", .data = mnist(), .accuracy = 0.968, .size = 0.29, .float_margin = 0.001});
}

TEST_CASE("cli accuracy: mnist_resnet") {
  check_target({.model = "mnist_resnet", .data = mnist(), .accuracy = 0.99, .size = 0.50});
}

TEST_CASE("cli accuracy: fashion_lenet") {
  check_target({.model = "fashion_lenet", .data = fashion(), .float_margin = 0.001});
}

TEST_CASE("cli accuracy: fashion_mobilenet") {
  check_target({.model = "fashion_mobilenet", .data = fashion(), .float_margin = 0.001});
}

TEST_CASE("cli accuracy: fashion_unbalanced, whose channels differ 250 times") {
  check_target({.model = "fashion_unbalanced", .data = fashion(), .accuracy = 0.916});
  check_target({.model = "fashion_unbalanced", .data = fashion(), .accuracy = 0.915, .options = {"--weights", "per-tensor"}});
}

TEST_CASE("cli accuracy: lenet, dynamic") {
  if (!present("lenet", mnist())) return;
  const TempDir dir;
  const std::string octet = dir.file("lenet.octet");
  const json report = octet_json({"convert", kModels + "lenet.onnx", "-o", octet, "--mode", "dynamic"});
  CHECK(report["octet_bytes"].get<double>() <= 0.27 * report["float_bytes"].get<double>());
  const double dynamic = accuracy(octet, mnist(), mnist().normalization);
  MESSAGE("lenet: dynamic " << 100 * dynamic << " %");
  CHECK(dynamic >= 0.981);
}

TEST_CASE("cli accuracy: verify compares an equalized model's layers at the same factors") {
  if (!present("fashion_unbalanced", fashion())) return;
  const TempDir dir;
  const std::string onnx = kModels + "fashion_unbalanced.onnx";
  const json report =
      convert(onnx, dir.file("u.octet"), Args{"--data", fashion().train(), "--samples", "100"} + fashion().normalization);
  CHECK(report["repair"].get<std::string>().find("equalize") != std::string::npos);
  const json layers = octet_json({"verify", dir.file("u.octet"), "--against", onnx, "--data", fashion().test(), "--samples", "50"})["layers"];
  CHECK(layers.size() > 20);
  for (const json& layer : layers) {
    CAPTURE(layer["name"].get<std::string>());
    CHECK(layer["sqnr_db"] > 20);
  }
}

TEST_CASE("cli accuracy: fashion_unbalanced, dynamic") {
  if (!present("fashion_unbalanced", fashion())) return;
  const TempDir dir;
  octet_json({"convert", kModels + "fashion_unbalanced.onnx", "-o", dir.file("u.octet"), "--mode", "dynamic"});
  const double dynamic = accuracy(dir.file("u.octet"), fashion(), fashion().normalization);
  MESSAGE("fashion_unbalanced, dynamic: " << 100 * dynamic << " %");
  CHECK(dynamic >= 0.915);
}

TEST_CASE("cli accuracy: SQNR of LeNet's output") {
  if (!present("lenet", mnist())) return;
  const TempDir dir;
  convert(kModels + "lenet.onnx", dir.file("lenet.octet"),
          Args{"--data", mnist().train(), "--samples", "500"} + mnist().normalization);
  const json report = octet_json({"verify", dir.file("lenet.octet"), "--against", kModels + "lenet.onnx", "--data",
                                  mnist().test(), "--samples", "1000"});
  MESSAGE("output SQNR " << report["output"]["sqnr_db"].get<double>() << " dB");
  CHECK(report["output"]["sqnr_db"] > 25);
  CHECK(report["top1_agreement"] > 0.99);
}

TEST_CASE("cli accuracy: no node of fused_residual stays in float") {
  const TempDir dir;
  if (!fs::exists(kModels + "fused_residual.onnx")) {
    MESSAGE("skipped: there is no fused_residual.onnx");
    return;
  }
  const std::string data = write_array(dir, "x.npy", random_array({20, 3, 32, 32}, 1));
  convert(kModels + "fused_residual.onnx", dir.file("r.octet"), {"--data", data});
  check_all_int8(dir.file("r.octet"), kModels + "fused_residual.onnx");
}
