// Models of several inputs and outputs, of a fixed batch, and images for any input.
#include "support/cli_fixture.h"
#include "support/data_files.h"

using namespace octet_test;
using nlohmann::json;

TEST_CASE("cli inputs: several inputs and outputs, by name and as .npz") {
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

TEST_CASE("cli inputs: a model of a fixed batch") {
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

TEST_CASE("cli inputs: an input without elements is given an array without, or nothing") {
  const TempDir dir;
  ModelBuilder m;
  m.input("x", {1, 3, 4}).input("past", {1, 0, 4}).output("y").node("Concat", {"past", "x"}, {"y"}).with("axis", 1);
  dir.write("m.onnx", m.bytes());
  const std::string x = write_array(dir, "x.npy", random_array({1, 3, 4}, 3));
  const std::string past = write_array(dir, "past.npy", f32_array({1, 0, 4}, {}));
  for (const bool given : {false, true}) {
    Args run = {"run", dir.file("m.onnx"), "--data", "x=" + x, "--out", dir.file("y.npy")};
    if (given) run.insert(run.end(), {"--data", "past=" + past});
    octet_output(run);
    CHECK(Fixture::array(dir.file("y.npy")).bytes == Fixture::array(x).bytes);
  }
  write_array(dir, "none.npy", f32_array({0, 3, 4}, {}));
  const Ran none = octet_program({"run", dir.file("m.onnx"), "--data", "x=" + dir.file("none.npy"), "--out", dir.file("y.npy")});
  CHECK(none.code == 3);
  CHECK(none.err.find("is empty: its shape is [0,3,4]") != std::string::npos);
}

TEST_CASE("cli inputs: images of any size become samples of the input's") {
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
