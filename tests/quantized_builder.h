// ONNX models with QuantizeLinear and DequantizeLinear, for the tests of models that come quantized.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "converter/passes/passes.h"
#include "converter_models.h"
#include "octet/converter.hpp"

namespace octet_test {

using octet::Model;
using octet::schema::Operator;
using Ints = std::vector<std::int64_t>;

/// A ModelBuilder with quantized tensors.
class QuantizedBuilder : public ModelBuilder {
 public:
  QuantizedBuilder& bytes(const std::string& name, const Ints& shape, const std::vector<int>& values, int type) {
    onnx::TensorProto* t = tensor(name, shape, type);
    for (const int v : values) t->add_int32_data(v);
    return *this;
  }
  /// name_s and name_z.
  QuantizedBuilder& parameters(const std::string& name, float scale, int zero_point, int type) {
    f32(name + "_s", {}, {scale});
    return bytes(name + "_z", {}, {zero_point}, type);
  }
  /// `from` through a pair, as `to`.
  QuantizedBuilder& pair(const std::string& from, const std::string& to, float scale, int zero_point, int type = onnx::TensorProto::UINT8) {
    parameters(to, scale, zero_point, type);
    node("QuantizeLinear", {from, to + "_s", to + "_z"}, {to + "_q"});
    node("DequantizeLinear", {to + "_q", to + "_s", to + "_z"}, {to});
    return *this;
  }
  /// A constant of random integers, dequantized.
  QuantizedBuilder& weights(const std::string& name, const Ints& shape, const std::vector<float>& scales, const std::vector<int>& zero_points, int type,
                            std::int64_t axis, unsigned seed) {
    std::vector<int> values;
    for (const float v : random_values(count_of(shape), seed)) values.push_back(static_cast<int>(std::floor(v * 128)) + (type == onnx::TensorProto::UINT8 ? 128 : 0));
    bytes(name + "_q", shape, values, type);
    const Ints count = scales.size() == 1 ? Ints{} : Ints{static_cast<std::int64_t>(scales.size())};
    f32(name + "_s", count, scales).tensor(name + "_z", count, type);
    for (const int z : zero_points) proto.mutable_graph()->mutable_initializer()->rbegin()->add_int32_data(z);
    node("DequantizeLinear", {name + "_q", name + "_s", name + "_z"}, {name}).with("axis", axis);
    return *this;
  }
};

inline Model imported(const ModelBuilder& m) {
  Graph graph = must(m.import());
  must(octet::optimize(graph));
  return must(octet::make_model(std::move(graph)));
}

inline Model quantized(const ModelBuilder& m) { return must(octet::quantize_imported(imported(m), {})); }

inline std::vector<Operator> operators(const Model& model) {
  std::vector<Operator> ops;
  for (const auto& node : model.impl().graph.nodes) ops.push_back(node.op());
  return ops;
}

/// The int8 form gives what the steps of the source give in float, within a step.
inline void check_agrees(const ModelBuilder& m, float step, int batch = 3) {
  const Graph source = imported(m).impl().graph;
  const auto inputs = random_inputs(source, batch);
  const auto expected = run(source, inputs, batch);
  const auto got = run(quantized(m).impl().graph, inputs, batch);
  REQUIRE(got.size() == expected.size());
  float spread = 0;
  for (std::size_t i = 0; i < got[0].size(); ++i) {
    CHECK(std::abs(got[0][i] - expected[0][i]) <= step * 1.001F);
    spread = std::max(spread, std::abs(expected[0][i]));
  }
  CHECK(spread > 5 * step);
}

inline constexpr int kU8 = onnx::TensorProto::UINT8;
inline constexpr int kS8 = onnx::TensorProto::INT8;

}  // namespace octet_test
