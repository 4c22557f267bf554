// Small graphs for tests, built in memory without a file or the converter.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/model.h"
#include "engine/session.h"

namespace octet_test {

using octet::Constant;
using octet::ErrorCode;
using octet::Graph;
using octet::Model;
using octet::Quantization;
using octet::Result;
using octet::Shape;
using octet::Tensor;
using octet::Type;
using octet::attributes;

inline constexpr float kInf = std::numeric_limits<float>::infinity();

/// Per tensor; u8.
inline Quantization affine(float scale, std::int32_t zero_point) { return {{scale}, {zero_point}, -1}; }
/// Weights: one scale a tensor, or with several one an output channel.
inline Quantization symmetric(std::vector<float> scales) {
  const int axis = scales.size() == 1 ? -1 : 0;
  return {std::move(scales), {}, axis};
}

/// Adds tensors and nodes; each call returns the tensor it made.
class GraphBuilder {
 public:
  Graph graph;

  int input(const std::string& name, Type type, Shape shape, Quantization q = {}, bool batched = true) {
    graph.preprocessing.emplace_back();
    graph.inputs.push_back(add({name, type, std::move(shape), batched, std::move(q), {}}));
    return graph.inputs.back();
  }

  template <class T>
  int constant(const std::string& name, Shape shape, std::vector<T> values, Quantization q = {}) {
    return add({name, octet::type_of<T>(), std::move(shape), false, std::move(q), Constant::of(std::move(values))});
  }

  /// A node and its output, both called `name`. The output's shape is inferred by model().
  template <class T>
  int node(const std::string& name, T table, std::vector<int> inputs, Type type = Type::f32, Quantization q = {}) {
    const int out = add({name, type, {}, false, std::move(q), {}});
    graph.source_nodes.push_back({name, "Test"});
    graph.nodes.push_back({name,
                           attributes(std::move(table)),
                           std::move(inputs),
                           {out},
                           {static_cast<int>(graph.source_nodes.size()) - 1},
                           {}});
    return out;
  }

  int add(Tensor t) {
    graph.tensors.push_back(std::move(t));
    return static_cast<int>(graph.tensors.size()) - 1;
  }

  /// With every shape inferred and everything checked.
  [[nodiscard]] Result<Model> model(std::vector<int> outputs) {
    graph.outputs = std::move(outputs);
    if (auto ok = octet::resolve_shapes(graph); !ok) return std::move(ok).error();
    return octet::make_model(graph);
  }
  /// The last tensor added is the output.
  [[nodiscard]] Result<Model> model() { return model({static_cast<int>(graph.tensors.size()) - 1}); }
};

/// The value of a Result that must have one.
template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().text());
  return *std::move(result);
}
inline void must(Result<void> result) {
  if (!result) FAIL(result.error().text());
}

/// An error of this code whose text contains every one of `words`.
template <class T>
void check_error(const Result<T>& result, ErrorCode code, const std::vector<std::string>& words) {
  REQUIRE_FALSE(result.has_value());
  INFO(result.error().text());
  CHECK(result.error().code == code);
  for (const std::string& word : words) CHECK_MESSAGE(result.error().text().find(word) != std::string::npos, word);
}
template <class T>
void check_invalid(const Result<T>& result, const std::vector<std::string>& words) {
  check_error(result, ErrorCode::invalid_file, words);
}

/// Raw bytes of a vector.
template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// Runs a session on the bytes of its inputs; the bytes of its outputs.
inline std::vector<std::vector<std::byte>> run_bytes(octet::Session& session,
                                                     const std::vector<std::vector<std::byte>>& inputs) {
  std::vector<octet::InputTensor> in;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    in.emplace_back(inputs[i].data(), inputs[i].size(), session.inputs()[i].type);
  std::vector<std::vector<std::byte>> out;
  for (const auto& info : session.outputs()) out.emplace_back(info.size_bytes(), std::byte{0xA5});
  std::vector<octet::OutputTensor> targets;
  for (std::size_t i = 0; i < out.size(); ++i)
    targets.emplace_back(out[i].data(), out[i].size(), session.outputs()[i].type);
  must(session.run(in, targets));
  return out;
}

/// One input, one output, batch 1, at the ISA given.
template <class Out, class In>
std::vector<Out> run_one(const Model& model, const std::vector<In>& x, const std::string& isa = "reference") {
  octet::SessionOptions options;
  options.isa = isa;
  auto session = must(model.session(options));
  std::vector<Out> y(session.outputs()[0].elements());
  must(session.run({x}, {y}));
  return y;
}

/// The same on every ISA this CPU has, which must agree byte for byte; for quantized graphs.
template <class Out, class In>
std::vector<Out> run_every_isa(const Model& model, const std::vector<In>& x) {
  const auto y = run_one<Out>(model, x);
  for (const auto isa : octet::kernels::available_isas()) {
    INFO(octet::kernels::name_of(isa));
    CHECK(bytes_of(run_one<Out>(model, x, octet::kernels::name_of(isa))) == bytes_of(y));
  }
  return y;
}

/// Deterministic values.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  /// In [lo, hi].
  std::int64_t integer(std::int64_t lo, std::int64_t hi) {
    return lo + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(hi - lo + 1));
  }
  /// In [lo, hi).
  float real(float lo, float hi) {
    return lo + (hi - lo) * static_cast<float>(engine_() >> 40U) / static_cast<float>(1U << 24U);
  }
  std::vector<float> reals(std::size_t count, float lo, float hi) {
    std::vector<float> values(count);
    for (float& v : values) v = real(lo, hi);
    return values;
  }
  template <class T>
  std::vector<T> integers(std::size_t count, int lo, int hi) {
    std::vector<T> values(count);
    for (T& v : values) v = static_cast<T>(integer(lo, hi));
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace octet_test
