// Small ONNX files and the data that fits them, for the tests of the program.
#pragma once

#include "../converter_models.h"
#include "cli/data/npy.h"
#include "temp_dir.h"

namespace octet_test {

/// image [N,1,8,8] -> Conv, Relu, MaxPool, Flatten, Gemm -> logits [N,10].
inline ModelBuilder classifier() {
  ModelBuilder m;
  m.input("image", {kOpen, 1, 8, 8}).output("logits");
  m.random("w1", {4, 1, 3, 3}).random("b1", {4}).random("w2", {10, 64}).random("b2", {10});
  m.node("Conv", {"image", "w1", "b1"}, {"c"}).named("conv").with("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  m.node("Relu", {"c"}, {"r"}).named("relu");
  m.node("MaxPool", {"r"}, {"p"})
      .named("pool")
      .with("kernel_shape", std::vector<std::int64_t>{2, 2})
      .with("strides", std::vector<std::int64_t>{2, 2});
  m.node("Flatten", {"p"}, {"f"}).named("flatten");
  m.node("Gemm", {"f", "w2", "b2"}, {"logits"}).named("fc").with("transB", 1);
  return m;
}

/// left, right [N,4] -> sum = left + right, positive = relu(sum).
inline ModelBuilder two_inputs() {
  ModelBuilder m;
  m.input("left", {kOpen, 4}).input("right", {kOpen, 4}).output("sum").output("positive");
  m.node("Add", {"left", "right"}, {"sum"}).named("add");
  m.node("Relu", {"sum"}, {"positive"}).named("relu");
  return m;
}

/// x -> Gemm, Exp, Mean with x, Identity -> y: what is in int8, in float, in two nodes, and gone.
inline ModelBuilder mixed() {
  ModelBuilder m;
  m.input("x", {kOpen, 4}).output("y").random("w", {4, 4});
  m.node("Gemm", {"x", "w"}, {"g"}).named("gemm");
  m.node("Identity", {"g"}, {"i"}).named("same");
  m.node("Exp", {"i"}, {"e"}).named("exp");
  m.node("Mean", {"e", "x"}, {"y"}).named("mean");
  return m;
}

inline octet::cli::Array f32_array(const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  octet::cli::Array array{octet::Type::f32, shape, {}};
  const auto bytes = std::as_bytes(std::span(values));
  array.bytes.assign(bytes.begin(), bytes.end());
  return array;
}

inline octet::cli::Array random_array(const std::vector<std::int64_t>& shape, unsigned seed) {
  return f32_array(shape, random_values(count_of(shape), seed));
}

inline std::string write_array(const TempDir& dir, const std::string& name, const octet::cli::Array& array) {
  must(octet::cli::write_npy(dir.file(name), array));
  return dir.file(name);
}

/// Labels as text, one for each value.
inline std::string write_labels(const TempDir& dir, const std::string& name, const std::vector<std::int64_t>& labels) {
  std::string text;
  for (const std::int64_t label : labels) text += std::to_string(label) + "\n";
  return dir.write(name, text);
}

}  // namespace octet_test
