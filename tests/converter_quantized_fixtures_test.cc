// Quantized operators against bytes that ONNX Runtime computed (tests/quantized, made by make_fixtures.py): within one step, in the
// float form of what was imported and in its int8 form. And small networks as NNCF and PyTorch quantize them (tests/quantized_networks,
// made by make_networks.py).
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "converter/onnx/tensor_proto.h"
#include "converter/passes/passes.h"
#include "converter_models.h"
#include "octet/converter.hpp"

namespace octet_test {
namespace {

using octet::Model;
using octet::Tensor;
using octet::Type;

const std::string kTests = std::string(OCTET_SOURCE_DIR) + "/tests/";
const std::string kFolder = kTests + "quantized/";

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file, path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Tensor read_tensor(const std::string& path) {
  onnx::TensorProto proto;
  REQUIRE(proto.ParseFromString(read(path)));
  return must(octet::decode_tensor(proto));
}

Model import_fixture(const std::string& folder) {
  const std::string bytes = read(folder + "/model.onnx");
  const auto source = must(octet::parse_onnx(std::as_bytes(std::span(bytes)), "model.onnx"));
  Graph graph = must(octet::import_onnx(source));
  must(octet::optimize(graph));
  return must(octet::make_model(std::move(graph)));
}

/// The output, as numbers.
std::vector<double> numbers(Type type, std::span<const std::byte> bytes) {
  const octet::Constant c(std::make_shared<int>(), bytes);
  const auto copy = [](auto values) { return std::vector<double>(values.begin(), values.end()); };
  switch (type) {
    case Type::u8: return copy(c.as<std::uint8_t>());
    case Type::s8: return copy(c.as<std::int8_t>());
    case Type::s32: return copy(c.as<std::int32_t>());
    default: return copy(c.as<float>());
  }
}

std::vector<double> run_fixture(const Model& model, const std::string& folder, Type type) {
  std::vector<Tensor> inputs;
  for (int i = 0; std::filesystem::exists(folder + "/test_data_set_0/input_" + std::to_string(i) + ".pb"); ++i)
    inputs.push_back(read_tensor(folder + "/test_data_set_0/input_" + std::to_string(i) + ".pb"));
  const int batch = model.inputs()[0].batched ? static_cast<int>(inputs[0].shape[0]) : 1;
  octet::Session session = must(model.session({.batch = batch}));
  REQUIRE(session.outputs()[0].type == type);
  std::vector<octet::InputTensor> in;
  for (const Tensor& t : inputs) in.emplace_back(t.data.bytes().data(), t.data.bytes().size(), t.type);
  std::vector<std::byte> bytes(static_cast<std::size_t>(session.outputs()[0].elements()) * octet::size_of(type));
  std::vector<octet::OutputTensor> out = {{bytes.data(), bytes.size(), type}};
  must(session.run(in, out));
  return numbers(type, bytes);
}

void check_fixture(const std::string& folder) {
  INFO(folder);
  const Tensor expected = read_tensor(folder + "/test_data_set_0/output_0.pb");
  const std::vector<double> wanted = numbers(expected.type, expected.data.bytes());
  const bool bytes = expected.type == Type::u8 || expected.type == Type::s8;
  const Model source = import_fixture(folder);
  std::vector<Model> models = {source};
  if (octet::came_quantized(source)) {
    models.push_back(must(octet::quantize_imported(source, {})));
    for (const auto& node : models.back().impl().graph.nodes)
      if (node.op() != octet::schema::Operator::Cast) CHECK_MESSAGE(node.float_reason.empty(), node.float_reason);
  }
  for (const Model& model : models) {
    const std::vector<double> got = run_fixture(model, folder, expected.type);
    REQUIRE(got.size() == wanted.size());
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - wanted[i]));
    CHECK(worst <= (bytes ? 1.0 : expected.type == Type::s32 ? 0.0 : 1e-5));
  }
}

TEST_CASE("each quantized operator is within one step of ONNX Runtime, on every element") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (!entry.is_directory()) continue;
    ++count;
    check_fixture(entry.path().string());
  }
  CHECK(count >= 20);
}

double sqnr_db(const std::vector<double>& wanted, const std::vector<double>& got) {
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) signal += wanted[i] * wanted[i], noise += (wanted[i] - got[i]) * (wanted[i] - got[i]);
  return noise == 0 ? 200 : 10 * std::log10(signal / noise);
}

/// The largest of each row of 10 classes.
std::vector<std::ptrdiff_t> first_classes(const std::vector<double>& y) {
  std::vector<std::ptrdiff_t> classes;
  for (auto row = y.begin(); row != y.end(); row += 10) classes.push_back(std::max_element(row, row + 10) - row);
  return classes;
}

TEST_CASE("networks of NNCF and PyTorch give what ONNX Runtime makes of them, in integers") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kTests + "quantized_networks")) {
    if (!entry.is_directory()) continue;
    ++count;
    const std::string folder = entry.path().string();
    INFO(folder);
    const Tensor expected = read_tensor(folder + "/test_data_set_0/output_0.pb");
    const std::vector<double> wanted = numbers(Type::f32, expected.data.bytes());
    const Model model = must(octet::quantize_imported(import_fixture(folder), {}));
    const std::vector<double> got = run_fixture(model, folder, Type::f32);
    REQUIRE(got.size() == wanted.size());
    CHECK(sqnr_db(wanted, got) >= 45);
    CHECK(first_classes(got) == first_classes(wanted));
    std::size_t products = 0;
    std::size_t real = 0;
    for (const auto& node : model.impl().graph.nodes) {
      if (node.op() != octet::schema::Operator::Conv && node.op() != octet::schema::Operator::FullyConnected) continue;
      ++products;
      if (!node.float_reason.empty()) ++real;
    }
    CHECK(products >= 3);
    CHECK(real <= 1);  // a last product without a quantizer before it, or a channel that is always 0 and has another zero-point
  }
  CHECK(count == 9);
}

}  // namespace
}  // namespace octet_test
