// Small ONNX models, built in memory, for the tests of the converter's importer and passes.
#pragma once

#include <doctest/doctest.h>
#include <onnx/onnx-ml.pb.h>

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "converter/onnx/import.h"
#include "engine/model.h"

namespace octet_test {

using octet::Graph;
using octet::Result;

inline constexpr std::int64_t kOpen = -1;

/// Deterministic values in [-1, 1).
inline std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(engine() >> 8U) / static_cast<float>(1U << 23U) - 1.0F;
  return values;
}

inline std::size_t count_of(const std::vector<std::int64_t>& shape) {
  return static_cast<std::size_t>(octet::element_count(shape));
}

/// A node being described: attributes are chained on.
class NodeBuilder {
 public:
  explicit NodeBuilder(onnx::NodeProto* node) : node_(node) {}

  NodeBuilder& named(const std::string& name) { return node_->set_name(name), *this; }
  NodeBuilder& with(const std::string& name, std::int64_t value) {
    return add(name, onnx::AttributeProto::INT)->set_i(value), *this;
  }
  NodeBuilder& with(const std::string& name, int value) { return with(name, std::int64_t{value}); }
  NodeBuilder& with(const std::string& name, float value) {
    return add(name, onnx::AttributeProto::FLOAT)->set_f(value), *this;
  }
  NodeBuilder& with(const std::string& name, const char* value) {
    return add(name, onnx::AttributeProto::STRING)->set_s(value), *this;
  }
  NodeBuilder& with(const std::string& name, const std::vector<std::int64_t>& values) {
    onnx::AttributeProto* a = add(name, onnx::AttributeProto::INTS);
    for (const std::int64_t v : values) a->add_ints(v);
    return *this;
  }
  onnx::NodeProto* operator->() { return node_; }
  onnx::AttributeProto* add(const std::string& name, onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto* a = node_->add_attribute();
    a->set_name(name);
    a->set_type(type);
    return a;
  }

 private:
  onnx::NodeProto* node_;
};

class ModelBuilder {
 public:
  explicit ModelBuilder(int opset = 13) {
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(opset);
    proto.mutable_graph()->set_name("test");
  }

  ModelBuilder& input(const std::string& name, const std::vector<std::int64_t>& shape,
                      int type = onnx::TensorProto::FLOAT) {
    onnx::ValueInfoProto* v = proto.mutable_graph()->add_input();
    v->set_name(name);
    v->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    onnx::TensorShapeProto* s = v->mutable_type()->mutable_tensor_type()->mutable_shape();
    for (std::size_t i = 0; i < shape.size(); ++i) {
      onnx::TensorShapeProto::Dimension* d = s->add_dim();
      if (shape[i] == kOpen)
        d->set_dim_param("d" + std::to_string(i));
      else
        d->set_dim_value(shape[i]);
    }
    return *this;
  }
  ModelBuilder& output(const std::string& name) { return proto.mutable_graph()->add_output()->set_name(name), *this; }
  ModelBuilder& f32(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
    onnx::TensorProto* t = tensor(name, shape, onnx::TensorProto::FLOAT);
    for (const float v : values) t->add_float_data(v);
    return *this;
  }
  ModelBuilder& random(const std::string& name, const std::vector<std::int64_t>& shape) {
    return f32(name, shape, random_values(count_of(shape), ++seed_));
  }
  ModelBuilder& s64(const std::string& name, const std::vector<std::int64_t>& values) {
    onnx::TensorProto* t = tensor(name, {static_cast<std::int64_t>(values.size())}, onnx::TensorProto::INT64);
    for (const std::int64_t v : values) t->add_int64_data(v);
    return *this;
  }
  ModelBuilder& s64_matrix(const std::string& name, std::int64_t rows, std::int64_t columns, const std::vector<std::int64_t>& values) {
    onnx::TensorProto* t = tensor(name, {rows, columns}, onnx::TensorProto::INT64);
    for (const std::int64_t v : values) t->add_int64_data(v);
    return *this;
  }
  onnx::TensorProto* tensor(const std::string& name, const std::vector<std::int64_t>& shape, int type) {
    onnx::TensorProto* t = proto.mutable_graph()->add_initializer();
    t->set_name(name);
    t->set_data_type(type);
    for (const std::int64_t size : shape) t->add_dims(size);
    return t;
  }
  NodeBuilder node(const std::string& op, const std::vector<std::string>& inputs,
                   const std::vector<std::string>& outputs) {
    onnx::NodeProto* n = proto.mutable_graph()->add_node();
    n->set_op_type(op);
    for (const std::string& name : inputs) n->add_input(name);
    for (const std::string& name : outputs) n->add_output(name);
    return NodeBuilder(n);
  }

  [[nodiscard]] std::string bytes() const { return proto.SerializeAsString(); }
  [[nodiscard]] Result<Graph> import(const octet::ImportOptions& options = {}) const {
    const std::string file = bytes();
    auto model = octet::parse_onnx(std::as_bytes(std::span(file)), "test.onnx");
    if (!model) return std::move(model).error();
    return octet::import_onnx(*model, options);
  }

  onnx::ModelProto proto;

 private:
  unsigned seed_ = 0;
};

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().text());
  return *std::move(result);
}
inline void must(const Result<void>& result) {
  if (!result) FAIL(result.error().text());
}

/// Every output of the graph, computed by the reference kernels from the given inputs.
inline std::vector<std::vector<float>> run(const Graph& graph, const std::vector<std::vector<float>>& inputs,
                                           int batch = 1) {
  octet::Model model = must(octet::make_model(graph));
  octet::Session session = must(model.session({.batch = batch, .isa = "reference"}));
  std::vector<octet::InputTensor> in(inputs.begin(), inputs.end());
  std::vector<std::vector<float>> results;
  for (const octet::TensorInfo& info : session.outputs()) results.emplace_back(info.elements());
  std::vector<octet::OutputTensor> out(results.begin(), results.end());
  must(session.run(in, out));
  return results;
}

/// Random values for every input.
inline std::vector<std::vector<float>> random_inputs(const Graph& graph, int batch = 1) {
  std::vector<std::vector<float>> inputs;
  for (const int i : graph.inputs) {
    const octet::Tensor& t = graph.tensors[static_cast<std::size_t>(i)];
    inputs.push_back(random_values(count_of(t.shape) * static_cast<std::size_t>(t.batched ? batch : 1),
                                   100 + static_cast<unsigned>(i)));
  }
  return inputs;
}

inline void check_close(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  float worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(b[i]));
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  CHECK(worst <= tolerance * largest);
}

inline std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const octet::Node& node : graph.nodes) names.emplace_back(octet::name_of(node.op()));
  return names;
}

inline const octet::Tensor& output_of(const Graph& graph, std::size_t node) {
  return graph.tensors[static_cast<std::size_t>(graph.nodes[node].outputs[0])];
}
inline const octet::Tensor& input_of(const Graph& graph, std::size_t node, std::size_t i) {
  return graph.tensors[static_cast<std::size_t>(graph.nodes[node].inputs[i])];
}

}  // namespace octet_test
