// Operators on tensors of several types: inputs and outputs as values, whatever their type.
#pragma once

#include "tests/support/graph_builder.h"

namespace octet_test {

/// A tensor of a test. Bools are given as bytes of 0 and 1.
struct Typed {
  Type type;
  Shape shape;
  std::vector<std::byte> bytes;
};

template <class T>
Typed typed(Shape shape, const std::vector<T>& values) {
  return {octet::type_of<T>(), std::move(shape), bytes_of(values)};
}
inline Typed bools(Shape shape, const std::vector<std::uint8_t>& values) { return {Type::boolean, std::move(shape), bytes_of(values)}; }

template <class T>
std::vector<T> values_of(const std::vector<std::byte>& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

/// A model of one node of these inputs.
template <class Op>
Result<Model> model_of(const Op& op, const std::vector<Typed>& inputs, Type out) {
  GraphBuilder b;
  std::vector<int> tensors;
  for (const Typed& t : inputs) tensors.push_back(b.input("x" + std::to_string(tensors.size()), t.type, t.shape, {}, false));
  b.node("y", op, tensors, out);
  return b.model();
}

/// What the node computes, on two threads as on one.
template <class T, class Op>
std::vector<T> compute(const Op& op, const std::vector<Typed>& inputs, Type out, const Shape& expected) {
  const Model model = must(model_of(op, inputs, out));
  CHECK(model.outputs()[0].shape == expected);
  std::vector<std::vector<std::byte>> bytes;
  for (const Typed& t : inputs) bytes.push_back(t.bytes);
  std::vector<std::vector<std::byte>> results;
  for (const int threads : {1, 2}) {
    octet::SessionOptions options;
    options.threads = threads;
    auto session = must(model.session(options));
    results.push_back(run_bytes(session, bytes)[0]);
  }
  CHECK(results[0] == results[1]);
  return values_of<T>(results[0]);
}

}  // namespace octet_test
