#include "tests/conformance/backend_test.h"

#include <onnx/onnx-ml.pb.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "converter/onnx/import.h"
#include "converter/onnx/tensor_proto.h"
#include "converter/passes/passes.h"
#include "engine/model.h"
#include "engine/try.h"

namespace octet::conformance {
namespace {

/// Inputs, by position, that decide the shape of something or which of a fixed set of computations is done: Octet wants them
/// constant.
const std::map<std::string, std::set<int>> kShapeInputs = {
    {"Reshape", {1}},       {"Slice", {1, 2, 3, 4}}, {"Pad", {1, 2, 3}},   {"Tile", {1}},       {"Expand", {1}},
    {"Squeeze", {1}},       {"Unsqueeze", {1}},      {"Split", {1}},       {"Resize", {1, 2, 3}}, {"Upsample", {1}},
    {"ReduceSum", {1}},     {"TopK", {1}},           {"Range", {0, 1, 2}}, {"OneHot", {1, 2}},  {"CumSum", {1}},
    {"ConstantOfShape", {0}}, {"Clip", {1, 2}},      {"Trilu", {1}},       {"Dropout", {1, 2}}, {"NonMaxSuppression", {0, 1, 2, 3, 4}},
    {"ReduceMean", {1}},    {"ReduceMax", {1}},      {"ReduceMin", {1}},   {"ReduceProd", {1}}, {"ReduceL1", {1}},
    {"ReduceL2", {1}},      {"ReduceLogSum", {1}},   {"ReduceLogSumExp", {1}}, {"ReduceSumSquare", {1}}, {"If", {0}},
    {"QuantizeLinear", {1, 2}}, {"DequantizeLinear", {1, 2}},
    {"QLinearConv", {1, 2, 3, 4, 5, 6, 7, 8}}, {"QLinearMatMul", {1, 2, 4, 5, 6, 7}},
    {"HannWindow", {0}},    {"HammingWindow", {0}},   {"BlackmanWindow", {0}}, {"ConvInteger", {1, 2, 3}}, {"MatMulInteger", {2, 3}},
};

class Failure : public std::exception {
 public:
  explicit Failure(std::string reason) : reason_(std::move(reason)) {}
  [[nodiscard]] const char* what() const noexcept override { return reason_.c_str(); }

 private:
  std::string reason_;
};

Outcome not_passed(const Error& error) {
  if (error.code == ErrorCode::unsupported) return {Verdict::refused, error.message.substr(0, error.message.find("; see docs"))};
  return {Verdict::failed, error.text()};
}

std::optional<onnx::TensorProto> read_tensor(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  onnx::TensorProto proto;
  if (!file || !proto.ParseFromIstream(&file)) return std::nullopt;
  return proto;
}

/// Tensors <kind>_0.pb, <kind>_1.pb, ... of a data set.
std::vector<onnx::TensorProto> read_tensors(const std::string& folder, const char* kind) {
  std::vector<onnx::TensorProto> tensors;
  for (int i = 0;; ++i) {
    const std::string path = folder + "/test_data_set_0/" + kind + "_" + std::to_string(i) + ".pb";
    if (!std::filesystem::exists(path)) return tensors;
    auto tensor = read_tensor(path);
    if (!tensor) throw Failure("cannot read " + path);
    tensors.push_back(*std::move(tensor));
  }
}

bool decides_shape(const onnx::GraphProto& graph, const std::string& name) {
  for (const auto& node : graph.node()) {
    const auto row = kShapeInputs.find(node.op_type());
    if (row == kShapeInputs.end()) continue;
    for (int i = 0; i < node.input_size(); ++i)
      if (node.input(i) == name && row->second.contains(i)) return true;
  }
  return false;
}

/// Integers that such an input is computed from, but not the tensors whose shape is asked for.
bool leads_to_shape(const onnx::GraphProto& graph, const onnx::TensorProto& value) {
  if (value.data_type() != onnx::TensorProto::INT64 && value.data_type() != onnx::TensorProto::INT32) return false;
  std::set<std::string> made = {value.name()};
  for (const auto& node : graph.node()) {
    if (node.op_type() == "Shape" || node.op_type() == "Size") continue;
    if (std::ranges::none_of(node.input(), [&](const std::string& name) { return made.contains(name); })) continue;
    for (const std::string& name : node.output()) {
      if (decides_shape(graph, name)) return true;
      made.insert(name);
    }
  }
  return false;
}

/// Moves shape-deciding inputs into the model; what is left is given at run time.
std::vector<onnx::TensorProto> bind_constants(onnx::ModelProto& model, std::vector<onnx::TensorProto> given) {
  onnx::GraphProto& graph = *model.mutable_graph();
  std::vector<onnx::TensorProto> left;
  for (int i = 0; i < std::min(graph.input_size(), static_cast<int>(given.size())); ++i) {
    onnx::TensorProto& value = given[static_cast<std::size_t>(i)];
    value.set_name(graph.input(i).name());
    if (decides_shape(graph, value.name()) || leads_to_shape(graph, value)) {
      *graph.add_initializer() = value;
    } else {
      left.push_back(std::move(value));
    }
  }
  return left;
}

Result<Model> import(const onnx::ModelProto& proto) {
  const std::string bytes = proto.SerializeAsString();
  OCTET_TRY(const OnnxModel source, parse_onnx(std::as_bytes(std::span(bytes)), "model.onnx"));
  OCTET_TRY(Graph graph, import_onnx(source));
  OCTET_CHECK(optimize(graph));
  return make_model(std::move(graph));
}

template <class T>
std::string compare_values(std::span<const T> got, std::span<const T> expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    bool same = got[i] == expected[i];
    if constexpr (std::is_floating_point_v<T>) {
      const double a = static_cast<double>(got[i]);
      const double b = static_cast<double>(expected[i]);
      same = same || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-7 + 1e-3 * std::abs(b);
    }
    if (!same) return "element " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " + std::to_string(expected[i]);
  }
  return {};
}

std::string compare(const TensorInfo& info, std::span<const std::byte> bytes, const Tensor& expected) {
  if (info.type != expected.type) return std::string("is ") + name_of(info.type) + ", not " + name_of(expected.type);
  if (info.shape != expected.shape) return "has shape " + to_string(info.shape) + ", not " + to_string(expected.shape);
  const Constant got(std::make_shared<int>(), bytes);
  switch (info.type) {
    case Type::f32: return compare_values(got.as<float>(), expected.data.as<float>());
    case Type::s32: return compare_values(got.as<std::int32_t>(), expected.data.as<std::int32_t>());
    case Type::s64: return compare_values(got.as<std::int64_t>(), expected.data.as<std::int64_t>());
    case Type::s8: return compare_values(got.as<std::int8_t>(), expected.data.as<std::int8_t>());
    default: return compare_values(got.as<std::uint8_t>(), expected.data.as<std::uint8_t>());
  }
}

Outcome run(const Model& model, const std::vector<onnx::TensorProto>& inputs, const std::vector<onnx::TensorProto>& outputs) {
  auto session = model.session({.isa = "reference"});
  if (!session) return not_passed(session.error());
  std::vector<Tensor> values;
  for (const auto& proto : inputs) {
    auto tensor = decode_tensor(proto);
    if (!tensor) return not_passed(tensor.error());
    values.push_back(*std::move(tensor));
  }
  std::vector<InputTensor> in;
  for (const Tensor& v : values) in.emplace_back(v.data.bytes().data(), v.data.bytes().size(), v.type, v.name);
  std::vector<std::vector<std::byte>> storage;
  std::vector<OutputTensor> out;
  for (const TensorInfo& o : session->outputs()) {
    storage.emplace_back(o.size_bytes());
    out.emplace_back(storage.back().data(), storage.back().size(), o.type);
  }
  if (auto done = session->run(in, out); !done) return {Verdict::failed, done.error().text()};
  if (outputs.size() != out.size()) return {Verdict::failed, "has " + std::to_string(out.size()) + " outputs"};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    auto expected = decode_tensor(outputs[i]);
    if (!expected) return not_passed(expected.error());
    const std::string difference = compare(session->outputs()[i], storage[i], *expected);
    if (!difference.empty()) return {Verdict::failed, "output '" + session->outputs()[i].name + "': " + difference};
  }
  return {};
}

}  // namespace

const char* name_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::passed: return "passed";
    case Verdict::refused: return "refused";
    case Verdict::failed: break;
  }
  return "failed";
}

Outcome run_backend_test(const std::string& folder) {
  try {
    auto source = read_onnx(folder + "/model.onnx");
    if (!source) return not_passed(source.error());
    onnx::ModelProto proto = source->proto();
    const auto inputs = bind_constants(proto, read_tensors(folder, "input"));
    auto model = import(proto);
    if (!model) return not_passed(model.error());
    return run(*model, inputs, read_tensors(folder, "output"));
  } catch (const std::exception& e) {
    return {Verdict::failed, e.what()};
  }
}

}  // namespace octet::conformance
